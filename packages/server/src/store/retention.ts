import { type Clock, type Log, letGo } from '@inferbridge/core';
import type { RequestLog } from './request-log.ts';
import { beginningsOf, DAY_MICROS, micros } from './time.ts';

export interface RetentionOptions {
  readonly requestLog: Pick<RequestLog, 'prune' | 'pruneSums' | 'oldest'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly days: number;
  /** The log takes no more than this; the oldest rows go first. Default: its age alone bounds it. */
  readonly maxBytes?: number;
  /** What it takes. */
  readonly bytes?: () => Promise<number>;
}

const EVERY_MS = 60_000;
const SUMS_EVERY_MS = 3_600_000;
/** Small enough that a batch of new rows never waits long for one. */
const SLICE_ROWS = 200;
const PAUSE_MS = 50;
/** Down to this share of the most, so that it does not begin again at once. */
const ROOM = 0.95;

/** Deletes rows that are too old, or too many, in slices small enough that nobody waits for one. */
export function startRetention({
  requestLog,
  clock,
  log,
  days,
  maxBytes = Number.POSITIVE_INFINITY,
  bytes = () => Promise.resolve(0),
}: RetentionOptions): { stop(): void } {
  let timer: unknown = null;
  let stopped = false;
  let full = false;
  let sumsAt = Number.NEGATIVE_INFINITY;

  const again = (ms: number) => {
    if (!stopped) timer = clock.setTimeout(() => void slice(), ms);
    letGo(timer);
  };

  /** Is there more to do at once? */
  const prune = async (): Promise<boolean> => {
    const cutOff = micros(clock.wall()) - days * DAY_MICROS;
    if ((await requestLog.prune(cutOff, SLICE_ROWS)) === SLICE_ROWS) return true;
    const taken = await bytes();
    if (taken > maxBytes && !full)
      log.warn(
        { bytes: taken },
        'the request log is full; its oldest rows go (see logFileMaxBytes, retentionDays)',
      );
    full = taken > maxBytes * (full ? ROOM : 1);
    if (full && (await requestLog.prune(Number.MAX_SAFE_INTEGER, SLICE_ROWS)) > 0) return true;
    if (clock.now() - sumsAt < SUMS_EVERY_MS) return false;
    sumsAt = clock.now();
    // this month's sums stay: budgets begin with them
    const month = micros(beginningsOf(clock.wall()).month);
    await requestLog.pruneSums(Math.min(month, Math.max(cutOff, (await requestLog.oldest()) ?? 0)));
    return false;
  };

  const slice = async () => {
    try {
      again((await prune()) ? PAUSE_MS : EVERY_MS);
    } catch (error) {
      if (!stopped) log.warn({ err: error }, 'old request rows cannot be pruned');
      again(EVERY_MS);
    }
  };
  again(PAUSE_MS);
  return {
    stop() {
      stopped = true;
      clock.clearTimeout(timer);
    },
  };
}
