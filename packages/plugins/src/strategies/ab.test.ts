import { armOf } from '@inferbridge/core';
import { choicesOf, contextOf, idsOf, strategyContract } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { ab } from './ab.ts';

const TWO = { 'a:m': {}, 'b:m': {} };
const users = Array.from({ length: 2_000 }, (_, i) => `user-${i}`);
const armsOf = (options: object, facts: Parameters<typeof choicesOf>[0] = TWO) => {
  const { strategy } = ab([], options);
  const choices = choicesOf(facts);
  return users.map((user) => armOf(strategy(choices, contextOf({ user }))));
};

describe('ab', () => {
  for (const { name, run } of strategyContract(ab)) it(name, run);

  it('deals the same callers to the same arms each time, in shares', () => {
    const arms = armsOf({ weights: [90, 10] });
    expect(armsOf({ weights: [90, 10] })).toEqual(arms);
    expect(arms.filter((arm) => arm === 'B').length / users.length).toBeCloseTo(0.1, 1);
    expect(new Set(armsOf({ weights: [100, 0] }))).toEqual(new Set(['A']));
    expect(new Set(armsOf({ weights: [0, 100] }))).toEqual(new Set(['B']));
  });

  it('assigns by a seed that anybody can work out again', () => {
    const dealt = ['ada', 'bob', 'eve', 'joe'].map((user) =>
      armOf(ab([], { seed: 'spring' }).strategy(choicesOf(TWO), contextOf({ user }))),
    );
    // floor(2 × the first 48 bits of sha256('["spring","","",USER]') / 2^48)
    expect(dealt).toEqual(['A', 'B', 'A', 'B']);
  });

  it('deals independently with another seed', () => {
    const [one, other] = [armsOf({ seed: 'one' }), armsOf({ seed: 'other' })];
    const same = one.filter((arm, i) => arm === other[i]).length;
    expect(Math.abs(same / users.length - 0.5)).toBeLessThan(0.05);
  });

  it.each([
    [{ by: 'session' }, { session: 's-1' }],
    [{ by: 'team' }, { request: { tags: { team: 't-1' } } }],
  ])('sticks by %j', (options, about) => {
    const { strategy } = ab([], options);
    const arms = [0.1, 0.9].map((chance) =>
      armOf(strategy(choicesOf(TWO), contextOf({ ...about, user: `${chance}`, random: () => chance }))),
    );
    expect(arms[0]).toBe(arms[1]);
  });

  it('deals by chance where there is nothing to stick by', () => {
    const arms = [0.1, 0.9].map((chance) =>
      armOf(ab([], { by: 'session' }).strategy(choicesOf(TWO), contextOf({ random: () => chance }))),
    );
    expect(arms).toEqual(['A', 'B']);
  });

  it('plans the one arm alone, unless failures may spill', () => {
    const ids = (options: object) =>
      idsOf(ab([], { weights: [0, 1], ...options }).strategy(choicesOf(TWO), contextOf()));
    expect(ids({})).toEqual(['b:m']);
    expect(ids({ spill: true })).toEqual(['b:m', 'a:m']);
  });

  it('keeps callers on their arm where others lose one, and deals those who cannot be on theirs anew', () => {
    const { strategy } = ab([], { weights: [1, 1, 1] });
    const all = choicesOf({ 'a:m': {}, 'b:m': {}, 'c:m': {} });
    for (const user of users.slice(0, 200)) {
      const before = armOf(strategy(all, contextOf({ user })));
      const after = armOf(strategy(all.slice(1), contextOf({ user })));
      expect(after).toBe(before === 'A' ? after : before);
      expect(after).not.toBe('A');
    }
  });

  it('keeps callers on their arm where the last one drops out, also without weights, and deals its own evenly', () => {
    const { strategy } = ab([]);
    const all = choicesOf({ 'a:m': {}, 'b:m': {}, 'c:m': {} });
    const moved = { A: 0, B: 0 };
    for (const user of users) {
      const arm = (choices: typeof all) => armOf(strategy(choices, contextOf({ user, targets: 3 })));
      const [before, after] = [arm(all), arm(all.slice(0, 2))];
      if (before !== 'C') expect(after).toBe(before);
      else moved[after === 'A' ? 'A' : 'B'] += 1;
    }
    expect(Math.abs(moved.A - moved.B)).toBeLessThan(120);
  });

  it('deals one within another independently', () => {
    const { strategy } = ab([]);
    const at = (place: string) =>
      users.map((user) => armOf(strategy(choicesOf(TWO), contextOf({ user, place }))));
    const [outer, inner] = [at(''), at('target 1 of t')];
    const same = outer.filter((arm, i) => arm === inner[i]).length;
    expect(Math.abs(same / users.length - 0.5)).toBeLessThan(0.05);
  });

  it('names its arms, nested ones after the outer', () => {
    const { strategy } = ab([], { weights: [0, 1], names: ['old', 'new'] });
    const [first, second] = choicesOf(TWO);
    const inner = { inOrder: second ? [second.plan] : [], arm: 'x' };
    const choices = [first, second && { ...second, plan: inner }].filter((choice) => !!choice);
    expect(armOf(strategy(choices, contextOf()))).toBe('new/x');
  });

  it('refuses names and weights that do not fit', () => {
    expect(() => ab.check({ names: ['x'] }, 2)).toThrow(
      'strategy ab: names: one for each target is wanted: 2, got 1',
    );
    expect(() => ab.check({ weights: [1, 2, 3] }, 2)).toThrow('strategy ab: weights: one for each target');
  });
});
