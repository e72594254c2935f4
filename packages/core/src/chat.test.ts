import { describe, expect, it } from 'vitest';
import { chunksOf, textOf } from './chat.ts';

describe('textOf', () => {
  it.each([
    [undefined, ''],
    [{ role: 'user' }, ''],
    [{ role: 'user', content: null }, ''],
    [{ role: 'user', content: 'plain' }, 'plain'],
    [
      {
        role: 'user',
        content: [{ type: 'text', text: 'a' }, { type: 'image_url' }, { type: 'text', text: 'b' }],
      },
      'ab',
    ],
  ])('of %o is "%s"', (message, text) => {
    expect(textOf(message)).toBe(text);
  });
});

describe('chunksOf', () => {
  it('opens with the role, says every character of the text, and stops once', () => {
    const chunks = [...chunksOf('  hello  wide world\n', { id: 'x', model: 'm', created: 3 })];
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: '' });
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(
      '  hello  wide world\n',
    );
    expect(chunks.filter((chunk) => chunk.choices[0]?.finish_reason).length).toBe(1);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    expect(new Set(chunks.map(({ id, model, created }) => `${id} ${model} ${created}`))).toEqual(
      new Set(['x m 3']),
    );
  });
});
