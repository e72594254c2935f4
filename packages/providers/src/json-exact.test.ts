import { describe, expect, it } from 'vitest';
import { isRecord } from './dialects/openai/errors.ts';
import { isRawNumber, parseExact } from './json-exact.ts';

const BIG = '1234567890123456789';

describe('numbers', () => {
  it.each([
    `{"id":${BIG}}`,
    `{"a":[-${BIG},{"":18446744073709551616}],"b":"${BIG}"}`,
    '[9007199254740993,9007199254740991,0.1,1e+300]',
    '{"price":0.30000000000000004,"__proto__":12345678901234567890}',
    `{"text":"he said \\"${BIG}\\" and \\\\","more":"${BIG}, ${BIG}","id":${BIG}}`,
    `{"${BIG}":${BIG},"a":["${BIG}",${BIG}]}`,
    `[0.${BIG},1.5,-9223372036854775808]`.replace(`0.${BIG}`, '0.12345678901234568'),
  ])('are written again as they came: %s', (text) => {
    expect(JSON.stringify(parseExact(text))).toBe(text);
  });

  it.each([BIG, `  ${BIG}\n`, `${BIG}.5`, `[${BIG}.5,${BIG}e3,1.${BIG}]`, `"${BIG}"`, ` {"a" : "${BIG}" } `])(
    'are what JSON.parse makes of them elsewhere: %j',
    (text) => {
      expect(parseExact(text)).toEqual(JSON.parse(text));
    },
  );

  it.each([
    `{"id":${BIG}`,
    `{${BIG}:1}`,
    `{${BIG} :1}`,
    `[0${BIG}]`,
    `[--${BIG}]`,
    `[+${BIG}]`,
    `[.${BIG}]`,
    `[${BIG}a]`,
    `["a"${BIG}]`,
    `[${BIG}"a"]`,
    `["${BIG}]`,
    `${BIG} ${BIG}`,
  ])('do not hide what is no JSON: %s', (text) => {
    let theirs: unknown;
    try {
      JSON.parse(text);
    } catch (error) {
      theirs = error;
    }
    expect(theirs).toBeInstanceOf(SyntaxError);
    expect(() => parseExact(text)).toThrow((theirs as Error).message);
  });

  it('are found wherever they stand, however long they are', () => {
    for (let before = 0; before < 40; before++)
      for (const digits of ['9007199254740993', '12345678901234567', BIG, `${BIG}${BIG}`]) {
        const text = `[1,${' '.repeat(before)}${digits}]`;
        expect(JSON.stringify(parseExact(text))).toBe(`[1,${digits}]`);
      }
  });

  it('are no objects', () => {
    const { id } = parseExact(`{"id":${BIG}}`) as { id: unknown };
    expect(isRawNumber(id)).toBe(true);
    expect(isRecord(id)).toBe(false);
    for (const value of [{}, { rawJSON: '1' }]) expect(isRecord(value)).toBe(true);
  });

  it('in a text that is too large are left alone', () => {
    const text = `{"id":${BIG},"pad":"${' '.repeat(5_000_000)}"}`;
    expect((parseExact(text) as { id: number }).id).toBe(Number(BIG));
  });
});
