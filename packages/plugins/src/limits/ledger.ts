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
  /** `tokens`: of those taken, how many are not counted after all; `spent`: what it has cost, by then. */
  settle(tokens: number, spent: number): void;
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

interface Account {
  readonly requests: SlidingWindow;
  readonly tokens: SlidingWindow;
  /** By period: what is spent and reserved. */
  readonly spent: Map<string, number | Promise<number>>;
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
    const spentIn = ({ period }: Budget) => account.spent.get(period) as number; // loaded before this is called
    for (const budget of budgets)
      if (spentIn(budget) + budget.amount > budget.limit || spentIn(budget) >= budget.limit)
        return { over: 'usd', waitMs: budget.endsAt - clock.wall(), budget };
    if (rpm !== undefined) account.requests.add(1, now);
    const second = tpm === undefined ? 0 : account.tokens.add(tokens, now);
    for (const budget of budgets) account.spent.set(budget.period, spentIn(budget) + budget.amount);
    return {
      settle(back, cost) {
        if (tpm !== undefined && back > 0) account.tokens.giveBack(back, second, clock.now());
        for (const budget of budgets)
          account.spent.set(budget.period, spentIn(budget) - budget.amount + Math.round(cost));
      },
    };
  };

  /** What stands written of periods that this process has not seen yet. */
  const load = async (user: string, account: Account, missing: readonly Budget[]): Promise<void> => {
    for (const [period] of account.spent) if (account.spent.size > 8) account.spent.delete(period); // long over
    await Promise.all(
      missing.map(async (budget) => {
        const loading =
          account.spent.get(budget.period) ??
          (written ? written(user, budget).catch(() => 0) : Promise.resolve(0));
        account.spent.set(budget.period, loading);
        const amount = await loading;
        if (typeof account.spent.get(budget.period) !== 'number') account.spent.set(budget.period, amount);
      }),
    );
  };

  return {
    take(asking) {
      const account = accountOf(asking.user);
      const missing = asking.budgets.filter(({ period }) => typeof account.spent.get(period) !== 'number');
      if (missing.length === 0) return takeNow(asking, account);
      return load(asking.user, account, missing).then(() => takeNow(asking, account));
    },
  };
}
