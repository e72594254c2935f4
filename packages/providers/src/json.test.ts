import { describe, expect, it } from 'vitest';
import { jsonBytes } from './json.ts';

describe('jsonBytes', () => {
  it('writes UTF-8', () => {
    expect(Buffer.from(jsonBytes({ text: 'grüße 🙂' })).toString('utf8')).toBe('{"text":"grüße 🙂"}');
  });

  it('refuses as the mistake of the caller what cannot be written', () => {
    let deep: unknown = [];
    for (let i = 0; i < 200_000; i++) deep = [deep];
    expect(() => jsonBytes(deep)).toThrow(expect.objectContaining({ class: 'invalid_request' }));
  });
});
