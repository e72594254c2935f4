import { describe, expect, it } from 'vitest';
import { jsonBytes, parseExact, parseJson, replyBytes } from './json.ts';

describe('jsonBytes', () => {
  it('writes UTF-8', () => {
    expect(Buffer.from(jsonBytes({ text: 'grüße 🙂' })).toString('utf8')).toBe('{"text":"grüße 🙂"}');
  });

  it('refuses as the mistake of the caller what cannot be written', () => {
    expect(() => jsonBytes(unwritable())).toThrow(expect.objectContaining({ class: 'invalid_request' }));
  });
});

describe('replyBytes', () => {
  it('blames the upstream for what cannot be written', () => {
    expect(() => replyBytes(unwritable())).toThrow(expect.objectContaining({ class: 'malformed' }));
  });
});

describe('numbers', () => {
  it.each([
    '{"id":1234567890123456789}',
    '{"a":[-1234567890123456789,{"":18446744073709551616}],"b":"1234567890123456789"}',
    '[9007199254740993,9007199254740991,0.1,1e+300]',
    '{"price":0.30000000000000004,"__proto__":12345678901234567890}',
  ])('are written again as they came: %s', (text) => {
    expect(JSON.stringify(parseExact(text))).toBe(text);
  });

  it('are numbers where nothing is around them', () => {
    expect(parseJson('1234567890123456789')).toBe(1234567890123456800);
  });

  it('do not hide what is no JSON', () => {
    expect(() => parseExact('{"id":1234567890123456789')).toThrow(SyntaxError);
    expect(parseJson('{"id":1234567890123456789')).toBeNull();
  });
});

/** Some engines write any depth, none a circle. */
function unwritable(): unknown {
  const circle: unknown[] = [];
  circle.push(circle);
  return circle;
}
