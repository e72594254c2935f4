import { ruleOf } from '../errors.ts';
import type { Candidate } from '../target.ts';
import { keyOf, type Run } from './state.ts';

/** A limit or cool-down that ends sooner than this is waited for; a longer one is the client's to wait for. */
export const LONGEST_WAIT_MS = 5_000;
const RETRIES = 2;
const BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 5_000;

export interface NextTry {
  readonly candidate: Candidate;
  readonly waitMs: number;
  readonly insist: boolean;
}

/**
 * Who is to be tried when the whole plan has failed, or `null` where that is pointless: whoever is free soonest
 * among those that cool down for a short while or failed in a passing way, within the retry budgets and the
 * deadline; else, where breakers keep somebody away, the one that failed longest ago, once.
 */
export function nextTry(candidates: readonly Candidate[], state: Run): NextTry | null {
  const { call, options, host } = state;
  if ((call.budget.usdLeft() ?? 1) <= 0) return null;
  const now = host.clock.now();
  const waiting = candidates
    .flatMap((candidate) => {
      const waitMs = waitFor(candidate, state, now);
      return waitMs === null ? [] : [{ candidate, waitMs, insist: false }];
    })
    .sort((a, b) => a.waitMs - b.waitMs);
  const most = options.retries ?? RETRIES;
  for (const next of waiting) {
    if (state.retried >= most) break;
    const { latencyMs } = next.candidate.facts;
    if (next.waitMs + (latencyMs ?? 0) >= call.budget.timeLeft()) continue;
    const again = state.calls.has(keyOf(next.candidate));
    if (again && !(options.retryBudget?.take(next.candidate.target.provider) ?? true)) continue;
    if (!call.budget.takeRetry()) break;
    state.retried += 1;
    return next;
  }
  return panic(candidates, state);
}

/** Milliseconds until this candidate may be tried again, `null` for not in this request. */
function waitFor(candidate: Candidate, state: Run, now: number): number | null {
  const failure = state.failures.get(keyOf(candidate));
  if (!failure) return null;
  const { error, blocked } = failure;
  if (blocked) {
    if (blocked.blocked !== 'cooling' || blocked.forMs === null) return null;
    return short(blocked.forMs - (now - failure.at));
  }
  if (!error || ruleOf(error.class).again === 'no') return null;
  const held = candidate.target.facts(state.call).blocked;
  if (held && held.blocked !== 'cooling') return null;
  if (held) return held.forMs === null ? null : short(held.forMs);
  const { retryAfterMs } = error.details;
  if (retryAfterMs !== undefined) return short(retryAfterMs - (now - failure.at));
  const tries = state.calls.get(keyOf(candidate)) ?? 1;
  return state.host.random() * Math.min(LONGEST_BACKOFF_MS, BACKOFF_MS * 2 ** (tries - 1));
}

const short = (ms: number): number | null => (ms <= LONGEST_WAIT_MS ? Math.max(0, ms) : null);

function panic(candidates: readonly Candidate[], state: Run): NextTry | null {
  if (state.panicked) return null;
  const open = candidates
    .filter((candidate) => !state.calls.has(keyOf(candidate)))
    .flatMap((candidate) => {
      const answer = candidate.target.facts(state.call).blocked;
      return answer?.insist ? [{ candidate, failedAt: answer.failedAt ?? 0 }] : [];
    })
    .sort((a, b) => a.failedAt - b.failedAt);
  const oldest = open[0];
  if (!oldest || state.call.budget.timeLeft() <= 0) return null;
  state.panicked = true;
  return { candidate: oldest.candidate, waitMs: 0, insist: true };
}
