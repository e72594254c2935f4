import { randomUUID } from 'node:crypto';
import type { Attempt, Clock, Log } from '@inferbridge/core';
import type { Kysely } from 'kysely';
import type { Histogram } from './histogram.ts';
import { type Bucket, note, plus, type Reliability, summed } from './reliability-buckets.ts';
import { addBuckets } from './reliability-rows.ts';
import type { LogsSchema } from './schema.ts';

/** Counts what becomes of attempts, by user, provider and model, in minutes and hours. */
export interface ReliabilityLog {
  add(userId: string, attempts: readonly Attempt[]): void;
  /**
   * Over this user's traffic (`null`: everybody's) of the last so many milliseconds, keyed by `provider:model`: to the
   * minute within an hour, to the hour beyond.
   */
  last(userId: string | null, ms: number): Promise<ReadonlyMap<string, Reliability>>;
  close(): Promise<void>;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Each resolution, and how long its rows are kept. */
const KEPT: readonly (readonly [number, number])[] = [
  [MINUTE_MS, 2 * HOUR_MS],
  [HOUR_MS, 49 * HOUR_MS],
];
const FLUSH_MS = 10_000;
const PRUNE_MS = 600_000;
const SLICE = 100;
const MOST_BUCKETS = 50_000;
/** Of one user in one minute or hour; names can be invented faster than anybody can read them. */
const MOST_MODELS = 100;
const OTHERS = 'others';

export interface ReliabilityOptions {
  readonly db: Kysely<LogsSchema>;
  readonly clock: Clock;
  readonly log: Log;
}

export function createReliabilityLog({ db, clock, log }: ReliabilityOptions): ReliabilityLog {
  /** Each process writes rows of its own; whoever reads adds them up. */
  const writer = randomUUID();
  const buckets = new Map<string, Bucket>();
  /** The models that a user has in a stretch of time. */
  const named = new Map<string, { readonly until: number; readonly models: Set<string> }>();
  /** Those that were just used. */
  const recent = new Map<string, { readonly until: number; readonly buckets: readonly Bucket[] }>();
  let timer: unknown = null;
  let flushing: Promise<void> = Promise.resolve();
  let prunedAt = Number.NEGATIVE_INFINITY;
  let lost = 0;

  const bucketOf = (userId: string, attempt: Attempt, resolution: number): Bucket | null => {
    const { provider } = attempt;
    const start = Math.floor(clock.wall() / resolution) * resolution;
    const stretch = `${resolution} ${start} ${userId}`;
    const { models } = named.get(stretch) ?? { models: new Set<string>() };
    if (models.size === 0) named.set(stretch, { until: start + resolution, models });
    const known = models.has(`${provider}:${attempt.model}`) || models.size < MOST_MODELS;
    const model = known ? attempt.model : OTHERS;
    if (known) models.add(`${provider}:${model}`);
    const key = `${stretch}\n${provider}\n${model}`;
    const found = buckets.get(key);
    if (found) return found;
    if (buckets.size >= MOST_BUCKETS) {
      if (lost++ === 0)
        log.warn({}, 'too many providers and models to count; some are not, until these are written');
      return null;
    }
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
    };
    buckets.set(key, made);
    return made;
  };

  /** Of every resolution; the same for all of a minute, unless they have been written meanwhile. */
  const bucketsOf = (userId: string, attempt: Attempt): readonly Bucket[] => {
    const key = `${userId}\n${attempt.provider}\n${attempt.model}`;
    const now = clock.wall();
    const known = recent.get(key);
    if (known && now < known.until) return known.buckets;
    const found = KEPT.flatMap(([resolution]) => bucketOf(userId, attempt, resolution) ?? []);
    if (recent.size >= MOST_BUCKETS) recent.clear();
    recent.set(key, { until: (Math.floor(now / MINUTE_MS) + 1) * MINUTE_MS, buckets: found });
    return found;
  };

  const write = async () => {
    const now = clock.wall();
    recent.clear();
    for (const [stretch, { until }] of named) if (until <= now) named.delete(stretch);
    const waiting = [...buckets];
    for (let at = 0; at < waiting.length; at += SLICE) {
      const slice = waiting.slice(at, at + SLICE);
      for (const [key] of slice) buckets.delete(key); // what comes while they are written is counted anew
      recent.clear();
      await addBuckets(
        db,
        writer,
        slice.map(([, bucket]) => bucket),
      ).catch((error) => {
        for (const [key, bucket] of slice) buckets.set(key, plus(bucket, buckets.get(key)));
        recent.clear();
        throw error;
      });
      await new Promise(setImmediate); // requests come first
    }
    lost = 0;
    if (now - prunedAt < PRUNE_MS) return;
    prunedAt = now;
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

  return {
    add(userId, attempts) {
      for (const attempt of attempts) {
        const { outcome } = attempt;
        if (outcome === 'skipped' || outcome === 'aborted' || outcome === 'running') continue;
        for (const bucket of bucketsOf(userId, attempt)) note(bucket, attempt, outcome);
      }
      timer ??= clock.setTimeout(() => {
        timer = null;
        void flush();
      }, FLUSH_MS);
    },

    async last(userId, ms) {
      const resolution = ms > HOUR_MS ? HOUR_MS : MINUTE_MS;
      const from = Math.floor((clock.wall() - ms) / resolution) * resolution;
      await flushing;
      let query = db
        .selectFrom('reliability')
        .selectAll()
        .where('resolution', '=', resolution)
        .where('start', '>=', from);
      if (userId !== null) query = query.where('user_id', '=', userId);
      const written = (await query.execute()).map((row) => ({
        ...row,
        errors: JSON.parse(row.errors) as Histogram, // as they are written here
        first: JSON.parse(row.first) as Histogram,
        total: JSON.parse(row.total) as Histogram,
      }));
      const waiting = [...buckets.values()].filter(
        (bucket) =>
          bucket.resolution === resolution &&
          bucket.start >= from &&
          (userId === null || bucket.user_id === userId),
      );
      const groups = Map.groupBy([...written, ...waiting], ({ provider, model }) => `${provider}:${model}`);
      return new Map([...groups].map(([id, group]) => [id, summed(group)]));
    },

    async close() {
      if (timer !== null) clock.clearTimeout(timer);
      timer = null;
      await flush();
    },
  };
}
