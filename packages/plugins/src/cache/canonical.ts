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

/**
 * The request's meaning as a digest: the same for every order of keys, white space and form of numbers, another one for
 * everything that may change the answer. `null` where it cannot be told.
 */
export function meaningOf(request: Request, { strict }: { readonly strict: boolean }): string | null {
  try {
    const said = saidBy(request, strict);
    if (said === null) return null;
    const { headers = {}, body: translated } = (request.operation === 'chat' && request.native) || {};
    const ignored = translated ? IGNORED : IGNORED_IN_CHATS;
    return hash('sha256', `${written(headers)}\n${writtenBody(said, ignored)}`, 'hex');
  } catch {
    return null; // nested too deeply to be written
  }
}

/** The dialect in which was asked; empty for the canonical form itself. */
export const dialectOf = (request: Request): string =>
  request.operation === 'chat' ? (request.native?.dialect ?? '') : '';

/** What was said, as it came in where that tells more than what was read from it. */
interface Said {
  readonly body: unknown;
  /** Of all fields, however deep. */
  readonly names: Set<string>;
  /** Nothing in it but what JSON can hold, and a double can hold exactly. */
  plain: boolean;
}

function saidBy(request: Request, strict: boolean): Said | null {
  const { value } = request;
  const native = request.operation === 'chat' ? request.native : undefined;
  if (!native || native.of !== value) return look(value);
  if (native.bytes.length > MOST_BYTES) return null;
  const { buffer, byteOffset, byteLength } = native.bytes;
  const text = () => Buffer.from(buffer, byteOffset, byteLength).toString('utf8');
  if (strict && saysTwice(text())) return null;
  const said = look(native.body ?? value);
  return said.plain ? said : { ...said, body: JSON.parse(text(), exact) };
}

function look(body: unknown): Said {
  const said: Said = { body, names: new Set(), plain: true };
  const walk = (value: unknown): void => {
    if (typeof value === 'string') return;
    if (typeof value === 'number') {
      if (Number.isInteger(value) ? !Number.isSafeInteger(value) : !Number.isFinite(value))
        said.plain = false;
    } else if (typeof value === 'bigint' || typeof value === 'symbol') said.plain = false;
    else if (Array.isArray(value)) for (const item of value) walk(item);
    else if (typeof value === 'object' && value !== null)
      for (const name of Object.keys(value)) {
        said.names.add(name);
        walk((value as Record<string, unknown>)[name]); // its own keys
      }
  };
  walk(body);
  return said;
}

/** Whole numbers beyond 2^53 as their digits; the context is ECMAScript's JSON.parse source text access. */
function exact(this: unknown, _: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined || Number.isSafeInteger(value)) return value;
  if (/^-?\d+$/.test(source)) return BigInt(source);
  return Number.isFinite(value) ? value : Symbol.for(source.toLowerCase().replace('+', ''));
}

function writtenBody({ body, names, plain }: Said, ignored: ReadonlySet<string>): string {
  if (typeof body !== 'object' || body === null) return written(body);
  const fields = Object.fromEntries(Object.entries(body).filter(([name]) => !ignored.has(name)));
  // a list of names tells JSON.stringify their order as well; it looks for each of them in every object
  const few = names.size <= MOST_NAMES && !names.has('__proto__');
  return plain && few ? JSON.stringify(fields, [...names].sort()) : written(fields);
}

const MOST_NAMES = 24;

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
