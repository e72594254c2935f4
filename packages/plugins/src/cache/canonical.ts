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
/** Values and fields; likewise. */
const MOST_NODES = 50_000;
/** Of a request with numbers that a double cannot hold, which is read a second time. */
const MOST_EXACT_BYTES = 262_144;

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
  const said = look(native.body ?? value);
  if (!said || (strict && saysTwice(text()))) return null;
  if (said.plain) return said;
  return byteLength > MOST_EXACT_BYTES ? null : { ...said, body: JSON.parse(text(), exact) };
}

/** `null` where there is too much to look at. */
function look(body: unknown): Said | null {
  const said: Said = { body, names: new Set(), plain: true };
  let nodes = 0;
  const walk = (value: unknown): void => {
    nodes += 1;
    if (typeof value === 'number') {
      if (isInexact(value)) said.plain = false;
    } else if (Array.isArray(value)) {
      for (const item of value) {
        if (nodes > MOST_NODES) return;
        walk(item);
      }
    } else if (typeof value === 'object' && value !== null)
      for (const name of Object.keys(value)) {
        if (nodes > MOST_NODES) return;
        said.names.add(name);
        walk((value as Record<string, unknown>)[name]); // its own keys
      }
  };
  walk(body);
  return nodes > MOST_NODES ? null : said;
}

/** A number as its digits, where a double cannot hold it. */
class Digits {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Whole numbers beyond 2^53 as their digits; the context is ECMAScript's JSON.parse source text access. */
function exact(this: unknown, _: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  return typeof value === 'number' && source !== undefined && isInexact(value)
    ? new Digits(digitsOf(source))
    : value;
}

const isInexact = (value: number): boolean =>
  Number.isInteger(value) ? !Number.isSafeInteger(value) : !Number.isFinite(value);

/** The same for every form of a number: no zero at either end, and an exponent. */
function digitsOf(source: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]\+?(-?\d+))?$/.exec(source) ?? [];
  const digits = whole + fraction;
  let [first, last] = [0, digits.length];
  while (first < last && digits[first] === '0') first += 1;
  while (last > first && digits[last - 1] === '0') last -= 1;
  const power =
    BigInt(exponent.slice(0, MOST_EXPONENT)) - BigInt(fraction.length) + BigInt(digits.length - last);
  const rest = exponent.slice(MOST_EXPONENT); // nobody reads such a number, and it need not have one form
  return `${sign}${digits.slice(first, last)}e${power}${rest && `+${rest}`}`;
}

const MOST_EXPONENT = 20;

function writtenBody({ body, names, plain }: Said, ignored: ReadonlySet<string>): string {
  if (typeof body !== 'object' || body === null) return written(body);
  const fields = Object.fromEntries(Object.entries(body).filter(([name]) => !ignored.has(name)));
  // a list of names tells JSON.stringify their order as well; it looks for each of them in every object
  const few = names.size <= MOST_NAMES && !names.has('__proto__');
  return plain && few ? JSON.stringify(fields, [...names].sort()) : written(fields);
}

const MOST_NAMES = 24;

function written(value: unknown): string {
  if (value instanceof Digits) return `${value.text}n`; // nothing that JSON can hold is written so
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
