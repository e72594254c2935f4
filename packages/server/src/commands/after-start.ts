import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const AFTER_MS = 1_000;

/**
 * Collects what only the start needed: 30 MB of 150, which V8 would keep until requests make it look. It takes some 40 ms,
 * so it waits for a moment in which nobody is served.
 */
export function collectAfterStart(busy: () => boolean): void {
  const timer = setTimeout(() => {
    if (busy()) return collectAfterStart(busy);
    setFlagsFromString('--expose-gc'); // there is no other way to it than through a context made after that
    const collect = runInNewContext('gc') as (how: object) => void; // as V8 declares it
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }, AFTER_MS);
  timer.unref();
}
