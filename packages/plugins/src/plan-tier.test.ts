import { type Choice, createCall, type PlanContext, type Strategy, type Tier } from '@inferbridge/core';
import { contextOf, scripted, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { type Notes, planTier } from './plan-tier.ts';

const clock = virtualClock();
const call = createCall({ model: 'm', messages: [] }, { clock });
const context = contextOf({ request: { inputTokens: 5 } });
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

  it('keeps the place of each target where one before it has nothing to offer', () => {
    const { seen, strategy } = seeing();
    planTier({ strategy, targets: [{ strategy, targets: [] }, target('b:m')] }, call, context);
    expect(seen[0]?.map(({ index }) => index)).toEqual([1]);
  });

  it('notes whom a strategy passes over, and takes a plan of nobody for nobody', () => {
    const notes: Notes = { unfit: [], passed: [] };
    const first: Strategy = ([choice]) => choice?.plan ?? { inOrder: [] };
    planTier({ by: 'first', strategy: first, targets: [target('a:m'), target('b:m')] }, call, context, notes);
    expect(notes.passed.map((passed) => [passed.target.id, passed.by])).toEqual([['b:m', 'first']]);
    const nobody: Tier = { by: 'nobody', strategy: () => ({ inOrder: [] }), targets: [target('c:m')] };
    const { seen, strategy } = seeing();
    planTier({ strategy, targets: [nobody, target('d:m')] }, call, context, notes);
    expect(seen[0]?.map(({ candidates }) => candidates[0]?.target.id)).toEqual(['d:m']);
    expect(planTier(nobody, call, context)).toBeNull();
  });

  it('leaves out a target whose window is surely too small, and nobody on a guess', () => {
    const notes: Notes = { unfit: [], passed: [] };
    const about = (inputTokens: number) => contextOf({ request: { inputTokens } });
    const tier = { strategy: seeing().strategy, targets: [target('a:m')] };
    expect(planTier(tier, call, about(8), notes)).not.toBeNull();
    expect(planTier(tier, call, about(9), notes)).toBeNull();
    expect(notes.unfit).toMatchObject([
      {
        target: { id: 'a:m' },
        error: { class: 'context_length', message: 'the prompt has about 9 tokens, its window holds 7' },
      },
    ]);
  });

  it('hands the context to the strategy', () => {
    let given: PlanContext | null = null;
    const strategy: Strategy = (choices, about) => {
      given = about;
      return { inOrder: choices.map(({ plan }) => plan) };
    };
    planTier({ strategy, targets: [target('a:m')] }, call, context);
    expect(given).toEqual({ ...context, targets: 1 });
  });
});
