import { randomUUID } from 'node:crypto';
import { type Attempt, type Clock, type ErrorClass, type Log, ruleOf } from '@inferbridge/core';
import type { Kysely } from 'kysely';
import { addTo, type Histogram, merged, quantile } from './histogram.ts';
import type { LogsSchema } from './schema.ts';

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

/** Counts what becomes of attempts, by user, provider and model, in minutes and hours. */
export interface ReliabilityLog {
  add(userId: string, attempts: readonly Attempt[]): void;
  /** Over this user's traffic (`null`: everybody's) since then, keyed by `provider:model`; minutes reach back two hours. */
  since(userId: string | null, wallMs: number): Promise<ReadonlyMap<string, Reliability>>;
  close(): Promise<void>;
}

interface Bucket {
  readonly user_id: string;
  readonly provider: string;
  readonly model: string;
  readonly resolution: number;
  readonly start: number;
  requests: number;
  succeeded: number;
  told: number;
  readonly errors: Record<string, number>;
  readonly first: Histogram;
  readonly total: Histogram;
  dirty: boolean;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Each resolution, and how long its buckets are kept. */
const KEPT: readonly (readonly [number, number])[] = [
  [MINUTE_MS, 2 * HOUR_MS],
  [HOUR_MS, 49 * HOUR_MS],
];
const FLUSH_MS = 5_000;
const MOST_BUCKETS = 50_000;

export interface ReliabilityOptions {
  readonly db: Kysely<LogsSchema>;
  readonly clock: Clock;
  readonly log: Log;
}

export function createReliabilityLog({ db, clock, log }: ReliabilityOptions): ReliabilityLog {
  /** Each process writes rows of its own; whoever reads adds them up. */
  const writer = randomUUID();
  const buckets = new Map<string, Bucket>();
  let timer: unknown = null;
  let flushing: Promise<void> = Promise.resolve();

  const bucketOf = (userId: string, { provider, model }: Attempt, resolution: number): Bucket | null => {
    const start = Math.floor(clock.wall() / resolution) * resolution;
    const key = `${resolution} ${start} ${userId}\n${provider}\n${model}`;
    const found = buckets.get(key);
    if (found) return found;
    if (buckets.size >= MOST_BUCKETS) return null; // counted again when some have been written
    const made: Bucket = {
      user_id: userId,
      provider,
      model,
      resolution,
      start,
      requests: 0,
      succeeded: 0,
      told: 0,
      errors: {},
      first: {},
      total: {},
      dirty: true,
    };
    buckets.set(key, made);
    return made;
  };

  const write = async () => {
    const now = clock.wall();
    for (const [key, bucket] of buckets) {
      if (bucket.dirty) {
        bucket.dirty = false;
        const { dirty: _, errors, first, total, ...plain } = bucket;
        const row = {
          ...plain,
          writer,
          errors: JSON.stringify(errors),
          first: JSON.stringify(first),
          total: JSON.stringify(total),
        };
        const { requests, succeeded, told } = row;
        await db
          .insertInto('reliability')
          .values(row)
          .onConflict((conflict) =>
            conflict.columns(['resolution', 'start', 'user_id', 'provider', 'model', 'writer']).doUpdateSet({
              requests,
              succeeded,
              told,
              errors: row.errors,
              first: row.first,
              total: row.total,
            }),
          )
          .execute()
          .catch((error) => {
            bucket.dirty = true;
            throw error;
          });
      }
      if (!bucket.dirty && now >= bucket.start + bucket.resolution) buckets.delete(key);
    }
    for (const [resolution, kept] of KEPT)
      await db
        .deleteFrom('reliability')
        .where('resolution', '=', resolution)
        .where('start', '<', now - kept)
        .execute();
  };

  /** One writer at a time; what cannot be written waits, and is no request's trouble. */
  const flush = (): Promise<void> => {
    flushing = flushing.then(write).catch((error) => {
      log.warn({ err: error }, 'the reliability of providers cannot be written');
    });
    return flushing;
  };

  const note = (bucket: Bucket, { firstContentMs, latencyMs }: Attempt, outcome: 'ok' | ErrorClass) => {
    bucket.dirty = true;
    bucket.requests += 1;
    if (outcome === 'ok') bucket.succeeded += 1;
    else bucket.errors[outcome] = (bucket.errors[outcome] ?? 0) + 1;
    if (outcome === 'ok' || isHeldAgainst(outcome)) bucket.told += 1;
    if (outcome !== 'ok') return;
    if (firstContentMs !== null) addTo(bucket.first, firstContentMs);
    if (latencyMs !== null) addTo(bucket.total, latencyMs);
  };

  return {
    add(userId, attempts) {
      for (const attempt of attempts) {
        const { outcome } = attempt;
        if (outcome === 'skipped' || outcome === 'aborted' || outcome === 'running') continue;
        for (const [resolution] of KEPT) {
          const bucket = bucketOf(userId, attempt, resolution);
          if (bucket) note(bucket, attempt, outcome);
        }
      }
      timer ??= clock.setTimeout(() => {
        timer = null;
        void flush();
      }, FLUSH_MS);
    },

    async since(userId, wallMs) {
      await flush();
      const resolution = clock.wall() - wallMs > HOUR_MS ? HOUR_MS : MINUTE_MS;
      let query = db
        .selectFrom('reliability')
        .selectAll()
        .where('resolution', '=', resolution)
        .where('start', '>=', Math.floor(wallMs / resolution) * resolution);
      if (userId !== null) query = query.where('user_id', '=', userId);
      const rows = await query.execute();
      const groups = Map.groupBy(rows, ({ provider, model }) => `${provider}:${model}`);
      return new Map([...groups].map(([id, group]) => [id, summed(group)]));
    },

    async close() {
      if (timer !== null) clock.clearTimeout(timer);
      timer = null;
      await flush();
    },
  };
}

const isHeldAgainst = (outcome: ErrorClass): boolean => ruleOf(outcome).against !== 'nobody';

type Row = LogsSchema['reliability'];

function summed(rows: readonly Row[]): Reliability {
  const add = (pick: (row: Row) => number) => rows.reduce((sum, row) => sum + Number(pick(row)), 0);
  const told = add((row) => row.told);
  const first = merged(rows.map((row) => JSON.parse(row.first) as Histogram)); // as it was written above
  const total = merged(rows.map((row) => JSON.parse(row.total) as Histogram));
  return {
    requests: add((row) => row.requests),
    successRate: told > 0 ? add((row) => row.succeeded) / told : null,
    errors: merged(rows.map((row) => JSON.parse(row.errors) as Histogram)),
    firstContentMs: { p50: quantile(first, 0.5), p95: quantile(first, 0.95) },
    totalMs: { p50: quantile(total, 0.5), p95: quantile(total, 0.95) },
  };
}
