import { hash } from 'node:crypto';
import type { Request } from '@inferbridge/core';

/**
 * What a request may say without changing its answer. Everything else counts, known or not: a field that is forgotten
 * here costs a hit, one that were forgotten in a list of those that count would give a wrong answer.
 */
const IGNORED: ReadonlySet<string> = new Set([
  'model', // it stands in the key as provider and model
  'models',
  'stream',
  'stream_options',
]);

/** The same of a chat's own dialect; others repeat some of these in their answers. */
const IGNORED_IN_CHATS: ReadonlySet<string> = new Set([
  ...IGNORED,
  'user',
  'metadata',
  'store',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
]);

/** Larger requests are not cached: nobody should wait while they are written in order. */
const MOST_BYTES = 4_194_304;

/** Numbers that a double may not hold. */
const LONG_NUMBER = /\d{16}|\d[eE]\+?\d{3}/;

/**
 * The request's meaning as a digest: the same for every order of keys, white space and form of numbers, another one for
 * everything that may change the answer. `null` where it cannot be told.
 */
export function meaningOf(request: Request, { strict }: { readonly strict: boolean }): string | null {
  try {
    const body = bodyOf(request, strict);
    if (body === undefined) return null;
    const { headers = {}, body: translated } = (request.operation === 'chat' && request.native) || {};
    const ignored = translated ? IGNORED : IGNORED_IN_CHATS;
    return hash('sha256', `${written(headers)}\n${writtenBody(body, ignored)}`, 'hex');
  } catch {
    return null; // nested too deeply to be written
  }
}

/** The dialect in which was asked; empty for the canonical form itself. */
export const dialectOf = (request: Request): string =>
  request.operation === 'chat' ? (request.native?.dialect ?? '') : '';

/** As it came in where that tells more than what was read from it. */
function bodyOf(request: Request, strict: boolean): unknown {
  const { value } = request;
  const native = request.operation === 'chat' ? request.native : undefined;
  if (!native || native.of !== value) return value;
  if (native.bytes.length > MOST_BYTES) return undefined;
  const { buffer, byteOffset, byteLength } = native.bytes;
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  const text = () => bytes.toString('utf8');
  if (strict && saysTwice(text())) return undefined;
  const long = LONG_NUMBER.test(bytes.toString('latin1')); // digits are digits there as well, and it is had sooner
  return long ? JSON.parse(text(), exact) : (native.body ?? value);
}

/** Whole numbers beyond 2^53 as their digits; the context is ECMAScript's JSON.parse source text access. */
function exact(this: unknown, _: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined || Number.isSafeInteger(value)) return value;
  if (/^-?\d+$/.test(source)) return BigInt(source);
  return Number.isFinite(value) ? value : Symbol.for(source.toLowerCase().replace('+', ''));
}

function writtenBody(body: unknown, ignored: ReadonlySet<string>): string {
  if (typeof body !== 'object' || body === null) return written(body);
  const fields = body as Readonly<Record<string, unknown>>; // an object has fields; each is looked at as unknown
  return object(
    fields,
    Object.keys(fields).filter((name) => !ignored.has(name)),
  );
}

function written(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`; // nothing that JSON can hold is written so
  if (typeof value === 'symbol') return `${value.description}s`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(written).join(',')}]`;
  return object(value as Readonly<Record<string, unknown>>, Object.keys(value)); // as above
}

function object(fields: Readonly<Record<string, unknown>>, names: readonly string[]): string {
  const sorted = [...names].sort();
  let text = '{';
  for (const name of sorted) {
    const value = fields[name];
    if (value !== undefined) text += `${text === '{' ? '' : ','}${JSON.stringify(name)}:${written(value)}`;
  }
  return `${text}}`;
}

/**
 * Does an object in this text have a key twice? One reader keeps the first, another the last; where answers are shared
 * between users, one of them could so put an answer under the other's question.
 */
function saysTwice(text: string): boolean {
  const open: (Set<string> | null)[] = [];
  const token = /"(?:[^"\\]+|\\.)*"|[{}[\]]/gs;
  const colon = /\s*:/y;
  for (const match of text.matchAll(token)) {
    const [piece] = match;
    if (piece === '{') open.push(new Set());
    else if (piece === '[') open.push(null);
    else if (piece === '}' || piece === ']') open.pop();
    else {
      const keys = open.at(-1);
      colon.lastIndex = match.index + piece.length;
      if (!keys || !colon.test(text)) continue;
      const key: unknown = JSON.parse(piece);
      if (keys.has(key as string)) return true; // a quoted piece is read as a string
      keys.add(key as string);
    }
  }
  return false;
}
