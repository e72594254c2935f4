import { type Attempt, type ErrorClass, ruleOf } from '@inferbridge/core';
import { addTo, type Histogram, merged, quantile } from './histogram.ts';

/** How a provider's model did, over a stretch of time. */
export interface Reliability {
  readonly requests: number;
  /** Of those that say something of the provider: the caller's own mistakes do not. `null` for none. */
  readonly successRate: number | null;
  readonly errors: Readonly<Record<string, number>>;
  readonly firstContentMs: Percentiles;
  readonly totalMs: Percentiles;
}

export interface Percentiles {
  readonly p50: number | null;
  readonly p95: number | null;
}

/** What has been counted since it was last written. */
export interface Bucket {
  readonly user_id: string;
  readonly provider: string;
  readonly model: string;
  readonly resolution: number;
  readonly start: number;
  requests: number;
  succeeded: number;
  told: number;
  readonly errors: Histogram;
  readonly first: Histogram;
  readonly total: Histogram;
}

export function note(
  bucket: Bucket,
  { firstContentMs, latencyMs }: Attempt,
  outcome: 'ok' | ErrorClass,
): void {
  bucket.requests += 1;
  if (outcome === 'ok') bucket.succeeded += 1;
  else bucket.errors[outcome] = (bucket.errors[outcome] ?? 0) + 1;
  if (outcome === 'ok' || ruleOf(outcome).against !== 'nobody') bucket.told += 1;
  if (outcome !== 'ok') return;
  if (firstContentMs !== null) addTo(bucket.first, firstContentMs);
  if (latencyMs !== null) addTo(bucket.total, latencyMs);
}

/** Both together. */
export function plus<One extends Bucket>(bucket: One, other: Bucket | undefined): One {
  if (!other) return bucket;
  return {
    ...bucket,
    requests: Number(bucket.requests) + Number(other.requests),
    succeeded: Number(bucket.succeeded) + Number(other.succeeded),
    told: Number(bucket.told) + Number(other.told),
    errors: merged([bucket.errors, other.errors]),
    first: merged([bucket.first, other.first]),
    total: merged([bucket.total, other.total]),
  };
}

export function summed(buckets: readonly Bucket[]): Reliability {
  const add = (pick: (bucket: Bucket) => number) =>
    buckets.reduce((sum, bucket) => sum + Number(pick(bucket)), 0);
  const told = add((bucket) => bucket.told);
  const first = merged(buckets.map((bucket) => bucket.first));
  const total = merged(buckets.map((bucket) => bucket.total));
  return {
    requests: add((bucket) => bucket.requests),
    successRate: told > 0 ? add((bucket) => bucket.succeeded) / told : null,
    errors: merged(buckets.map((bucket) => bucket.errors)),
    firstContentMs: { p50: quantile(first, 0.5), p95: quantile(first, 0.95) },
    totalMs: { p50: quantile(total, 0.5), p95: quantile(total, 0.95) },
  };
}
