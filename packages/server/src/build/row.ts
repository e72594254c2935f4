import type { Attempt, Call } from '@inferbridge/core';
import { type CallRecord, explain } from '@inferbridge/plugins';
import { NO_KEY } from '../routing/search.ts';
import type { LoggedAttempt, RequestRow } from '../store/schema.ts';
import { micros } from '../store/time.ts';

/** A call's record as the row that is kept of it; `mode` is how it would have been routed, where it was refused before. */
export function rowOf(record: CallRecord, { state }: Call, mode: string): RequestRow | null {
  if (!state.user) return null;
  const at = micros(record.at);
  const { request } = state.route ?? {};
  const attempts: LoggedAttempt[] = record.attempts.map(loggedOf);
  for (const { provider, model, why } of state.route?.leftOut ?? [])
    if (!isMissingKey(why)) attempts.push({ provider, model, outcome: 'left_out', status: null, why });
  return {
    user_id: state.user.id,
    request_id: record.id,
    mode: state.mode ?? mode,
    provider: record.status === 'cache_hit' ? 'cache' : record.provider,
    model: record.status === 'cache_hit' ? `${record.provider}:${record.model}` : record.model,
    input_tokens: record.usage?.inputTokens ?? null,
    output_tokens: record.usage?.outputTokens ?? null,
    latency_ms: Math.round(record.latencyMs),
    cost_nano_usd: nano(record.cost),
    cache_hit: record.status === 'cache_hit',
    status: record.status,
    error: record.error ? `${record.error.class}: ${record.error.message}`.slice(0, MOST_ERROR) : null,
    residency_requested: state.residency ?? null,
    residency_actual: record.status === 'cache_hit' ? 'cache' : record.residency,
    created_at: at,
    strategy: state.route?.strategy ?? null,
    stream: record.stream,
    tools: request?.tools ?? false,
    images: request?.images ?? false,
    attempts_cost_nano_usd: nano(costOf(record.attempts)),
    attempts,
    arm: record.arm,
    tags: state.tags ?? null,
    route: state.route ? explain(state.route) : null,
  };
}

/** Who has no key was never a candidate; a row that lists them all would mostly say that. */
const isMissingKey = (why: string): boolean => why.startsWith(NO_KEY);

/** Beyond this a message only repeats itself. */
const MOST_ERROR = 2_000;

const nano = (money: number | null): number | null => (money === null ? null : Math.round(money * 1e9));

function costOf(attempts: readonly Attempt[]): number | null {
  let sum: number | null = null;
  for (const { cost } of attempts) if (cost !== null) sum = (sum ?? 0) + cost;
  return sum;
}

function loggedOf(attempt: Attempt): LoggedAttempt {
  const { firstContentMs, latencyMs, until, cost, estimated, blameless, fault } = attempt;
  const logged: LoggedAttempt = {
    provider: attempt.provider,
    model: attempt.model,
    outcome: attempt.outcome,
    status: attempt.status,
    waited_ms: Math.round(attempt.waitedMs),
    first_content_ms: firstContentMs === null ? null : Math.round(firstContentMs),
    latency_ms: latencyMs === null ? null : Math.round(latencyMs),
    why: attempt.why,
    until: until === null ? null : new Date(until).toISOString(),
    cost_usd: cost === null ? null : cost.toFixed(6),
  };
  if (!estimated && !blameless && fault === undefined) return logged;
  return {
    ...logged,
    ...(estimated && { cost_estimated: true }),
    ...(blameless && { blameless: true }),
    ...(fault !== undefined && { fault }),
  };
}
