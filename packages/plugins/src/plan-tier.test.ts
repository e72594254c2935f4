import { type Choice, createCall, type PlanContext, type Strategy, type Tier } from '@inferbridge/core';
import { scripted, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { planTier } from './plan-tier.ts';

const clock = virtualClock();
const call = createCall({ model: 'm', messages: [] }, { clock });
const context = { now: 5 } as PlanContext;
const target = (id: string) => scripted(id, [{ say: 'hi' }], { clock, window: 7 });
const seeing = (): { seen: (readonly Choice[])[]; strategy: Strategy } => {
  const seen: (readonly Choice[])[] = [];
  return {
    seen,
    strategy: (choices) => {
      seen.push(choices);
      return { together: choices.map(({ plan }) => plan) };
    },
  };
};

describe('planTier', () => {
  it('offers each target with its present facts and its place', () => {
    const { seen, strategy } = seeing();
    planTier({ name: 'fast', strategy, targets: [target('a:m'), target('b:m')] }, call, context);
    expect(seen[0]?.map(({ plan }) => 'why' in plan && plan.why)).toEqual([
      'target 1 of fast',
      'target 2 of fast',
    ]);
    expect(seen[0]?.[0]?.candidates).toMatchObject([{ target: { id: 'a:m' }, facts: { window: 7 } }]);
  });

  it('offers a tier within a tier as one choice with all of its candidates', () => {
    const [inner, outer] = [seeing(), seeing()];
    const nested: Tier = { strategy: inner.strategy, targets: [target('b:m'), target('c:m')] };
    const choice = planTier({ strategy: outer.strategy, targets: [target('a:m'), nested] }, call, context);
    expect(outer.seen[0]?.map(({ candidates }) => candidates.map((one) => one.target.id))).toEqual([
      ['a:m'],
      ['b:m', 'c:m'],
    ]);
    expect(choice?.candidates.map((one) => one.target.id)).toEqual(['a:m', 'b:m', 'c:m']);
    expect(choice?.plan).toMatchObject({ together: [{ attempt: {} }, { together: [{}, {}] }] });
  });

  it('asks no strategy where nothing is left to choose from', () => {
    const { seen, strategy } = seeing();
    expect(planTier({ strategy, targets: [{ strategy, targets: [] }] }, call, context)).toBeNull();
    expect(seen).toEqual([]);
  });

  it('hands the context to the strategy', () => {
    let given: PlanContext | null = null;
    const strategy: Strategy = (choices, about) => {
      given = about;
      return { inOrder: choices.map(({ plan }) => plan) };
    };
    planTier({ strategy, targets: [target('a:m')] }, call, context);
    expect(given).toBe(context);
  });
});
