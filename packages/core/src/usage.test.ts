import { describe, expect, it } from 'vitest';
import type { WireUsage } from './chat.ts';
import { readUsage, writeUsage } from './usage.ts';

describe('readUsage', () => {
  it('reads every count that the wire has', () => {
    const usage = readUsage({
      prompt_tokens: 100,
      completion_tokens: 20,
      total_tokens: 120,
      prompt_tokens_details: { cached_tokens: 40, cache_write_tokens: 10 },
      completion_tokens_details: { reasoning_tokens: 5 },
    });
    expect(usage).toEqual({
      inputTokens: 100,
      outputTokens: 20,
      cachedTokens: 40,
      cacheWriteTokens: 10,
      reasoningTokens: 5,
    });
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a string', 'many'],
    ['no prompt tokens', { completion_tokens: 3 }],
    ['a negative count', { prompt_tokens: -1, completion_tokens: 3 }],
    ['a count of 1e308', { prompt_tokens: 1e308, completion_tokens: 3 }],
    ['a count as a string', { prompt_tokens: '12', completion_tokens: 3 }],
    ['not a number', { prompt_tokens: Number.NaN, completion_tokens: 3 }],
    ['an absurd output', { prompt_tokens: 3, completion_tokens: Number.POSITIVE_INFINITY }],
  ])('is null for %s', (_, wire) => {
    expect(readUsage(wire as WireUsage)).toBeNull();
  });

  it('takes missing output for none, as embeddings have it', () => {
    expect(readUsage({ prompt_tokens: 7 })?.outputTokens).toBe(0);
  });

  it('counts into the output what a total has beyond input and output', () => {
    const usage = readUsage({ prompt_tokens: 10, completion_tokens: 5, total_tokens: 40 });
    expect(usage?.outputTokens).toBe(30);
  });

  it('believes no more cached or written tokens than there was input', () => {
    const usage = readUsage({
      prompt_tokens: 10,
      completion_tokens: 1,
      prompt_tokens_details: { cached_tokens: 99, cache_write_tokens: 98 },
    });
    expect([usage?.cachedTokens, usage?.cacheWriteTokens]).toEqual([10, 10]);
  });

  it.each([
    [4, { hourWriteTokens: 4 }],
    [99, { hourWriteTokens: 6 }],
    [0, {}],
    ['x', {}],
  ])('knows how much of what was written is kept for an hour: %s', (given, expected) => {
    const { hourWriteTokens, ...rest } = readUsage({
      prompt_tokens: 10,
      completion_tokens: 1,
      prompt_tokens_details: { cache_write_tokens: 6 },
      cache_creation: { ephemeral_1h_input_tokens: given as number },
    }) ?? { cacheWriteTokens: 0 };
    expect(hourWriteTokens === undefined ? {} : { hourWriteTokens }).toEqual(expected);
    expect(rest.cacheWriteTokens).toBe(6);
  });

  it('leaves absurd details at zero and keeps the rest', () => {
    const usage = readUsage({
      prompt_tokens: 10,
      completion_tokens: 4,
      prompt_tokens_details: { cached_tokens: -3 },
      completion_tokens_details: { reasoning_tokens: 1e300 },
    });
    expect(usage).toMatchObject({ inputTokens: 10, outputTokens: 4, cachedTokens: 0, reasoningTokens: 0 });
  });
});

describe('writeUsage', () => {
  it('is read back as it was', () => {
    const usage = {
      inputTokens: 9,
      outputTokens: 8,
      cachedTokens: 3,
      cacheWriteTokens: 2,
      reasoningTokens: 1,
    };
    expect(readUsage(writeUsage(usage))).toEqual(usage);
  });

  it('adds up the total', () => {
    const usage = {
      inputTokens: 9,
      outputTokens: 8,
      cachedTokens: 0,
      cacheWriteTokens: 0,
      reasoningTokens: 0,
    };
    expect(writeUsage(usage)).toEqual({
      prompt_tokens: 9,
      completion_tokens: 8,
      total_tokens: 17,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    });
  });
});
