import { choicesOf, contextOf, idsOf, seededRandom, strategyContract } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { weighted } from './weighted.ts';

const OPEN = { blocked: { blocked: 'open', why: 'its breaker is open', forMs: 5_000 } } as const;

/** How often each one came first in 4,000 plans of one seed. */
function firsts(facts: Parameters<typeof choicesOf>[0], options?: object): Record<string, number> {
  const { strategy } = weighted([], options);
  const choices = choicesOf(facts);
  const context = contextOf({ random: seededRandom(7) });
  const counts: Record<string, number> = {};
  for (let i = 0; i < 4_000; i++) {
    const [first = ''] = idsOf(strategy(choices, context));
    counts[first] = (counts[first] ?? 0) + 1;
  }
  return counts;
}

describe('weighted', () => {
  for (const { name, run } of strategyContract(weighted)) it(name, run);

  it('gives each its share', () => {
    const {
      'a:m': a = 0,
      'b:m': b = 0,
      'c:m': c = 0,
    } = firsts({ 'a:m': {}, 'b:m': {}, 'c:m': {} }, { weights: [70, 20, 10] });
    expect([a / 4_000, b / 4_000, c / 4_000].map((share) => Math.round(share * 20) / 20)).toEqual([
      0.7, 0.2, 0.1,
    ]);
  });

  it('shares alike without weights, as keys in rotation want it', () => {
    const { 'a:m': a = 0, 'b:m': b = 0 } = firsts({ 'a:m': {}, 'b:m': {} });
    expect(Math.abs(a - b)).toBeLessThan(300);
  });

  it('keeps the weights at their targets where one of them cannot serve', () => {
    const [, b, c] = choicesOf({ 'a:m': {}, 'b:m': {}, 'c:m': {} });
    const plan = weighted([], { weights: [1, 0, 1] }).strategy(
      [b, c].filter((choice) => !!choice),
      contextOf(),
    );
    expect(idsOf(plan)).toEqual(['c:m']);
  });

  it('draws who is blocked last, and leaves out weight 0 unless nobody else is there', () => {
    expect(firsts({ 'a:m': OPEN, 'b:m': {} }, { weights: [99, 1] })).toEqual({ 'b:m': 4_000 });
    const { strategy } = weighted([], { weights: [0, 1] });
    expect(idsOf(strategy(choicesOf({ 'a:m': {}, 'b:m': {} }), contextOf()))).toEqual(['b:m']);
    expect(idsOf(strategy(choicesOf({ 'a:m': {} }), contextOf()))).toEqual(['a:m']);
  });

  it.each([
    [[1], 2, 'weights: one for each target is wanted: 2, got 1'],
    [[0, 0], 2, 'weights: at least one must be above 0'],
    [[-1, 2], 2, 'weights.0'],
  ])('refuses the weights %j for %i targets', (weights, targets, why) => {
    expect(() => weighted.check({ weights }, targets)).toThrow(`strategy weighted: ${why}`);
  });
});
