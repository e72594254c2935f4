import { describe, expect, it } from 'vitest';
import { nearest } from './config-error.ts';

describe('nearest', () => {
  it.each([
    ['grok', ['groq', 'openai'], 'groq'],
    ['OPENAI', ['openai'], 'openai'],
    ['antropic', ['openai', 'anthropic'], 'anthropic'],
    ['xyz', ['openai'], null],
    ['port', [], null],
  ])('of %s among %j is %s', (name, known, expected) => {
    expect(nearest(name, known)).toBe(expected);
  });
});
