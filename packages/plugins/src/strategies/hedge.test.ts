import type { Plan } from '@inferbridge/core';
import { choicesOf, contextOf, idsOf, strategyContract } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { hedge } from './hedge.ts';

type Staggered = Extract<Plan, { staggered: unknown }>;
const OPEN = { blocked: { blocked: 'open', why: 'its breaker is open', forMs: 5_000 } } as const;
const PRICE = { price: () => 0.4 };

const planned = (facts: Parameters<typeof choicesOf>[0], options?: object): Plan =>
  hedge([], options).strategy(choicesOf(facts), contextOf());
const staggered = (facts: Parameters<typeof choicesOf>[0], options?: object): Staggered =>
  planned(facts, options) as Staggered; // two targets: no more than the two of them

describe('hedge', () => {
  for (const { name, run } of strategyContract(hedge)) it(name, run);

  it.each([
    [{}, { 'a:m': { slowMs: 3_000 } }, 3_000],
    [{}, { 'a:m': { slowMs: 200 } }, 1_000],
    [{}, { 'a:m': {} }, 5_000],
    [{ afterMs: 300 }, { 'a:m': { slowMs: 3_000 } }, 300],
  ])('with %j copies after what the first has shown: %j', (options, facts, afterMs) => {
    expect(staggered({ ...facts, 'b:m': {} }, options).afterMs).toBe(afterMs);
  });

  it('copies to the next that can be called, once, and keeps the others for later', () => {
    const plan = planned({ 'a:m': OPEN, 'b:m': {}, 'c:m': {}, 'd:m': {} });
    expect(idsOf(plan)).toEqual(['b:m', 'c:m', 'd:m', 'a:m']);
    expect(plan).toMatchObject({ inOrder: [{ staggered: [{}, { why: 'copy after 5000 ms' }] }, {}, {}] });
  });

  it('is no hedge where only one is left', () => {
    expect(planned({ 'a:m': {} })).toMatchObject({ attempt: {} });
  });

  it('caps copies as a share of the tier, floor first, and asks when the copy would start', () => {
    const { strategy } = hedge([], { cap: { share: 0.5, floor: 2 } });
    const plan = strategy(choicesOf({ 'a:m': {}, 'b:m': {} }), contextOf()) as Staggered;
    const [, copy] = plan.staggered;
    const take = (now: number) => copy && plan.cap?.take(copy, now);
    expect([take(0), take(0), take(0)]).toEqual([true, true, false]);
    for (let i = 0; i < 6; i++) plan.cap?.note(1_000);
    expect([take(1_000), take(1_000)]).toEqual([true, false]);
    expect([take(200_000), take(200_000), take(200_000)]).toEqual([true, true, false]);
  });

  it('caps copies in money, over all requests of the tier', () => {
    const { strategy } = hedge([], { cap: { usdPerHour: 1 } });
    const choices = choicesOf({ 'a:m': PRICE, 'b:m': PRICE });
    const take = (now: number) => {
      const {
        staggered: [, copy],
        cap,
      } = strategy(choices, contextOf()) as Staggered;
      return copy && cap?.take(copy, now);
    };
    expect([take(0), take(0), take(0)]).toEqual([true, true, false]);
    expect(take(7_200_000)).toBe(true);
  });

  it('makes no copy of unknown price where money is capped', () => {
    const {
      staggered: [, copy],
      cap,
    } = staggered({ 'a:m': {}, 'b:m': {} }, { cap: { usdPerHour: 1 } });
    expect(copy && cap?.take(copy, 0)).toBe(false);
  });

  it('counts all that a copy would start, and a floor of two is two however they are spread', () => {
    const { cap } = staggered({ 'a:m': PRICE, 'b:m': PRICE }, { cap: { usdPerHour: 0.9 } });
    const raced = {
      together: choicesOf({ 'b:m': PRICE, 'c:m': PRICE, 'd:m': PRICE }).map(({ plan }) => plan),
    };
    expect(cap?.take(raced, 0)).toBe(false);
    const spread = staggered({ 'a:m': {}, 'b:m': {} }, { cap: { share: 0, floor: 2 } });
    const [, copy] = spread.staggered;
    const times = [50_000, 55_000, 70_000, 100_000, 109_999, 110_001].map(
      (now) => copy && spread.cap?.take(copy, now),
    );
    expect(times).toEqual([true, true, false, false, false, true]);
  });

  it('needs a target for each copy', () => {
    expect(() => hedge.check({}, 1)).toThrow(
      'strategy hedge: copies: 1 need as many targets besides the first',
    );
    expect(() => hedge([], { afterMs: 0 })).toThrow('strategy hedge: afterMs');
  });
});
