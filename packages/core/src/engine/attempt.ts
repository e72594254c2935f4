import { fork } from '../call.ts';
import { linked } from '../clock.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import type { Reply } from '../reply.ts';
import { type Blocked, type Candidate, isBlocked, type Permit } from '../target.ts';
import { fail, keyOf, type Run } from './state.ts';

/** How the engine got to a node of the plan. */
export interface Way {
  readonly signal: AbortSignal;
  /** Nobody comes after; otherwise an attempt gets at most its share of the time that is left. */
  readonly last: boolean;
  readonly waitedMs?: number;
  /** Ask for the permit although the target is blocked (panic). */
  readonly insist?: boolean;
}

/** So that a client that gives up after ten seconds still gets its fallback. */
const SHARE_OF_TIME_LEFT = 0.6;

/** Makes one attempt, or notes why it could not be made. */
export async function attempt(candidate: Candidate, state: Run, way: Way): Promise<Reply> {
  const { call, host } = state;
  if (way.signal.aborted) throw fail(state, candidate, asGatewayError(way.signal.reason));
  const tooSmall = smaller(candidate, state);
  if (tooSmall) throw skip(state, candidate, tooSmall, null);
  const answer = acquire(candidate, state, way);
  if (isBlocked(answer)) throw skip(state, candidate, refusal(answer), answer);

  const key = keyOf(candidate);
  const calls = state.calls.get(key) ?? 0;
  state.calls.set(key, calls + 1);
  if (calls === 0) state.options.retryBudget?.note(candidate.target.provider);

  const left = call.budget.timeLeft();
  const mine = linked(way.signal);
  const forMs = way.last ? left : left * SHARE_OF_TIME_LEFT;
  const timer = Number.isFinite(forMs)
    ? host.clock.setTimeout(() => mine.abort(expired(forMs)), forMs)
    : null;
  try {
    const budget = call.budget.until(host.clock.now() + forMs);
    const reply = await candidate.target.handle(
      fork(call, {
        signal: mine.signal,
        abort: (reason) => mine.abort(reason),
        budget,
        ...(way.waitedMs !== undefined && { waitedMs: way.waitedMs }),
      }),
      answer,
    );
    state.failures.delete(key);
    return reply;
  } catch (error) {
    mine.abort(error); // whatever it has left open ends here
    throw fail(state, candidate, asGatewayError(error));
  } finally {
    if (timer !== null) host.clock.clearTimeout(timer);
  }
}

/** Somebody who got less time than this has not been shown to be slow. */
export const LEAST_TELLING_MS = 5_000;

const expired = (forMs: number) =>
  new GatewayError(
    'timeout',
    `no answer within the ${Math.round(forMs)} ms that the request had left for it`,
    { blameless: forMs < LEAST_TELLING_MS },
  );

function acquire(candidate: Candidate, { call }: Run, way: Way): Permit | Blocked {
  const answer = candidate.target.acquire(call);
  if (way.insist && isBlocked(answer) && answer.insist) return answer.insist();
  return answer;
}

/** After "too long for me" only a larger window is worth trying. */
function smaller(candidate: Candidate, { failures, options }: Run): GatewayError | null {
  if (options.fallbackOn?.context_length === true) return null;
  for (const { error, candidate: other } of failures.values()) {
    if (error?.class !== 'context_length' || other === candidate) continue;
    const { window } = candidate.facts;
    if (window === null || other.facts.window === null || window > other.facts.window) continue;
    return new GatewayError('context_length', 'its context window is no larger than one that was too small');
  }
  return null;
}

const refusal = (blocked: Blocked) => new GatewayError('shed', blocked.why);

function skip(state: Run, candidate: Candidate, why: GatewayError, blocked: Blocked | null): GatewayError {
  const { call, host } = state;
  const now = host.clock.now();
  call.trail.push({
    provider: candidate.target.provider,
    model: candidate.target.model,
    outcome: 'skipped',
    status: null,
    startedAt: now,
    waitedMs: 0,
    firstContentMs: null,
    latencyMs: null,
    why: why.message,
    until: blocked?.forMs == null ? null : host.clock.wall() + blocked.forMs,
    usage: null,
    cost: null,
  });
  const earlier = state.failures.get(keyOf(candidate));
  // what a call has shown says more than a permit that is refused because of it
  if (!earlier?.error)
    state.failures.set(keyOf(candidate), { candidate, error: blocked ? null : why, blocked, at: now });
  return why;
}
