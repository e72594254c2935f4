import { totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { type Clock, type Log, letGo } from '@inferbridge/core';

/** Tells when this process has more to do than it can: it then does better for those it has by taking no more. */
export interface Overload {
  /** Why new model calls are turned away; `null` while they are not. */
  why(): string | null;
  stop(): void;
}

export interface OverloadOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** How the process is; default: its event loop's 99th percentile since the last look, and its memory. */
  readonly readings?: Readings;
}

export interface Readings {
  /** How late timers come, milliseconds. */
  delayMs(): number;
  /** Of the heap that V8 may have, or of the memory that the process may, whichever is fuller, in [0, 1]. */
  heapShare(): number;
  stop(): void;
}

const EVERY_MS = 500;
const MOST_DELAY_MS = 250;
const MOST_HEAP = 0.92;
/** So long it must be so before calls are turned away; garbage that is collected in between is none of that. */
const DELAY_FOR_MS = 2_000;
const HEAP_FOR_MS = 1_000;

export function watchOverload({ clock, log, readings = processReadings() }: OverloadOptions): Overload {
  const signs = [
    { name: 'its event loop lags', forMs: DELAY_FOR_MS, over: () => readings.delayMs() > MOST_DELAY_MS },
    { name: 'its memory is nearly full', forMs: HEAP_FOR_MS, over: () => readings.heapShare() > MOST_HEAP },
  ].map((sign) => ({ ...sign, since: null as number | null }));
  let why: string | null = null;
  let timer: unknown = null;
  let lookedAt = clock.now();

  const look = () => {
    const now = clock.now();
    let found: string | null = null;
    for (const sign of signs) {
      // what is seen now was so since the last look
      sign.since = sign.over() ? (sign.since ?? lookedAt) : null;
      if (sign.since !== null && now - sign.since >= sign.forMs) found ??= sign.name;
    }
    lookedAt = now;
    if (found !== null && why === null) log.warn({}, `new calls are turned away: ${found}`);
    if (found === null && why !== null) log.warn({}, 'calls are taken again');
    why = found;
    schedule();
  };
  const schedule = () => {
    timer = clock.setTimeout(look, EVERY_MS);
    letGo(timer);
  };
  schedule();

  return {
    why: () => why,
    stop() {
      clock.clearTimeout(timer);
      readings.stop();
    },
  };
}

const RESOLUTION_MS = 20;

/** What the process may have: bodies lie outside of the heap. Where nobody has set a limit, what the machine has. */
function mostMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

function processReadings(): Readings {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  return {
    delayMs() {
      const delay = delays.count > 0 ? delays.percentile(99) / 1e6 - RESOLUTION_MS : 0;
      delays.reset();
      return delay;
    },
    heapShare() {
      const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
      return Math.max(used / limit, process.memoryUsage.rss() / mostMemory());
    },
    stop: () => void delays.disable(),
  };
}
