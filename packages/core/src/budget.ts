import type { Clock } from './clock.ts';
import type { Money } from './usage.ts';

/** What one request may spend, shared by everything below it. */
export interface Budget {
  /** On `Clock.now()`: by then there is an answer, or the first content of a stream, or an error. `Infinity`: none. */
  readonly deadline: number;
  /** Milliseconds until the deadline, at least 0. */
  timeLeft(): number;
  /** Takes one further try of a target that has failed already; false once they are spent. */
  takeRetry(): boolean;
  /** Money left, or `null` where nobody set a limit. */
  usdLeft(): Money | null;
  spend(usd: Money): void;
  /** Lowers the limit on money, counted from now; it never rises. */
  limit(usd: Money): void;
  /** The same purse with an earlier deadline. */
  until(deadline: number): Budget;
}

export interface BudgetOptions {
  /** Milliseconds from now; default: no deadline. */
  readonly deadlineMs?: number;
  /** Further tries of targets that failed, over the whole request, whatever a plan allows itself; default 10. */
  readonly retries?: number;
  /** US dollars for all attempts together; default: no limit. */
  readonly maxUsd?: Money;
}

export function createBudget(clock: Clock, options: BudgetOptions = {}): Budget {
  let retries = options.retries ?? 10;
  let usd = options.maxUsd ?? null;
  const at = (deadline: number): Budget => ({
    deadline,
    timeLeft: () => Math.max(0, deadline - clock.now()),
    takeRetry: () => retries-- > 0,
    usdLeft: () => usd,
    spend: (amount) => {
      if (usd !== null) usd -= amount;
    },
    limit: (most) => {
      usd = Math.min(usd ?? most, most);
    },
    until: (earlier) => at(Math.min(deadline, earlier)),
  });
  return at(clock.now() + (options.deadlineMs ?? Number.POSITIVE_INFINITY));
}
