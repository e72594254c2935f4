import { type Choice, createCall, leaves } from '@inferbridge/core';
import { scripted, strategyContract, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { priority } from './priority.ts';

describe('priority', () => {
  for (const { name, run } of strategyContract(priority)) it(name, run);

  it('keeps the order in which the tier lists its targets, nested plans included', () => {
    const clock = virtualClock();
    const call = createCall({ model: 'm', messages: [] }, { clock });
    const choices = ['c:m', 'a:m', 'b:m'].map((id): Choice => {
      const target = scripted(id, [{ say: 'hi' }], { clock });
      const candidate = { target, facts: target.facts(call) };
      return { plan: { together: [{ attempt: candidate, why: '' }] }, candidates: [candidate] };
    });
    const plan = priority([]).strategy(choices, {} as never);
    expect(plan).toEqual({ inOrder: choices.map((choice) => choice.plan) });
    expect(leaves(plan).map(({ target }) => target.id)).toEqual(['c:m', 'a:m', 'b:m']);
  });

  it('takes no options', () => {
    expect(() => priority([], { weight: 1 })).toThrow('strategy priority takes no options, but got: weight');
  });
});
