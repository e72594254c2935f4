import { describe, expect, it } from 'vitest';
import { virtualClock } from '../testing/index.ts';
import { createRetryBudget } from './retry-budget.ts';

const setUp = (options: { share?: number; floor?: number; windowMs?: number } = {}) => {
  const clock = virtualClock();
  const budget = createRetryBudget({ clock, ...options });
  const note = (times: number, provider = 'p') => {
    for (let i = 0; i < times; i++) budget.note(provider);
  };
  const granted = (times: number, provider = 'p') =>
    Array.from({ length: times }, () => budget.take(provider)).filter(Boolean).length;
  return { clock, note, granted };
};

describe('createRetryBudget', () => {
  it('always allows three, whatever the traffic', () => {
    expect(setUp().granted(10)).toBe(3);
  });

  it('allows a fifth of the requests above that', () => {
    const { note, granted } = setUp();
    note(100);
    expect(granted(50)).toBe(20);
  });

  it('allows the floor where a fifth is less', () => {
    const { note, granted } = setUp();
    note(10);
    expect(granted(10)).toBe(3);
  });

  it('takes share, floor and window from its options', async () => {
    const { clock, note, granted } = setUp({ share: 0.5, floor: 1, windowMs: 100 });
    expect(granted(5)).toBe(1);
    note(10);
    expect(granted(10)).toBe(4);
    await clock.advance(200);
    expect(granted(5)).toBe(1);
  });

  it('keeps providers apart', () => {
    const { granted } = setUp();
    expect([granted(5, 'a'), granted(5, 'b')]).toEqual([3, 3]);
  });

  it('lets the window before fade instead of starting afresh', async () => {
    const { clock, granted } = setUp({ floor: 4 });
    expect(granted(4)).toBe(4);
    await clock.advance(10_000);
    expect(granted(4)).toBe(0);
    await clock.advance(5_000);
    expect(granted(4)).toBe(2);
  });

  it('has forgotten everything after two windows of silence', async () => {
    const { clock, granted } = setUp();
    granted(3);
    await clock.advance(20_000);
    expect(granted(5)).toBe(3);
  });
});
