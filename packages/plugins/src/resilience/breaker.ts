import {
  type Blocked,
  type Call,
  type Clock,
  type Layer,
  type Permit,
  ruleOf,
  type Settlement,
  settling,
} from '@inferbridge/core';

declare module '@inferbridge/core/call' {
  interface CallState {
    /** When this request's failures open a breaker, where that differs; the breaker itself is shared. */
    breaker?: BreakerLimits;
  }
}

export interface BreakerLimits {
  /** Failures in a row that open it; default 5. */
  readonly failures?: number;
  /** Open for this long the first time, doubled each further time up to 300 s, ± 20 %; default 30,000. */
  readonly openMs?: number;
}

export interface BreakerOptions extends BreakerLimits {
  readonly clock: Clock;
  /** In [0, 1); spreads the ends of open times. */
  readonly random: () => number;
}

type Role = 'plain' | 'probe' | 'panic';

interface State {
  inRow: number;
  /** Openings since it last closed. */
  openings: number;
  openUntil: number | null;
  failedAt: number;
  probing: boolean;
  buckets: { at: number; calls: number; failed: number }[];
}

const WINDOW_MS = 30_000;
const BUCKET_MS = 5_000;
const LEAST_CALLS = 20;
const LONGEST_OPEN_MS = 300_000;
const MOST_KEPT = 50_000;

/**
 * Stops calling a target that keeps failing: after so many failures in a row, or half of at least twenty calls in
 * thirty seconds. When its time is up one request goes through as a probe. Kept by provider, credential and model,
 * so that nobody's trouble is held against another's key. Limits and the caller's own mistakes do not count.
 */
export function breaker({ clock, random, failures = 5, openMs = 30_000 }: BreakerOptions): Layer {
  const states = new Map<string, State>();

  const open = (state: State, firstMs: number) => {
    const forMs = Math.min(LONGEST_OPEN_MS, firstMs * 2 ** state.openings) * (0.8 + 0.4 * random());
    state.openings += 1;
    state.openUntil = clock.now() + forMs;
  };
  const close = (state: State) => {
    Object.assign(state, { inRow: 0, openings: 0, openUntil: null, buckets: [] });
  };
  const count = (state: State, failed: boolean) => {
    const at = Math.floor(clock.now() / BUCKET_MS);
    const latest = state.buckets.at(-1);
    if (latest?.at === at) {
      latest.calls += 1;
      latest.failed += failed ? 1 : 0;
      return;
    }
    state.buckets = state.buckets.filter((bucket) => bucket.at > at - WINDOW_MS / BUCKET_MS);
    state.buckets.push({ at, calls: 1, failed: failed ? 1 : 0 });
  };
  const tooMany = (state: State, inRow: number): boolean => {
    if (state.inRow >= inRow) return true;
    const since = Math.floor(clock.now() / BUCKET_MS) - WINDOW_MS / BUCKET_MS;
    const recent = state.buckets.filter((bucket) => bucket.at > since);
    const calls = recent.reduce((sum, bucket) => sum + bucket.calls, 0);
    return calls >= LEAST_CALLS && recent.reduce((sum, bucket) => sum + bucket.failed, 0) >= calls / 2;
  };

  const settle = (state: State, { outcome }: Settlement, role: Role, limits: BreakerLimits = {}) => {
    if (role === 'probe') state.probing = false;
    if (outcome === 'aborted') return;
    const failed = outcome !== 'ok' && ruleOf(outcome).against === 'breaker';
    if (!failed) {
      if (role !== 'plain') return close(state);
      state.inRow = 0;
      if (state.openUntil === null) count(state, false);
      return;
    }
    state.failedAt = clock.now();
    state.inRow += 1;
    const firstMs = limits.openMs ?? openMs;
    if (role === 'probe') return open(state, firstMs);
    if (state.openUntil !== null) return;
    count(state, true);
    if (tooMany(state, limits.failures ?? failures)) open(state, firstMs);
  };

  return (target) => {
    const key = `${target.provider}\n${target.credential}\n${target.model}`;
    const stateOf = () => {
      const found = states.get(key);
      if (!found) return fresh(states, key);
      // the order of the map is that of the last use, once that matters
      if (states.size > MOST_KEPT / 2 && states.delete(key)) states.set(key, found);
      return found;
    };
    const permit = (call: Call, role: Role): Permit | Blocked => {
      const state = stateOf();
      const answer = settling(target.acquire(call), (settlement) =>
        settle(state, settlement, role, call.state.breaker),
      );
      if (role === 'probe' && !('blocked' in answer)) state.probing = true;
      return answer;
    };
    const blocked = (call: Call): Blocked | null => {
      const state = states.get(key);
      if (!state || state.openUntil === null) return null;
      const left = state.openUntil - clock.now();
      if (left <= 0 && !state.probing) return null;
      const probing = left <= 0;
      return {
        blocked: probing ? 'probing' : 'open',
        why: probing ? 'its breaker waits for a probe' : 'its breaker is open',
        forMs: probing ? null : left,
        failedAt: state.failedAt,
        insist: () => permit(call, 'panic'),
      };
    };
    return {
      ...target,
      facts: (call) => {
        const facts = target.facts(call);
        const mine = blocked(call);
        return mine ? { ...facts, blocked: mine } : facts;
      },
      acquire: (call) =>
        blocked(call) ?? permit(call, states.get(key)?.openUntil == null ? 'plain' : 'probe'),
    };
  };
}

function fresh(states: Map<string, State>, key: string): State {
  if (states.size >= MOST_KEPT) {
    // the longest unused closed ones go; a Map keeps the order in which keys came
    for (const [old, state] of states) {
      if (state.openUntil === null) states.delete(old);
      if (states.size < MOST_KEPT / 2) break;
    }
  }
  const state: State = { inRow: 0, openings: 0, openUntil: null, failedAt: 0, probing: false, buckets: [] };
  states.set(key, state);
  return state;
}
