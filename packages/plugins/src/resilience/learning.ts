import { type Call, type Clock, type Layer, ruleOf, type Settlement, settling } from '@inferbridge/core';

export interface LearningOptions {
  readonly clock: Clock;
}

/** Attempts that are remembered, of each kind; older ones than ten minutes say nothing any more. */
const KEPT = 64;
const FRESH_MS = 600_000;
/** Fewer than this show no median, fewer than that no percentile. */
const LEAST_FOR_MEDIAN = 5;
const LEAST_FOR_SLOW = 20;
/** Percentiles are sorted again after so many new attempts, or so long. */
const STALE_AFTER = 8;
const STALE_MS = 5_000;
/** How fast a peak is forgotten while attempts come, and how fast where none come: then it deserves a new try. */
const PEAK_DECAY_MS = 10_000;
const IDLE_DECAY_MS = 60_000;
const ERROR_WEIGHT = 0.1;
/** How fast failures are forgiven while nobody tries. */
const ERROR_DECAY_MS = 30_000;
const MOST_KEPT = 20_000;

/**
 * Learns what a target is like from the attempts that are made: how long it takes (apart for streams, where the first
 * content counts, and whole answers), how often it fails, how busy it is. Strategies read it as facts.
 */
export function learning({ clock }: LearningOptions): Layer {
  const learned = new Map<string, Learned>();
  return (target) => {
    const key = `${target.provider}\n${target.credential}\n${target.model}`;
    const mine = (): Learned => {
      const found = learned.get(key);
      if (found) {
        // the order of the map is that of the last use, once that matters
        if (learned.size > MOST_KEPT / 2 && learned.delete(key)) learned.set(key, found);
        return found;
      }
      if (learned.size >= MOST_KEPT) forget(learned);
      const made: Learned = {
        inFlight: 0,
        errorRate: null,
        errorAt: 0,
        whole: series(),
        streamed: series(),
      };
      learned.set(key, made);
      return made;
    };
    return {
      ...target,
      facts(call) {
        const facts = target.facts(call);
        const known = learned.get(key);
        if (!known) return { ...facts, inFlight: 0 };
        const { inFlight } = known;
        const now = clock.now();
        const errorRate = errorsAt(known, now);
        const times = seriesFor(known, call);
        refresh(times, now);
        const { latencyMs, slowMs } = times;
        return { ...facts, inFlight, errorRate, latencyMs, slowMs, ewmaMs: peakAt(times, now) };
      },
      acquire(call) {
        const answer = target.acquire(call);
        if ('blocked' in answer && !answer.insist) return answer;
        const known = mine();
        const noted = settling(answer, (settlement) => {
          known.inFlight -= 1;
          note(known, seriesFor(known, call), settlement, clock.now());
        });
        if (!('blocked' in noted)) {
          known.inFlight += 1;
          return noted;
        }
        return { ...noted, insist: () => counted(noted.insist?.() ?? noted, known) };
      },
    };
  };
}

/** A panic permit is an attempt as well. */
function counted<Answer extends object>(answer: Answer, known: Learned): Answer {
  if (!('blocked' in answer)) known.inFlight += 1;
  return answer;
}

interface Series {
  readonly values: Float64Array;
  readonly at: Float64Array;
  count: number;
  peakMs: number | null;
  peakAt: number;
  latencyMs: number | null;
  slowMs: number | null;
  sortedCount: number;
  sortedAt: number;
}

interface Learned {
  inFlight: number;
  errorRate: number | null;
  errorAt: number;
  readonly whole: Series;
  readonly streamed: Series;
}

const series = (): Series => ({
  values: new Float64Array(KEPT),
  at: new Float64Array(KEPT),
  count: 0,
  peakMs: null,
  peakAt: 0,
  latencyMs: null,
  slowMs: null,
  sortedCount: 0,
  sortedAt: 0,
});

const seriesFor = (known: Learned, { request }: Call): Series =>
  request.value.stream === true ? known.streamed : known.whole;

function note(known: Learned, times: Series, { outcome, firstContentMs }: Settlement, now: number): void {
  if (outcome === 'aborted') return;
  // whatever sends a request on to the next candidate is a failure of this one
  const failed = outcome !== 'ok' && ruleOf(outcome).next === 'yes';
  if (outcome === 'ok' || failed)
    known.errorRate = (errorsAt(known, now) ?? 0) * (1 - ERROR_WEIGHT) + (failed ? ERROR_WEIGHT : 0);
  if (outcome === 'ok' || failed) known.errorAt = now;
  if (firstContentMs === null) return;
  const slot = times.count % KEPT;
  times.values[slot] = firstContentMs;
  times.at[slot] = now;
  times.count += 1;
  const before = times.peakMs ?? firstContentMs;
  const weight = Math.exp(-(now - times.peakAt) / PEAK_DECAY_MS);
  times.peakMs = firstContentMs > before ? firstContentMs : before * weight + firstContentMs * (1 - weight);
  times.peakAt = now;
}

const errorsAt = ({ errorRate, errorAt }: Learned, now: number): number | null =>
  errorRate === null ? null : errorRate * Math.exp(-Math.max(0, now - errorAt) / ERROR_DECAY_MS);

const peakAt = ({ peakMs, peakAt }: Series, now: number): number | null =>
  peakMs === null ? null : peakMs * Math.exp(-Math.max(0, now - peakAt) / IDLE_DECAY_MS);

function refresh(times: Series, now: number): void {
  if (times.count === 0) return;
  const news = times.count - times.sortedCount;
  if (news < STALE_AFTER && now - times.sortedAt < STALE_MS) return;
  const sorted = times.values
    .subarray(0, Math.min(times.count, KEPT))
    .filter((_, slot) => now - (times.at[slot] ?? 0) < FRESH_MS)
    .sort();
  times.latencyMs = sorted.length >= LEAST_FOR_MEDIAN ? quantile(sorted, 0.5) : null;
  times.slowMs = sorted.length >= LEAST_FOR_SLOW ? quantile(sorted, 0.95) : null;
  times.sortedCount = times.count;
  times.sortedAt = now;
}

const quantile = (sorted: Float64Array, share: number): number | null =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;

/** Those that were used longest ago, and not now, go. */
function forget(learned: Map<string, Learned>): void {
  for (const [key, { inFlight }] of learned) {
    if (inFlight === 0) learned.delete(key);
    if (learned.size < MOST_KEPT / 2) break;
  }
}
