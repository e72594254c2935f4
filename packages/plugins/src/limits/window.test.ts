import { seededRandom } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { createWindow } from './window.ts';

/** `SEEDS=5000` runs more of them, `FIRST_SEED=17 SEEDS=1` repeats one. */
const SEEDS = Number(process.env['SEEDS'] ?? 300);
const FIRST_SEED = Number(process.env['FIRST_SEED'] ?? 1);

describe('a window of sixty seconds', () => {
  it('lets through as much as there is, and says when there is room again', () => {
    const window = createWindow();
    for (let i = 0; i < 3; i++) {
      expect(window.waitFor(1, 3, 5_250)).toBe(0);
      window.add(1, 5_250);
    }
    expect(window.waitFor(1, 3, 5_250)).toBe(60_750);
    expect(window.waitFor(1, 3, 65_000)).toBe(1_000);
    expect(window.waitFor(1, 3, 65_999)).toBe(1);
    expect(window.waitFor(1, 3, 66_000)).toBe(0);
  });

  it('waits for as many seconds to leave as it takes', () => {
    const window = createWindow();
    for (let second = 0; second < 5; second++) window.add(10, second * 1_000);
    expect(window.waitFor(10, 50, 4_000)).toBe(57_000);
    expect(window.waitFor(30, 50, 4_000)).toBe(59_000);
    expect(window.waitFor(50, 50, 4_000)).toBe(61_000);
  });

  it('never has room for what is more than the limit alone', () => {
    const window = createWindow();
    expect(window.waitFor(11, 10, 0)).toBe(Number.POSITIVE_INFINITY);
    expect(window.waitFor(10, 10, 0)).toBe(0);
  });

  it('has room for what was given back', () => {
    const window = createWindow();
    const second = window.add(10, 500);
    window.giveBack(4, second, 30_000);
    expect(window.waitFor(4, 10, 30_000)).toBe(0);
    expect(window.waitFor(5, 10, 30_000)).toBe(31_000);
  });

  it('takes back no more than was taken in that second, and none of a second that has left', () => {
    const window = createWindow();
    const old = window.add(10, 0);
    window.add(10, 1_000);
    window.giveBack(100, old, 2_000);
    expect(window.waitFor(10, 20, 2_000)).toBe(0);
    expect(window.waitFor(11, 20, 2_000)).toBe(60_000);
    const older = window.add(5, 2_000);
    window.add(20, older * 1_000 + 61_000);
    window.giveBack(5, older, older * 1_000 + 61_000);
    expect(window.waitFor(1, 20, older * 1_000 + 61_000)).toBe(61_000);
  });

  it('forgets all after a long silence, and begins at any time', () => {
    for (const start of [0, 999, 60_999, 1e9 + 123, 1e12 + 0.5]) {
      const window = createWindow();
      expect(window.waitFor(5, 5, start)).toBe(0);
      window.add(5, start);
      expect(window.waitFor(1, 5, start + 59_999)).toBeGreaterThan(0);
      expect(window.waitFor(5, 5, start + 61_000)).toBe(0);
      expect(window.waitFor(5, 5, start + 1e7)).toBe(0);
    }
  });
});

interface Taken {
  readonly at: number;
  readonly second: number;
  amount: number;
}

/** The same as a plain list of what was taken when. */
it(`keeps its promises whatever is taken and given back (${SEEDS} seeds)`, () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const random = seededRandom(seed);
    const below = (n: number) => Math.floor(random() * n);
    const limit = 1 + below(30);
    const window = createWindow();
    const list: Taken[] = [];
    const within = (ms: number, now: number) =>
      list.reduce((sum, { at, amount }) => (at > now - ms ? sum + amount : sum), 0);
    let now = random() * 1e6;
    for (let step = 0; step < 200; step++) {
      now += [0, 0, 1, random() * 500, random() * 5_000, random() * 70_000][below(6)] ?? 0;
      const amount = 1 + below(Math.ceil(limit / 2));
      const about = `seed ${seed}, step ${step}: ${amount} of ${limit} at ${now}`;
      const waitMs = window.waitFor(amount, limit, now);
      if (waitMs > 0) {
        expect(within(61_000, now) + amount, `${about}: refused`).toBeGreaterThan(limit);
        expect(waitMs, about).toBeLessThanOrEqual(61_000);
        expect(window.waitFor(amount, limit, now), `${about}: asked again`).toBe(waitMs);
        if (random() < 0.3) {
          now += waitMs;
          expect(window.waitFor(amount, limit, now), `${about}: waited ${waitMs}`).toBe(0);
        }
      } else {
        list.push({ at: now, second: window.add(amount, now), amount });
        expect(within(60_000, now), `${about}: too many`).toBeLessThanOrEqual(limit);
      }
      const back = list[list.length - 1 - below(5)];
      if (back && random() < 0.2) {
        const some = below(back.amount + 1);
        window.giveBack(some, back.second, now);
        back.amount -= some;
      }
    }
  }
});
