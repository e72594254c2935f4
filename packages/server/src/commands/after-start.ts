import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const AFTER_MS = 1_000;

/** What a server has to do. */
export interface Work {
  /** Is a model call on its way? */
  busy(): boolean;
  /** Model calls that have come so far. */
  calls(): number;
}

/**
 * Collects what only the start needed: 30 MB of 150, which V8 would keep until requests make it look. That stops the
 * process for 40 ms, and for 200 once it has served many, so it waits for a second in which nobody has asked for
 * anything; under steady traffic V8 looks by itself.
 */
export function collectAfterStart(work: Work, collect: () => void = collectAll): void {
  const before = work.calls();
  const timer = setTimeout(() => {
    if (work.busy() || work.calls() !== before) return collectAfterStart(work, collect);
    collect();
  }, AFTER_MS);
  timer.unref();
}

function collectAll(): void {
  setFlagsFromString('--expose-gc'); // there is no other way to it than through a context made after that
  const collect = runInNewContext('gc') as (how: object) => void; // as V8 declares it
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
