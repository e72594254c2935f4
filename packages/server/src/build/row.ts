import type { Call } from '@inferbridge/core';
import { type CallRecord, explain } from '@inferbridge/plugins';
import { NO_KEY } from '../routing/search.ts';
import type { RequestRow } from '../store/schema.ts';
import { micros } from '../store/time.ts';

/** A call's record as the row that is kept of it; `mode` is how it would have been routed, where it was refused before. */
export function rowOf(record: CallRecord, { state }: Call, mode: string): RequestRow | null {
  if (!state.user) return null;
  const at = micros(record.at);
  const { request } = state.route ?? {};
  const attempts = record.attempts.map((attempt) => ({
    provider: attempt.provider,
    model: attempt.model,
    outcome: attempt.outcome,
    status: attempt.status,
    waited_ms: Math.round(attempt.waitedMs),
    first_content_ms: attempt.firstContentMs === null ? null : Math.round(attempt.firstContentMs),
    latency_ms: attempt.latencyMs === null ? null : Math.round(attempt.latencyMs),
    why: attempt.why,
    until: attempt.until === null ? null : new Date(attempt.until).toISOString(),
    cost_usd: attempt.cost === null ? null : attempt.cost.toFixed(6),
    ...(attempt.estimated && { cost_estimated: true }),
    ...(attempt.blameless && { blameless: true }),
    ...(attempt.fault !== undefined && { fault: attempt.fault }),
  }));
  const leftOut = (state.route?.leftOut ?? [])
    .filter(({ why }) => !isMissingKey(why))
    .map(({ provider, model, why }) => ({
      provider,
      model,
      outcome: 'left_out',
      status: null,
      why,
    }));
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
    attempts_cost_nano_usd: nano(sum(record.attempts.map(({ cost }) => cost))),
    attempts: [...attempts, ...leftOut],
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

const sum = (costs: readonly (number | null)[]): number | null => {
  const known = costs.filter((cost) => cost !== null);
  return known.length > 0 ? known.reduce((total, cost) => total + cost, 0) : null;
};
