import { parseJson } from '../json.ts';
import { isRecord } from './openai/errors.ts';

/** A call's arguments while they come in, in pieces of any size. */
export interface Arguments {
  add(piece: string): void;
  /** Are they one object, so that nothing more will come? */
  whole(): boolean;
}

/** Every character is looked at once, and the text is read once at most: many small pieces cost no more than few. */
export function createArguments(): Arguments {
  let text = '';
  let depth = 0;
  let quoted = false;
  let escaped = false;
  /** Has the first bracket been closed? What follows it, other than blanks, is no JSON any more. */
  let closed = false;
  let broken = false;
  let isObject: boolean | null = null;

  const bracket = (char: string) => {
    if (char === '"') quoted = true;
    else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    closed = depth === 0 && !quoted;
  };
  const look = (char: string) => {
    if (escaped) escaped = false;
    else if (quoted && char === '\\') escaped = true;
    else if (quoted) quoted = char !== '"';
    else if (BLANKS.includes(char)) return;
    else if (closed) broken = true;
    else bracket(char);
  };

  return {
    add(piece) {
      if (broken) return;
      text += piece;
      for (const char of piece) look(char);
    },
    whole() {
      if (!closed || broken) return false;
      isObject ??= isRecord(parseJson(text));
      return isObject;
    },
  };
}

const BLANKS = ' \t\n\r';
