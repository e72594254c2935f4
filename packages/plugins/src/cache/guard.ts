import type { Clock, Log } from '@inferbridge/core';

/** Something that the requests can do without, kept from ever being in their way. */
export interface Guard {
  /** What the work comes to; `otherwise` where it fails, takes too long, or has failed just before. */
  run<T>(work: () => Promise<T>, otherwise: T): Promise<T>;
  /** False while it is passed over. */
  well(): boolean;
}

export interface GuardOptions {
  /** What it is, for the log. */
  readonly what: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds that a request waits at most; default 40. */
  readonly patienceMs?: number;
}

/** How long it is left alone after it has failed. */
const REST_MS = 1_000;
/** One answer that is late may be our own fault: the event loop was busy. Those asked at the same time count as one. */
const LATE_IN_A_ROW = 3;

const BUSY_TIMES = 5;

const LATE = Symbol('late');

export function createGuard({ what, clock, log, patienceMs = 40 }: GuardOptions): Guard {
  let down = false;
  let restsUntil = 0;
  let late = 0;
  let lateAt = Number.NEGATIVE_INFINITY;
  let fellAt = Number.NEGATIVE_INFINITY;

  const fell = (why: string) => {
    if (!down) log.error({ why }, `${what} is not reachable; requests go on without it`);
    down = true;
    fellAt = clock.now();
    restsUntil = fellAt + REST_MS;
  };

  return {
    well: () => !down,
    async run(work, otherwise) {
      if (down) {
        if (clock.now() < restsUntil) return otherwise;
        restsUntil = clock.now() + REST_MS; // one at a time finds out
      }
      const askedAt = clock.now();
      let timer: unknown = null;
      const waited = new Promise<typeof LATE>((resolve) => {
        const wait = (from: number, left: number) => {
          timer = clock.setTimeout(() => {
            // a timer that comes late itself: this process was busy, and the answer may lie there unread
            const busy = clock.now() - from > patienceMs * 1.5;
            if (busy && left > 0) return wait(clock.now(), left - 1);
            setImmediate(() => resolve(LATE));
          }, patienceMs);
        };
        wait(clock.now(), BUSY_TIMES);
      });
      try {
        const outcome = await Promise.race([work(), waited]);
        if (outcome === LATE) {
          if (askedAt >= lateAt) {
            late += 1;
            lateAt = clock.now();
          }
          if (down || late >= LATE_IN_A_ROW) fell(`no answer within ${patienceMs} ms`);
          return otherwise;
        }
        late = 0;
        if (askedAt <= fellAt && down) return outcome; // asked before it fell: that says nothing of now
        if (down) log.info({}, `${what} is back`);
        down = false;
        return outcome;
      } catch (error) {
        fell(reasonOf(error));
        return otherwise;
      } finally {
        clock.clearTimeout(timer);
      }
    },
  };
}

/** A code, or the message's beginning; never what was stored. */
const reasonOf = (error: unknown): string => {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }; // whatever was thrown; only looked at
  return String(code ?? message ?? error).slice(0, 200);
};
