import { isAscii } from 'node:buffer';
import { randomUUID } from 'node:crypto';

/** Bodies above this are read with an eye on memory: they hold pictures, and a picture need not be copied thrice. */
export const LARGE_BYTES = 1_048_576;
/** Strings above this stay out of what is decoded and parsed. */
const LONG_STRING = 65_536;
const DATA = Buffer.from('"data:');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The same as `JSON.parse`, but long data: URLs are copied once, straight from the bytes. Throws what that throws. */
export function parseLarge(bytes: Uint8Array, decoder: { decode(bytes: Uint8Array): string }): unknown {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = `${randomUUID()}:`;
  const lifted: string[] = [];
  const pieces: Buffer[] = [];
  let from = 0;
  for (let at = body.indexOf(DATA); at >= 0; at = body.indexOf(DATA, at + 1)) {
    const end = body.indexOf(QUOTE, at + 1);
    if (end - at < LONG_STRING || body[at - 1] === BACKSLASH) continue;
    const inside = body.subarray(at + 1, end);
    if (inside.includes(BACKSLASH) || !isAscii(inside)) continue;
    pieces.push(body.subarray(from, at), Buffer.from(`"${mark}${lifted.length}"`));
    lifted.push(inside.toString('latin1'));
    from = end + 1;
    at = end;
  }
  pieces.push(body.subarray(from));
  if (lifted.length === 0) return JSON.parse(decoder.decode(bytes));
  const text = decoder.decode(Buffer.concat(pieces));
  return JSON.parse(text, (_, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark) ? lifted[Number(value.slice(mark.length))] : value,
  );
}
