import type { Clock } from '../clock.ts';

/** A clock that stands still until it is told to move. */
export interface VirtualClock extends Clock {
  /** Moves time on and rings every timer on the way, each at its own time; lets promises settle in between. */
  advance(ms: number): Promise<void>;
  /** Timers that are set and have not rung. */
  pending(): number;
}

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly ring: () => void;
}

/** `wallMs`: what `wall()` says at the start; default 2026-01-01T00:00:00Z. */
export function virtualClock(wallMs = Date.UTC(2026, 0, 1)): VirtualClock {
  let now = 0;
  let order = 0;
  const timers = new Set<Entry>();
  const next = (until: number): Entry | null => {
    let first: Entry | null = null;
    for (const entry of timers)
      if (
        entry.at <= until &&
        (!first || entry.at < first.at || (entry.at === first.at && entry.order < first.order))
      )
        first = entry;
    return first;
  };
  return {
    now: () => now,
    wall: () => wallMs + now,
    setTimeout(ring, ms) {
      const entry = { at: now + Math.max(0, ms), order: order++, ring };
      timers.add(entry);
      return entry;
    },
    clearTimeout: (timer) => void timers.delete(timer as Entry), // what setTimeout above returned, or nothing that is there
    async advance(ms) {
      const until = now + ms;
      await settled();
      for (let entry = next(until); entry; entry = next(until)) {
        timers.delete(entry);
        now = entry.at;
        entry.ring();
        await settled();
      }
      now = until;
      await settled();
    },
    pending: () => timers.size,
  };
}

/** Lets everything that only waits for promises run to its end. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
