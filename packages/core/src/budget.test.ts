import { describe, expect, it } from 'vitest';
import { createBudget } from './budget.ts';
import { virtualClock } from './testing/index.ts';

describe('createBudget', () => {
  it('counts the time down to zero and no further', async () => {
    const clock = virtualClock();
    const budget = createBudget(clock, { deadlineMs: 100 });
    await clock.advance(30);
    expect(budget.timeLeft()).toBe(70);
    await clock.advance(1_000);
    expect(budget.timeLeft()).toBe(0);
  });

  it('has no deadline where none is given', () => {
    const budget = createBudget(virtualClock());
    expect(budget.deadline).toBe(Number.POSITIVE_INFINITY);
    expect(budget.timeLeft()).toBe(Number.POSITIVE_INFINITY);
  });

  it('gives out ten further tries unless it is told otherwise', () => {
    const budget = createBudget(virtualClock());
    const taken = Array.from({ length: 12 }, () => budget.takeRetry());
    expect(taken.filter(Boolean)).toHaveLength(10);
    expect(taken.slice(10)).toEqual([false, false]);
  });

  it('shares tries and money with what is derived from it', () => {
    const budget = createBudget(virtualClock(), { retries: 1, maxUsd: 2 });
    const earlier = budget.until(50);
    expect(earlier.takeRetry()).toBe(true);
    expect(budget.takeRetry()).toBe(false);
    earlier.spend(1.5);
    expect(budget.usdLeft()).toBe(0.5);
  });

  it('lets a derived budget end earlier and never later', () => {
    const budget = createBudget(virtualClock(), { deadlineMs: 100 });
    expect(budget.until(40).timeLeft()).toBe(40);
    expect(budget.until(400).timeLeft()).toBe(100);
    expect(budget.timeLeft()).toBe(100);
  });

  it('knows no money left where nobody set a limit, whatever is spent', () => {
    const budget = createBudget(virtualClock());
    budget.spend(5);
    expect(budget.usdLeft()).toBeNull();
  });

  it('lowers the limit on money and never raises it', () => {
    const budget = createBudget(virtualClock());
    budget.limit(3);
    budget.limit(7);
    expect(budget.usdLeft()).toBe(3);
    budget.limit(1);
    expect(budget.usdLeft()).toBe(1);
  });
});
