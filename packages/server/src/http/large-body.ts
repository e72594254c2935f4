import { randomUUID } from 'node:crypto';
import { withoutMarks } from '@inferbridge/providers/inbound';

/** Bodies above this are read with an eye on memory: they hold pictures, and a picture need not be copied thrice. */
export const LARGE_BYTES = 1_048_576;
/** Strings above this stay out of what is decoded and parsed. */
const LONG_STRING = 65_536;
/** What base64 and data: URLs are made of; it means the same in JSON, in ASCII and in UTF-8. */
const PLAIN = /^[A-Za-z0-9+/][A-Za-z0-9+/=:;,._-]*$/;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/**
 * The same as `read`, but long runs of base64, in data: URLs or bare, are copied once, straight from the bytes. Throws
 * what that throws.
 */
export function parseLarge(bytes: Uint8Array, read: (bytes: Uint8Array) => unknown): unknown {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = `${randomUUID()}:`;
  const lifted: string[] = [];
  const pieces: Buffer[] = [];
  let from = 0;
  for (const [start, end] of longStrings(body)) {
    const text = body.toString('latin1', start + 1, end);
    if (!PLAIN.test(text)) continue;
    pieces.push(body.subarray(from, start), Buffer.from(`"${mark}${lifted.length}"`));
    lifted.push(text);
    from = end + 1;
  }
  if (lifted.length === 0) return read(bytes);
  pieces.push(body.subarray(from));
  return withoutMarks(read(Buffer.concat(pieces)), mark, (place) => lifted[Number(place)]);
}

/**
 * The quotes around values that may be long strings without an escape. Between two quotes that far apart there is such
 * a string, or JSON outside of any, which never begins like base64. Looked for in steps, so that the rest costs nothing.
 */
function* longStrings(body: Buffer): Generator<readonly [start: number, end: number]> {
  for (let at = LONG_STRING / 2; at < body.length; at += LONG_STRING / 2) {
    const start = body.lastIndexOf(QUOTE, at);
    const next = body.indexOf(QUOTE, at + 1);
    const end = next < 0 ? body.length : next;
    if (end - start <= LONG_STRING) continue;
    at = end;
    if (start > 0 && next > 0 && body[start - 1] !== BACKSLASH && !isKey(body, end)) yield [start, end];
  }
}

/** Does a colon follow? Keys are nobody's pictures. */
function isKey(body: Buffer, end: number): boolean {
  let at = end + 1;
  while (body[at] === 0x20 || body[at] === 0x0a || body[at] === 0x0d || body[at] === 0x09) at += 1;
  return body[at] === COLON;
}
