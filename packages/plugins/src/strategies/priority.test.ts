import { choicesOf, contextOf, idsOf, strategyContract } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { priority } from './priority.ts';

describe('priority', () => {
  for (const { name, run } of strategyContract(priority)) it(name, run);

  it('keeps the order in which the tier lists its targets, nested plans included', () => {
    const choices = choicesOf({ 'c:m': {}, 'a:m': {}, 'b:m': {} }).map((choice) => ({
      ...choice,
      plan: { together: [choice.plan] },
    }));
    const plan = priority([]).strategy(choices, contextOf());
    expect(plan).toEqual({ inOrder: choices.map((choice) => choice.plan) });
    expect(idsOf(plan)).toEqual(['c:m', 'a:m', 'b:m']);
  });

  it('takes no options', () => {
    expect(() => priority([], { weight: 1 })).toThrow('strategy priority takes no options, but got: weight');
  });
});
