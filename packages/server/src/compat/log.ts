import type { Sum } from '../store/request-log.ts';
import type { RequestRow } from '../store/schema.ts';
import { isoMicros } from '../store/time.ts';
import { usd } from './block.ts';

/** Nano-dollars as the wire has money. */
export const usdOfNano = (nano: number | null): string => usd((nano ?? 0) / 1e9);

/** A row with the fields that logs and audit reports share. */
export const loggedRow = (row: RequestRow) => ({
  id: row.id ?? '',
  request_id: row.request_id,
  mode: row.mode,
  provider: row.provider,
  model: row.model,
  input_tokens: row.input_tokens,
  output_tokens: row.output_tokens,
  latency_ms: row.latency_ms,
  cost_usd: usdOfNano(row.cost_nano_usd),
  cache_hit: row.cache_hit,
  status: row.status,
  error: row.error,
  residency_requested: row.residency_requested,
  residency_actual: row.residency_actual,
  created_at: isoMicros(row.created_at),
});

/** What sums are counted in. */
export type Counts = Pick<Sum, 'requests' | 'costNanoUsd' | 'inputTokens' | 'outputTokens' | 'cacheHits'>;

/** The sum of one figure. */
export const added = <One>(sums: readonly One[], pick: (sum: One) => number): number =>
  sums.reduce((total, sum) => total + pick(sum), 0);

/** Sums as the wire has them, told apart by where one of them went; `none` where it went nowhere. */
export function groupedBy<Place extends string>(
  sums: readonly (Counts & Readonly<Record<Place, string | null>>)[],
  by: Place,
) {
  const groups = Map.groupBy(sums, (sum) => sum[by] ?? 'none');
  return Object.fromEntries(
    [...groups].map(([key, group]) => [
      key,
      {
        requests: added(group, (sum) => sum.requests),
        cost_usd: usdOfNano(added(group, (sum) => sum.costNanoUsd)),
        input_tokens: added(group, (sum) => sum.inputTokens),
        output_tokens: added(group, (sum) => sum.outputTokens),
      },
    ]),
  );
}
