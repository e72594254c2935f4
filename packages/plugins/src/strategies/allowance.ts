import {
  type Allowance,
  branches,
  expectedCost,
  leaves,
  type Money,
  type Plan,
  type PlanContext,
} from '@inferbridge/core';

export interface Cap {
  /** Copies as a share of requests, within a minute. */
  readonly share: number;
  /** Copies a minute that are always allowed. */
  readonly floor: number;
  /** What copies may be expected to cost in an hour, US dollars. */
  readonly usdPerHour?: number | undefined;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Counts that fade: the window before this one counts for as much of it as is still within reach. */
function sliding(windowMs: number) {
  let start = 0;
  let current = 0;
  let before = 0;
  const roll = (now: number) => {
    const passed = Math.floor((now - start) / windowMs);
    if (passed <= 0) return;
    before = passed === 1 ? current : 0;
    current = 0;
    start += passed * windowMs;
  };
  return {
    add(amount: number, now: number) {
      roll(now);
      current += amount;
    },
    sum(now: number): number {
      roll(now);
      return current + before * (1 - (now - start) / windowMs);
    },
  };
}

/** Times that are remembered one by one: a floor of ten is ten, however they are spread. */
function exact(windowMs: number) {
  const times: number[] = [];
  return {
    add: (now: number) => void times.push(now),
    sum(now: number): number {
      while (times[0] !== undefined && times[0] <= now - windowMs) times.shift();
      return times.length;
    },
  };
}

/** What all that would begin at once is expected to cost; `null` where a price is unknown. */
function costOfStart(plan: Plan, context: PlanContext): Money | null {
  if ('attempt' in plan) return expectedCost(plan.attempt, context);
  const ready = branches(plan).filter((branch) => leaves(branch).some(({ facts }) => !facts.blocked));
  const starting = 'inOrder' in plan || 'staggered' in plan ? ready.slice(0, 1) : ready;
  let sum = 0;
  for (const branch of starting) {
    const cost = costOfStart(branch, context);
    if (cost === null) return null;
    sum += cost;
  }
  return sum;
}

/** One purse for all plans of a strategy; where money is capped, a copy of unknown price is not made. */
export function createAllowance({ share, floor, usdPerHour }: Cap): (context: PlanContext) => Allowance {
  const requests = sliding(MINUTE_MS);
  const copies = exact(MINUTE_MS);
  const money = sliding(HOUR_MS);
  return (context) => ({
    note: (now) => requests.add(1, now),
    take(copy, now) {
      if (copies.sum(now) + 1 > Math.max(floor, share * requests.sum(now))) return false;
      const cost = costOfStart(copy, context);
      if (usdPerHour !== undefined && (cost === null || money.sum(now) + cost > usdPerHour)) return false;
      copies.add(now);
      money.add(cost ?? 0, now);
      return true;
    },
  });
}
