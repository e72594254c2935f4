import { describe, expect, it } from 'vitest';
import { parseLarge } from './large-body.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });
const read = (bytes: Uint8Array): unknown => JSON.parse(decoder.decode(bytes));
const parsed = (text: string) => parseLarge(Buffer.from(text), read);
const long = (start = 'iVBOR', length = 200_000) => start + 'A/b+9='.repeat(length / 6);

describe('a large body', () => {
  it.each<[string, unknown]>([
    ['data: URLs', { a: [{ url: long('data:image/png;base64,') }, { url: long('data:a,') }], b: 'x' }],
    ['bare base64', { source: { type: 'base64', data: long() }, more: [long('/9j/'), long('JVBER')] }],
    ['a bare text', long()],
    ['one as a key', { [long()]: 1, b: long() }],
    ['one named __proto__', JSON.parse(`{"__proto__":"${long()}","b":1}`)],
    ['prose and escapes', { text: 'He said "hi"\n\\ '.repeat(20_000), url: long() }],
    ['what begins like a mark', { text: ':0', more: `${long()}\\`, other: `\\${long()}` }],
    ['quotes within', { text: `a"${long()}"b`, more: `"${long()}` }],
    ['many numbers', { list: Array.from({ length: 50_000 }, (_, at) => at), url: long() }],
    ['only blanks and numbers', Array.from({ length: 100_000 }, () => 1)],
    ['letters beyond ASCII', { text: 'ä€😀'.repeat(30_000), url: long('data:ü') }],
    ['lengths about the limit', [65_530, 65_535, 65_536, 65_537, 65_540].map((length) => 'A'.repeat(length))],
  ])('is read as JSON.parse reads it: %s', (_, value) => {
    for (const indent of [0, 2]) {
      const text = JSON.stringify(value, null, indent);
      const read = parsed(text);
      expect(JSON.stringify(read) === JSON.stringify(JSON.parse(text))).toBe(true);
    }
  });

  it('keeps the fields of an object that is named like its prototype', () => {
    const read = parsed(`{"__proto__":"${long()}"}`);
    expect(Object.keys(read as object)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });

  it('is found in a hundred places and at any offset', () => {
    for (let shift = 0; shift < 70_000; shift += 7_001) {
      const value = {
        pad: ' '.repeat(shift),
        parts: Array.from({ length: 5 }, (_, at) => long(`A${at}`, 70_000)),
      };
      expect(parsed(JSON.stringify(value))).toEqual(value);
    }
  });

  it.each([
    ['a control character in a text', `{"a":"${long()}\n"}`],
    ['no end', `{"a":"${long()}`],
    ['no quote before it', `{"a":${long()}"}`],
    ['something behind a text', `{"a":"b"${long()}"c"}`],
    ['two texts in a row', `["${long()}" "${long()}"]`],
    ['a broken escape', `["${long()}\\x"]`],
  ])('that is no JSON is refused: %s', (_, text) => {
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
    expect(() => parsed(text)).toThrow(SyntaxError);
  });

  it('that is no UTF-8 is refused', () => {
    const bytes = Buffer.concat([
      Buffer.from(`{"b":"${long()}","a":"`),
      Buffer.from([0xff]),
      Buffer.from('"}'),
    ]);
    expect(() => parseLarge(bytes, read)).toThrow(TypeError);
  });
});
