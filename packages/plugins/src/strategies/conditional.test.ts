import { choicesOf, contextOf, idsOf, strategyContract } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { conditional } from './conditional.ts';

const when = [
  { images: true },
  { tags: { team: ['legal', 'hr'] }, tools: false },
  { minInputTokens: 1_000, maxInputTokens: 2_000 },
  {},
];
const FOUR = { 'a:m': {}, 'b:m': {}, 'c:m': {}, 'd:m': {} };
const ids = (request: object) =>
  idsOf(conditional([], { when }).strategy(choicesOf(FOUR), contextOf({ request })));

describe('conditional', () => {
  for (const { name, run } of strategyContract(conditional, { when: [{}, {}, {}, {}, {}] })) it(name, run);

  it.each([
    [{}, ['d:m']],
    [{ images: true }, ['a:m', 'd:m']],
    [{ tags: { team: 'hr' } }, ['b:m', 'd:m']],
    [{ tags: { team: 'hr' }, tools: true }, ['d:m']],
    [{ tags: { team: 'sales' } }, ['d:m']],
    [{ inputTokens: 999 }, ['d:m']],
    [{ inputTokens: 1_000 }, ['c:m', 'd:m']],
    [{ inputTokens: 2_000, images: true }, ['a:m', 'c:m', 'd:m']],
    [{ inputTokens: 2_001 }, ['d:m']],
  ])('sends %j to %j', (request, expected) => {
    expect(ids(request)).toEqual(expected);
  });

  it('plans nobody where no condition holds, rather than somebody who is not meant', () => {
    const plan = conditional([], { when: [{ tools: true }] }).strategy(choicesOf({ 'a:m': {} }), contextOf());
    expect(idsOf(plan)).toEqual([]);
  });

  it('wants one condition for each target, and knows what it can look at', () => {
    expect(() => conditional.check({ when: [{}] }, 2)).toThrow(
      'strategy conditional: when: one condition for each target is wanted: 2, got 1',
    );
    expect(() => conditional([], { when: [{ image: true }] })).toThrow('strategy conditional: when.0');
    expect(() => conditional([])).toThrow('strategy conditional: when');
  });
});
