import { describe, expect, it } from 'vitest';
import { jsonBytes, replyBytes } from './json.ts';

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

/** Some engines write any depth, none a circle. */
function unwritable(): unknown {
  const circle: unknown[] = [];
  circle.push(circle);
  return circle;
}
