import { choicesOf, contextOf, idsOf, strategyContract } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { race } from './race.ts';

const OPEN = { blocked: { blocked: 'open', why: 'its breaker is open', forMs: 5_000 } } as const;

describe('race', () => {
  for (const { name, run } of strategyContract(race)) it(name, run);

  it('starts all together', () => {
    const plan = race([]).strategy(choicesOf({ 'a:m': {}, 'b:m': {} }), contextOf());
    expect(plan).toMatchObject({ together: [{ why: 'races' }, { why: 'races' }] });
    expect(idsOf(plan)).toEqual(['a:m', 'b:m']);
  });

  it('starts as many as its width says, of those that can be called, and keeps the others for later', () => {
    const plan = race([], { width: 2 }).strategy(
      choicesOf({ 'a:m': {}, 'b:m': OPEN, 'c:m': {}, 'd:m': {} }),
      contextOf(),
    );
    expect(plan).toMatchObject({ inOrder: [{ together: [{}, {}] }, {}, {}] });
    expect(idsOf(plan)).toEqual(['a:m', 'c:m', 'd:m', 'b:m']);
  });

  it('refuses a width that the tier has no targets for', () => {
    expect(() => race.check({ width: 3 }, 2)).toThrow('strategy race: width: 3, but the tier has 2 targets');
    expect(() => race([], { width: 1 })).toThrow('strategy race: width');
  });
});
