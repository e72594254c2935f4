import type { ChatRequest } from '@inferbridge/core';

/*
 * A request whose body came in as OpenAI's own JSON and goes out as such needs no serialising again: what is to be
 * different is spliced into the bytes. Big integers, odd escapes and the order of keys stay as the client wrote them.
 */

/** The name of this dialect, for requests that are kept as they came in. */
export const OPENAI_DIALECT = 'openai';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Where a value is, and the key before it. */
interface Member {
  readonly keyStart: number;
  readonly start: number;
  readonly end: number;
}

/**
 * `body`, written with the client's own bytes wherever it says the same as `request`: only fields that were changed,
 * added or left out cost anything. `null` where that takes more than splicing: a key twice, escapes in keys.
 */
export function splicedBody(
  bytes: Uint8Array,
  request: ChatRequest,
  body: Readonly<Record<string, unknown>>,
): Uint8Array | null {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = members(source);
  if (!found) return null;
  const edits: Edit[] = [];
  let kept = 0;
  /** The end of the member before; where none was kept, what is left out takes the comma behind it along. */
  let before = 0;
  let leading: { start: number; end: number; text: string } | null = null;
  for (const [key, { keyStart, start, end }] of found.members) {
    if (leading) {
      leading.end = keyStart;
      leading = null;
    }
    if (body[key] === undefined) {
      if (kept > 0) edits.push({ start: before, end, text: '' });
      else {
        leading = { start: keyStart, end, text: '' };
        edits.push(leading);
      }
    } else {
      kept += 1;
      // the model in the request is the vendor's by now, no longer what the client wrote
      if (body[key] !== request[key] || key === 'model')
        edits.push({ start, end, text: JSON.stringify(body[key]) });
    }
    before = end;
  }
  let rest = '';
  for (const key in body) {
    if (found.members.has(key) || body[key] === undefined) continue;
    rest += `${kept === 0 && rest === '' ? '' : ','}${JSON.stringify(key)}:${JSON.stringify(body[key])}`;
  }
  if (rest !== '') edits.push({ start: found.close, end: found.close, text: rest });
  return edited(source, edits);
}

/** A stretch of bytes, and the text that stands there instead. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function edited(source: Buffer, edits: readonly Edit[]): Uint8Array {
  let size = source.length;
  for (const { start, end, text } of edits)
    size += (text === '' ? 0 : Buffer.byteLength(text)) - (end - start);
  const bytes = Buffer.allocUnsafe(size);
  let from = 0;
  let at = 0;
  for (const { start, end, text } of edits) {
    at += source.copy(bytes, at, from, start);
    if (text !== '') at += bytes.write(text, at);
    from = end;
  }
  source.copy(bytes, at, from);
  return bytes;
}

/** A client's own body with the vendor's model, and without these fields; `null` where that takes more than splicing. */
export function nativeBody(bytes: Uint8Array, model: string, without: readonly string[]): Uint8Array | null {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = members(source);
  if (!found) return null;
  const pieces: Uint8Array[] = [];
  for (const [key, { start, end }] of [['model', { start: 0, end: 0 }] as const, ...found.members]) {
    if (without.includes(key) || (key === 'model' && pieces.length > 0)) continue;
    pieces.push(Buffer.from(`${pieces.length === 0 ? '{' : ','}${JSON.stringify(key)}:`));
    pieces.push(key === 'model' ? Buffer.from(JSON.stringify(model)) : source.subarray(start, end));
  }
  return Buffer.concat([...pieces, CLOSING]);
}

const CLOSING = Buffer.from('}');

/** Where the values of a JSON object's own members are, and its closing brace. `bytes` is known to be valid JSON. */
export function members(body: Buffer): { members: Map<string, Member>; close: number } | null {
  const found = new Map<string, Member>();
  let at = blank(body, 0);
  if (body[at] !== OPEN) return null;
  at = blank(body, at + 1);
  while (body[at] === QUOTE) {
    const keyStart = at;
    const keyEnd = stringEnd(body, at);
    const key = body.toString('utf8', at + 1, keyEnd - 1);
    if (key.includes('\\') || found.has(key)) return null;
    at = blank(body, keyEnd);
    if (body[at] !== COLON) return null;
    const start = blank(body, at + 1);
    const end = valueEnd(body, start);
    found.set(key, { keyStart, start, end });
    at = blank(body, end);
    if (body[at] === CLOSE) return { members: found, close: at };
    if (body[at] !== COMMA) return null;
    at = blank(body, at + 1);
  }
  return null;
}

function blank(body: Buffer, from: number): number {
  let at = from;
  while (isBlank(body[at])) at += 1;
  return at;
}

const isBlank = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Behind the closing quote of the string that begins here. */
function stringEnd(body: Buffer, from: number): number {
  let at = from;
  for (;;) {
    at = body.indexOf(QUOTE, at + 1);
    if (at < 0) return body.length;
    let slashes = 0;
    while (body[at - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
}

function valueEnd(body: Buffer, from: number): number {
  const first = body[from];
  if (first === QUOTE) return stringEnd(body, from);
  let depth = 0;
  for (let at = from; at < body.length; at++) {
    const byte = body[at];
    if (byte === QUOTE) at = stringEnd(body, at) - 1;
    else if (byte === OPEN || byte === 0x5b) depth += 1;
    else if (byte === CLOSE || byte === 0x5d) {
      if (depth === 0) return trimmed(body, from, at);
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (byte === COMMA && depth === 0) return trimmed(body, from, at);
  }
  return body.length;
}

/** A number or a literal ends before the blanks behind it. */
function trimmed(body: Buffer, from: number, to: number): number {
  let end = to;
  while (end > from && isBlank(body[end - 1])) end -= 1;
  return end;
}
