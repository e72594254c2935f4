import { readUsage, type WireUsage } from '@inferbridge/core';
import { seededRandom } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { plainUsage } from './reply-usage.ts';

describe('usage', () => {
  it.each([
    ['that is right already', { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }, {}],
    ['without a total', { prompt_tokens: 3, completion_tokens: 4 }, { total_tokens: 7 }],
    ['without a completion', { prompt_tokens: 3, total_tokens: 7 }, { completion_tokens: 4 }],
    ['of a prompt alone', { prompt_tokens: 3 }, { completion_tokens: 0, total_tokens: 3 }],
    [
      'that leaves reasoning out',
      {
        prompt_tokens: 12,
        completion_tokens: 1,
        total_tokens: 241,
        completion_tokens_details: { reasoning_tokens: 228 },
      },
      { completion_tokens: 229 },
    ],
    [
      'of a total that is too small',
      { prompt_tokens: 3, completion_tokens: 4, total_tokens: 5 },
      { total_tokens: 7 },
    ],
    [
      'with cached tokens at the top',
      { prompt_tokens: 20, completion_tokens: 1, total_tokens: 21, cached_tokens: 10 },
      { prompt_tokens_details: { cached_tokens: 10 } },
    ],
    [
      'with hits and misses',
      {
        prompt_tokens: 20,
        completion_tokens: 1,
        total_tokens: 21,
        prompt_cache_hit_tokens: 16,
        prompt_cache_miss_tokens: 4,
      },
      { prompt_tokens_details: { cached_tokens: 16 } },
    ],
    [
      'with both names for cached tokens',
      {
        prompt_tokens: 20,
        completion_tokens: 1,
        prompt_tokens_details: { cached_tokens: 4, audio_tokens: 0 },
        cached_tokens: 9,
      },
      { prompt_tokens_details: { cached_tokens: 4, audio_tokens: 0 } },
    ],
    [
      'with details that are null',
      { prompt_tokens: 20, completion_tokens: 1, prompt_tokens_details: null, cached_tokens: 9 },
      { prompt_tokens_details: { cached_tokens: 9 } },
    ],
    [
      'with written tokens',
      {
        prompt_tokens: 20,
        completion_tokens: 1,
        total_tokens: 21,
        prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 8 },
      },
      { prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 8 } },
    ],
  ])('%s adds up', (_, given, expected) => {
    const usage = plainUsage(given as WireUsage); // as vendors send it
    expect(usage).toMatchObject(expected);
    expect((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0)).toBe(usage?.total_tokens);
  });

  it('adds up whatever the numbers are', () => {
    const random = seededRandom(3);
    const number = () =>
      [Math.floor(random() * 1e4), undefined, null, -1, '5', Number.NaN][Math.floor(random() * 9)] ?? 7;
    for (let round = 0; round < 500; round++) {
      const usage = plainUsage({
        prompt_tokens: Math.floor(random() * 100),
        completion_tokens: number(),
        total_tokens: number(),
        cached_tokens: number(),
      } as WireUsage); // hostile on purpose
      expect((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0)).toBe(usage?.total_tokens);
      expect(readUsage(usage)).not.toBeNull();
    }
  });
});
