import type { Call } from './call.ts';
import type { ErrorClass, GatewayError } from './errors.ts';
import type { Reply } from './reply.ts';
import type { Price } from './usage.ts';

/** Why a target cannot be called now. */
export interface Blocked {
  readonly blocked:
    | 'cooling'
    | 'open'
    | 'probing'
    | 'full'
    | 'unhealthy'
    | 'bad_credential'
    | 'quota_exhausted';
  /** What to tell people, in our own words. */
  readonly why: string;
  /** Milliseconds until it may be called again, where that is known. */
  readonly forMs: number | null;
  /** On `Clock.now()`, when it failed last; breakers say so. */
  readonly failedAt?: number;
  /** A permit all the same, for when there is nobody else (panic); breakers only. */
  insist?(): Permit | Blocked;
}

/** How an attempt ended, for whoever keeps account of the target. */
export interface Settlement {
  /** `ok`, the class of the failure, or `aborted` where it was ended from our side and says nothing of the target. */
  readonly outcome: 'ok' | 'aborted' | ErrorClass;
  readonly retryAfterMs: number | null;
  readonly firstContentMs: number | null;
  readonly latencyMs: number;
}

/** Leave to make one attempt. Whoever holds it settles it exactly once. */
export interface Permit {
  settle(settlement: Settlement): void;
}

/** What a planner knows of a target; `null` is unknown. */
export interface Facts {
  readonly price: Price | null;
  /** Context window in tokens. */
  readonly window: number | null;
  readonly residency: string;
  /** Median time to the first content, in milliseconds; to the whole answer where the request does not stream. */
  readonly latencyMs: number | null;
  /** The 95th percentile of the same. */
  readonly slowMs: number | null;
  /** Its moving average, which follows a rise at once and a fall slowly (peak EWMA). */
  readonly ewmaMs: number | null;
  /** Share of recent attempts that failed, 0 to 1. */
  readonly errorRate: number | null;
  /** Attempts that run now. */
  readonly inFlight: number | null;
  readonly blocked: Blocked | null;
  /** Why it can never serve this very request, where that is known without asking. */
  readonly unfit: GatewayError | null;
}

/** Somebody who can answer: one model at one provider under one credential. */
export interface Target {
  /** `provider:model`. */
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  /** Names the credential without telling it; states are kept by it. */
  readonly credential: string;
  /** Whose account at the provider answers; answers are cached by it. Absent: they are not cached. */
  readonly account?: string;
  /** At an address of a user's own: its answers are for nobody else. */
  readonly ownAddress?: boolean;
  /** Where the data goes: `global`, `india`, `eu`, or what the configuration declares. */
  readonly residency: string;
  facts(call: Call): Facts;
  acquire(call: Call): Permit | Blocked;
  /** Resolves with a whole completion, or with a stream whose first content has come. Settles the permit. */
  handle(call: Call, permit: Permit): Promise<Reply>;
}

/** Wraps a target in one concern: cool-down, breaker, bulkhead, timers. */
export type Layer = (target: Target) => Target;

/** A target with its facts as they were when the plan was made. */
export interface Candidate {
  readonly target: Target;
  readonly facts: Facts;
}

export const isBlocked = (answer: Permit | Blocked): answer is Blocked => 'blocked' in answer;

/** Puts layers around a target, the first one outermost. */
export function layered(target: Target, layers: readonly Layer[]): Target {
  return layers.reduceRight((inner, layer) => layer(inner), target);
}

/** A permit that tells `note` how the attempt ended before it passes that on; a panic permit likewise. */
export function settling(answer: Permit | Blocked, note: (settlement: Settlement) => void): Permit | Blocked {
  if (isBlocked(answer)) {
    const { insist } = answer;
    return insist ? { ...answer, insist: () => settling(insist(), note) } : answer;
  }
  return {
    settle(settlement) {
      note(settlement);
      answer.settle(settlement);
    },
  };
}
