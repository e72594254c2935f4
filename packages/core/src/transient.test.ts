import { describe, expect, it } from 'vitest';
import { createRoster, createTransientMap } from './transient.ts';

describe('roster', () => {
  it('has those who came and have not left, whatever the order in which they leave', () => {
    const roster = createRoster<string>();
    const leave = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, roster.add(name)]));
    expect([...roster].sort()).toEqual(['a', 'b', 'c', 'd']);
    for (const name of ['b', 'd', 'b', 'a']) leave[name]?.();
    expect([...roster]).toEqual(['c']);
    expect(roster.size).toBe(1);
    roster.add('e');
    leave['c']?.();
    leave['c']?.();
    expect([...roster]).toEqual(['e']);
  });

  it('has the same one as often as it came', () => {
    const roster = createRoster<string>();
    const [first] = [roster.add('a'), roster.add('a')];
    first?.();
    expect([...roster]).toEqual(['a']);
  });

  it('tells each of those who leave while they are told', () => {
    const roster = createRoster<() => void>();
    const told: number[] = [];
    for (let n = 0; n < 5; n++) {
      const leave = roster.add(() => {
        told.push(n);
        leave();
      });
    }
    for (const tell of roster) tell();
    expect(told).toEqual([0, 1, 2, 3, 4]);
    expect(roster.size).toBe(0);
  });
});

describe('transient map', () => {
  it('does what a map does, through as many comings and goings as there may be', () => {
    const made = createTransientMap<string, { n: number }>();
    const map = new Map<string, { n: number }>();
    let seed = 1;
    const random = (most: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % most;
    };
    for (let n = 0; n < 20_000; n++) {
      const key = `k${random(300)}`;
      if (random(2) === 0) {
        expect(made.delete(key)).toBe(map.delete(key));
      } else if (!map.has(key)) {
        made.set(key, { n });
        map.set(key, { n });
      }
      expect(made.size).toBe(map.size);
      expect(made.get(key)).toEqual(map.get(key));
    }
    expect([...made]).toEqual([...map]);
    expect(map.size).toBeGreaterThan(50);
  });

  it('keeps its order while some leave that were told', () => {
    const made = createTransientMap<number, object>();
    for (let n = 0; n < 5_000; n++) made.set(n, {});
    const told: number[] = [];
    for (const [key] of made) {
      told.push(key);
      made.delete(key);
    }
    expect(told).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
    expect(made.size).toBe(0);
  });
});
