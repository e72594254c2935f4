import type { Clock, Log } from '@inferbridge/core';
import type { RequestLog } from './request-log.ts';
import { micros } from './time.ts';

export interface RetentionOptions {
  readonly requestLog: Pick<RequestLog, 'prune'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly days: number;
}

const EVERY_MS = 600_000;
const SLICE_ROWS = 1_000;
const PAUSE_MS = 50;
const DAY_MS = 86_400_000;

/** Deletes rows that are too old, in slices small enough that nobody waits for one. */
export function startRetention({ requestLog, clock, log, days }: RetentionOptions): { stop(): void } {
  let timer: unknown = null;
  let stopped = false;
  const again = (ms: number) => {
    if (!stopped) timer = clock.setTimeout(() => void slice(), ms);
    (timer as { unref?: () => void } | null)?.unref?.(); // a Node timer can be let go of, others cannot
  };
  const slice = async () => {
    try {
      const gone = await requestLog.prune(micros(clock.wall() - days * DAY_MS), SLICE_ROWS);
      again(gone === SLICE_ROWS ? PAUSE_MS : EVERY_MS);
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
