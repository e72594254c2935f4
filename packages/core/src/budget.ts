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
  const purse = { retries: options.retries ?? 10, usd: options.maxUsd ?? null };
  return new PurseUntil(clock, purse, clock.now() + (options.deadlineMs ?? Number.POSITIVE_INFINITY));
}

interface Purse {
  retries: number;
  usd: Money | null;
}

/** A class, since there are several for each request: a literal would have seven functions of its own. */
class PurseUntil implements Budget {
  readonly deadline: number;
  readonly #clock: Clock;
  readonly #purse: Purse;

  constructor(clock: Clock, purse: Purse, deadline: number) {
    this.deadline = deadline;
    this.#clock = clock;
    this.#purse = purse;
  }

  timeLeft(): number {
    return Math.max(0, this.deadline - this.#clock.now());
  }

  takeRetry(): boolean {
    return this.#purse.retries-- > 0;
  }

  usdLeft(): Money | null {
    return this.#purse.usd;
  }

  spend(amount: Money): void {
    if (this.#purse.usd !== null) this.#purse.usd -= amount;
  }

  limit(most: Money): void {
    this.#purse.usd = Math.min(this.#purse.usd ?? most, most);
  }

  until(earlier: number): Budget {
    return new PurseUntil(this.#clock, this.#purse, Math.min(this.deadline, earlier));
  }
}
