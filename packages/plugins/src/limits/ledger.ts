import type { Clock } from '@inferbridge/core';
import { LRUCache } from 'lru-cache';
import { createWindow, type SlidingWindow } from './window.ts';

/** A budget in money for one period. Amounts are billionths of a US dollar, integers. */
export interface Budget {
  /** Names the period: `2026-11-21`, `2026-11`. */
  readonly period: string;
  readonly limit: number;
  /** What this request is expected to cost at most. */
  readonly amount: number;
  /** Milliseconds since 1970. */
  readonly endsAt: number;
  readonly startsAt: number;
}

/** What one request asks for, all or nothing. */
export interface Asking {
  readonly user: string;
  /** Requests a minute. */
  readonly rpm?: number;
  /** Tokens a minute, and how many this request has. */
  readonly tpm?: number;
  readonly tokens: number;
  readonly budgets: readonly Budget[];
}

export type Over = {
  readonly over: 'rpm' | 'tpm' | 'usd';
  readonly waitMs: number;
  readonly budget?: Budget;
};

/** What was taken; given back what is not used. */
export interface Reservation {
  /** `tokens` and `requests`: of those taken, how many are not counted after all; `spent`: what it has cost, by then. */
  settle(tokens: number, spent: number, requests?: number): void;
}

export type Answer = Over | Reservation;
export const isOver = (answer: Answer): answer is Over => 'over' in answer;

/** Where it is kept what callers have used. Taking is atomic: of many at once, no more get through than fit. */
export interface Ledger {
  take(asking: Asking): Answer | Promise<Answer>;
}

export interface LedgerOptions {
  readonly clock: Clock;
  /** What a user has spent in a period already, as far as is written down: a fresh process goes on from there. */
  readonly spent?: (user: string, period: Pick<Budget, 'startsAt' | 'endsAt'>) => Promise<number>;
}

const MOST_USERS = 100_000;

interface Period {
  readonly endsAt: number;
  /** `null` until it is known what stands written. */
  amount: number | null;
  readonly loading: Promise<number>;
}

interface Account {
  readonly requests: SlidingWindow;
  readonly tokens: SlidingWindow;
  /** By period: what is spent and reserved, and when it ends. */
  readonly spent: Map<string, Period>;
}

/** Kept in this process alone. */
export function createLedger({ clock, spent: written }: LedgerOptions): Ledger {
  const accounts = new LRUCache<string, Account>({ max: MOST_USERS });
  const accountOf = (user: string): Account => {
    const known = accounts.get(user);
    if (known) return known;
    const made = { requests: createWindow(), tokens: createWindow(), spent: new Map() };
    accounts.set(user, made);
    return made;
  };

  const takeNow = (asking: Asking, account: Account): Answer => {
    const { rpm, tpm, tokens, budgets } = asking;
    const now = clock.now();
    if (rpm !== undefined) {
      const waitMs = account.requests.waitFor(1, rpm, now);
      if (waitMs > 0) return { over: 'rpm', waitMs };
    }
    if (tpm !== undefined) {
      const waitMs = account.tokens.waitFor(tokens, tpm, now);
      if (waitMs > 0) return { over: 'tpm', waitMs };
    }
    const spentIn = ({ period }: Budget) => account.spent.get(period)?.amount ?? 0; // loaded before this is called
    const change = ({ period }: Budget, by: number) => {
      const known = account.spent.get(period);
      if (known?.amount != null) known.amount += by;
    };
    for (const budget of budgets)
      if (spentIn(budget) + budget.amount > budget.limit || spentIn(budget) >= budget.limit)
        return { over: 'usd', waitMs: budget.endsAt - clock.wall(), budget };
    const asked = rpm === undefined ? 0 : account.requests.add(1, now);
    const second = tpm === undefined ? 0 : account.tokens.add(tokens, now);
    for (const budget of budgets) change(budget, budget.amount);
    let settled = false;
    return {
      settle(back, cost, requests = 0) {
        if (settled) return;
        settled = true;
        if (rpm !== undefined && requests > 0) account.requests.giveBack(requests, asked, clock.now());
        if (tpm !== undefined && back > 0) account.tokens.giveBack(back, second, clock.now());
        for (const budget of budgets) change(budget, Math.round(cost) - budget.amount);
      },
    };
  };

  /** What stands written of a period that this process has not seen yet; those that are over are forgotten. */
  const begin = (user: string, account: Account, budget: Budget): Period => {
    for (const [period, { endsAt }] of account.spent)
      if (endsAt + LATEST_SETTLE_MS < clock.wall()) account.spent.delete(period);
    const loading = written ? written(user, budget).catch(() => 0) : Promise.resolve(0);
    const period: Period = { endsAt: budget.endsAt, amount: null, loading };
    account.spent.set(budget.period, period);
    return period;
  };

  return {
    take(asking) {
      const account = accountOf(asking.user);
      const unknown = asking.budgets
        .map((budget) => account.spent.get(budget.period) ?? begin(asking.user, account, budget))
        .filter(({ amount }) => amount === null);
      if (unknown.length === 0) return takeNow(asking, account);
      const load = unknown.map(async (period) => {
        const amount = await period.loading;
        period.amount ??= amount;
      });
      return Promise.all(load).then(() => takeNow(asking, account));
    },
  };
}

/** A call that began within a period may be settled this long after it. */
const LATEST_SETTLE_MS = 3_600_000;
