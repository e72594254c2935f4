import type { Call } from '../call.ts';
import { type GatewayError, ruleOf } from '../errors.ts';
import type { Host } from '../host.ts';
import type { Candidate } from '../target.ts';
import type { Failure } from './failure.ts';
import type { RetryBudget } from './retry-budget.ts';

/** What a tier says about how its plan is run. */
export interface RunOptions {
  /** Failures of these classes go to the next candidate although they usually do not. */
  readonly fallbackOn?: {
    readonly content_policy?: boolean;
    /** Default `larger`: only to a candidate whose window is larger; true: to any; false: to nobody. */
    readonly context_length?: boolean | 'larger';
  };
  readonly retryBudget?: RetryBudget;
  /** Further tries of targets that failed, when nobody else can be called; default 2. */
  readonly retries?: number;
}

/** One plan being run for one call. */
export interface Run {
  readonly call: Call;
  readonly host: Pick<Host, 'clock' | 'random'>;
  readonly options: RunOptions;
  /** The latest failure of each candidate, in the order in which they first failed. */
  readonly failures: Map<string, Failure>;
  /** How often each target was called. */
  readonly calls: Map<string, number>;
  /** Further tries made so far. */
  retried: number;
  /** Has somebody behind an open breaker been called, for want of anybody else? That happens once. */
  panicked: boolean;
  /** A failure after which nothing new may begin. */
  terminal: GatewayError | null;
}

/** Notes what became of a candidate; a class that allows no successor ends the run. */
export function fail(state: Run, candidate: Candidate, error: GatewayError): GatewayError {
  const { next } = ruleOf(error.class);
  const { content_policy: policy = false, context_length: length = 'larger' } =
    state.options.fallbackOn ?? {};
  const allowed = next === 'yes' || (next === 'larger' && length !== false) || (next === 'tier' && policy);
  if (error.class !== 'lost') {
    state.failures.set(keyOf(candidate), { candidate, error, blocked: null, at: state.host.clock.now() });
    if (!allowed) state.terminal ??= error;
  }
  return error;
}

/** What tells one candidate from another: the same model may stand there under two credentials. */
export const keyOf = ({ target }: Candidate): string => `${target.id}\n${target.credential}`;
