import { describe, expect, it } from 'vitest';
import { createArguments } from './arguments.ts';

/** After which of these pieces the arguments are whole. */
function wholeAfter(...pieces: string[]): boolean[] {
  const args = createArguments();
  return pieces.map((piece) => {
    args.add(piece);
    return args.whole();
  });
}

const OBJECTS = [
  '{}',
  '{"a":{"b":[1,{}]},"c":"}"}',
  '{"a":"\\\\","b":"\\"}","c":"\\u007d"}',
  ' {"ü":"—😀{[","n":12345678901234567890}',
];

describe('arguments', () => {
  it.each(OBJECTS)('are whole with their last character and no earlier: %s', (text) => {
    const units = Array.from({ length: text.length }, (_, at) => text.slice(at, at + 1));
    expect(wholeAfter(...units)).toEqual(units.map((_, at) => at === units.length - 1));
  });

  it.each(OBJECTS)('are whole wherever they were split: %s', (text) => {
    for (let at = 0; at <= text.length; at++)
      expect(wholeAfter(text.slice(0, at), text.slice(at)).at(-1)).toBe(true);
  });

  it('stay whole with blanks behind them', () => {
    expect(wholeAfter('{}', ' ', '\n', '')).toEqual([true, true, true, true]);
  });

  it.each(['', '5', '"{}"', '[]', 'null', '{', '{"a":"}', "{'a':1}", '{]', '}{', '{}{}', '{} x', 'x{}'])(
    'are not whole: %j',
    (text) => {
      expect(wholeAfter(text)).toEqual([false]);
      expect(wholeAfter(...text).at(-1) ?? false).toBe(false);
    },
  );
});
