import type { Usage } from '@inferbridge/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { defaultTiers } from '../compat/tiers.ts';
import { createPrices, type Prices } from './prices.ts';
import { supplement } from './supplement.ts';

const NOW = Date.UTC(2026, 10, 20, 12);
const usage = (inputTokens: number, outputTokens = 0, more: Partial<Usage> = {}): Usage => ({
  inputTokens,
  outputTokens,
  cachedTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  ...more,
});

let prices: Prices;
beforeAll(async () => {
  prices = createPrices({
    acme: {
      'acme-1': { input: 0.5, output: 1.5 },
      'acme-2': { input: 1, output: 2, cachedInput: 0.1, cacheWrite: 1.25 },
      free: { input: 0, output: 0 },
    },
    groq: { 'openai/gpt-oss-20b': { input: 7, output: 8 } },
  });
  await prices.load();
});

const cost = (provider: string, model: string, used: Usage, at = NOW) => {
  const price = prices.of(provider, model);
  if (!price) throw new Error(`no price for ${provider}:${model}`);
  return price(used, at);
};

describe('every default model', () => {
  const targets = Object.values(defaultTiers.tiers).flatMap(({ targets: all }) => all.map(String));
  const models = [...new Set(targets)]
    .filter((target) => !target.startsWith('krutrim:'))
    .map((target) => [target.slice(0, target.indexOf(':')), target.slice(target.indexOf(':') + 1)] as const);

  it.each(models)('of %s, %s, has a price above zero', (provider, model) => {
    expect(cost(provider, model, usage(1_000, 1_000))).toBeGreaterThan(0);
  });

  it('but those whose vendor publishes none', () => {
    expect(prices.of('krutrim', 'Krutrim-spectre-v2')).toBeNull();
  });
});

describe('a configured price', () => {
  it('is in dollars per million tokens', () => {
    expect(cost('acme', 'acme-1', usage(1_000_000, 2_000_000))).toBeCloseTo(0.5 + 3, 12);
  });

  it('wins over what the tables say', () => {
    expect(cost('groq', 'openai/gpt-oss-20b', usage(1_000_000, 1_000_000))).toBeCloseTo(15, 12);
  });

  it('bills cached and written tokens at their own rates, and inside the input, not on top', () => {
    expect(
      cost('acme', 'acme-2', usage(1_000, 100, { cachedTokens: 600, cacheWriteTokens: 300 })),
    ).toBeCloseTo((100 * 1 + 600 * 0.1 + 300 * 1.25 + 100 * 2) / 1e6, 15);
  });

  it('bills what is written for an hour at twice the input', () => {
    const written = { cacheWriteTokens: 300, hourWriteTokens: 200 };
    expect(cost('acme', 'acme-2', usage(1_000, 0, written))).toBeCloseTo(
      (700 * 1 + 100 * 1.25 + 200 * 2) / 1e6,
      15,
    );
  });

  it('bills them as input where they have no rate', () => {
    expect(cost('acme', 'acme-1', usage(1_000, 0, { cachedTokens: 600, cacheWriteTokens: 300 }))).toBeCloseTo(
      (1_000 * 0.5) / 1e6,
      15,
    );
  });

  it('of zero is zero, which is not unknown', () => {
    expect(cost('acme', 'free', usage(10, 10))).toBe(0);
  });
});

describe('the tables', () => {
  it.each([
    ['openai', 'gpt-4.1-mini', usage(1_000_000, 1_000_000), 0.4 + 1.6],
    ['openai', 'gpt-4o-mini', usage(1_000_000, 1_000_000, { cachedTokens: 1_000_000 }), 0.075 + 0.6],
    [
      'openai',
      'gpt-6.1-terra',
      usage(100_000, 1_000, { cachedTokens: 10_000, cacheWriteTokens: 5_000 }),
      (85_000 * 1 + 10_000 * 0.05 + 5_000 * 1.25 + 1_000 * 5) / 1e6,
    ],
    ['openai', 'gpt-6-luna', usage(100_000, 100_000), (100_000 * 0.1 + 100_000 * 0.5) / 1e6],
    ['anthropic', 'claude-sonnet-5-5', usage(1_000_000, 1_000_000), 12],
    ['anthropic', 'claude-haiku-4-5', usage(100_000, 100_000), (100_000 * 1 + 100_000 * 5) / 1e6],
    ['mistral', 'mistral-large-4', usage(1_000_000, 1_000_000), 0.7 + 2.1],
    ['sarvam', 'sarvam-105b', usage(1_000_000, 0), 29.28 / 88],
  ])('bill %s %s', (provider, model, used, expected) => {
    expect(cost(provider, model, used)).toBeCloseTo(expected, 9);
  });

  it.each([
    ['openai', 'gpt-6.1-terra', 272_000, 272_000 * 1 + 1_000 * 5, 272_001 * 2 + 1_000 * 7.5],
    ['anthropic', 'claude-haiku-5-5', 100_000, 100_000 * 0.1 + 1_000 * 0.5, 100_001 * 0.5 + 1_000 * 2.5],
    ['anthropic', 'claude-sonnet-4-5', 200_000, 200_000 * 3 + 1_000 * 15, 200_001 * 6 + 1_000 * 22.5],
  ])(
    'bill %s %s by its longer rates beyond %i tokens of input, all of it',
    (provider, model, limit, at, beyond) => {
      expect(cost(provider, model, usage(limit, 1_000))).toBeCloseTo(at / 1e6, 9);
      expect(cost(provider, model, usage(limit + 1, 1_000))).toBeCloseTo(beyond / 1e6, 9);
    },
  );

  it('know a model by a dated name too', () => {
    expect(cost('anthropic', 'claude-sonnet-4-5-20250929', usage(1_000, 0))).toBeCloseTo(0.003, 12);
  });

  it('bill by the hour of the request', () => {
    const quiet = cost(
      'deepseek',
      'deepseek-v4-pro',
      usage(1_000_000, 1_000_000),
      Date.UTC(2026, 10, 20, 12),
    );
    const busy = cost('deepseek', 'deepseek-v4-pro', usage(1_000_000, 1_000_000), Date.UTC(2026, 10, 20, 2));
    expect(quiet).toBeCloseTo(0.66 + 1.98, 9);
    expect(busy).toBeCloseTo(1.32 + 3.96, 9);
  });

  it('bill by the date of the request', () => {
    const before = cost('anthropic', 'claude-opus-4-6', usage(300_000, 0), Date.UTC(2026, 2, 1));
    const after = cost('anthropic', 'claude-opus-4-6', usage(300_000, 0), Date.UTC(2026, 10, 20));
    expect(before).toBeCloseTo(3, 9);
    expect(after).toBeCloseTo(1.5, 9);
    expect(cost('anthropic', 'claude-opus-4-6', usage(300_000, 0), Date.UTC(2026, 2, 1))).toBeCloseTo(3, 9);
  });
});

describe('an unknown price', () => {
  it.each([
    ['openai', 'gpt-99'],
    ['nobody', 'gpt-4o'],
    ['anthropic', 'my-own-sonnet-5-clone'],
    ['anthropic', 'claude-sonnet-4-5-experimental'],
    ['acme', 'acme-9'],
    ['openai', ''],
    ['', ''],
    ['groq', 'toString'],
    ['constructor', 'x'],
  ])('of %s "%s" is null, and stays so', (provider, model) => {
    expect(prices.of(provider, model)).toBeNull();
    expect(prices.of(provider, model)).toBeNull();
  });
});

describe('what else the tables know', () => {
  it('is the context window, where they have it', () => {
    expect(prices.windowOf('anthropic', 'claude-sonnet-4-5')).toBe(200_000);
    expect(prices.windowOf('nobody', 'x')).toBeNull();
  });

  it('is the models of a provider', () => {
    expect(prices.modelsOf('openai')).toContain('gpt-4.1-mini');
    expect(prices.modelsOf('nobody')).toEqual([]);
  });

  it('is their date', () => {
    expect(prices.lastUpdated).toMatch(/^2026-\d\d-\d\d$/);
    expect(prices.lastUpdated).toBe(supplement.date);
  });
});
