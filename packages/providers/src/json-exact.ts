import { randomUUID } from 'node:crypto';
import { withoutMarks } from './json-marks.ts';

/** Of ECMAScript's JSON.parse source text access; not in TypeScript's own declarations yet. Source: https://github.com/tc39/proposal-json-parse-with-source (read 2026-11-21). */
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
};

/** A number that is kept as it was written: no object, whatever its type says. */
export const isRawNumber = (value: unknown): boolean => isRawJSON(value);

/** Whole numbers that may be beyond 2^53. */
const LONG_NUMBER = /(?<![\d.])\d{16}/;
const LONG_NUMBERS = /-?(?<![\d.])\d{16,}(?![\d.eE])/g;
/** Characters; a larger text is read as `JSON.parse` reads it, since nobody should wait for it. */
const MOST = 4_194_304;

/**
 * The same as `JSON.parse`, but whole numbers beyond 2^53, such as other services' ids, are written again as they came:
 * a model's arguments are read and written on their way between dialects.
 */
export function parseExact(text: string): unknown {
  if (text.length > MOST || !mayHaveLong(text) || !LONG_NUMBER.test(text)) return JSON.parse(text);
  const mark = `${randomUUID()}:`;
  const marked = withMarks(text, mark);
  if (marked === text) return JSON.parse(text);
  try {
    return withoutMarks(JSON.parse(marked), mark, (digits) =>
      digits === text.trim() ? Number(digits) : rawJSON(digits),
    );
  } catch {
    return JSON.parse(text); // its own words for what is wrong
  }
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

/**
 * Sixteen digits in a row cover every sixteenth place, and half of them lie on one side of it: that is looked for in every
 * reply, and takes a look at one character in sixteen.
 */
function mayHaveLong(text: string): boolean {
  for (let at = 15; at < text.length; at += 16) {
    if (!isDigit(text.charCodeAt(at))) continue;
    if (isDigit(text.charCodeAt(at - 7)) && isDigit(text.charCodeAt(at - 4))) return true;
    if (isDigit(text.charCodeAt(at + 8)) && isDigit(text.charCodeAt(at + 4))) return true;
  }
  return false;
}

/** The text with such numbers as strings, where they stand outside of strings and before no colon. */
function withMarks(text: string, mark: string): string {
  const pieces: string[] = [];
  let from = 0;
  /** Everything before this is known, and it stands outside of any string. */
  let seen = 0;
  let quote = text.indexOf('"');
  for (const { 0: digits, index } of text.matchAll(LONG_NUMBERS)) {
    while (quote >= 0 && quote < index) {
      seen = stringEnd(text, quote);
      quote = text.indexOf('"', seen);
    }
    if (seen > index || Number.isSafeInteger(Number(digits))) continue;
    const end = index + digits.length;
    if (/^\s*:/.test(text.slice(end, end + 100))) continue;
    pieces.push(text.slice(from, index), `"${mark}${digits}"`);
    from = end;
  }
  return pieces.length === 0 ? text : pieces.join('') + text.slice(from);
}

/** Behind the closing quote of the string that begins here. */
function stringEnd(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
  return text.length;
}
