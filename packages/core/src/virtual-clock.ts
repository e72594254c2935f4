import type { Clock } from './clock.ts';

/** A clock that stands still until it is told to move; simulations and tests run on it. */
export interface VirtualClock extends Clock {
  /** Moves time on and rings every timer on the way, each at its own time; lets promises settle in between. */
  advance(ms: number): Promise<void>;
  /** Timers that are set and have not rung. */
  pending(): number;
}

interface Entry {
  readonly at: number;
  readonly order: number;
  ring: (() => void) | null;
}

/** `wallMs`: what `wall()` says at the start; default 2026-01-01T00:00:00Z. */
export function virtualClock(wallMs = Date.UTC(2026, 0, 1)): VirtualClock {
  let now = 0;
  let order = 0;
  let set = 0;
  const timers = createHeap();
  return {
    now: () => now,
    wall: () => wallMs + now,
    setTimeout(ring, ms) {
      const entry: Entry = { at: now + Math.max(0, ms), order: order++, ring };
      timers.push(entry);
      set += 1;
      return entry;
    },
    clearTimeout(timer) {
      const entry = timer as Entry | null | undefined; // what setTimeout above returned, or nothing that is there
      if (!entry?.ring) return;
      entry.ring = null;
      set -= 1;
    },
    async advance(ms) {
      const until = now + ms;
      await settled();
      for (let entry = timers.popUntil(until); entry; entry = timers.popUntil(until)) {
        const { ring } = entry;
        if (!ring) continue;
        entry.ring = null;
        set -= 1;
        now = entry.at;
        ring();
        await settled();
      }
      now = until;
      await settled();
    },
    pending: () => set,
  };
}

/** Lets everything that only waits for promises run to its end. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** The earliest on top. */
function createHeap() {
  const heap: Entry[] = [];
  const at = (index: number): Entry => heap[index] as Entry; // only ever asked within its length
  const swap = (a: number, b: number) => {
    const kept = at(a);
    heap[a] = at(b);
    heap[b] = kept;
  };
  const sink = (start: number) => {
    for (let place = start; ; ) {
      const left = 2 * place + 1;
      if (left >= heap.length) return;
      const least = left + 1 < heap.length && isBefore(at(left + 1), at(left)) ? left + 1 : left;
      if (!isBefore(at(least), at(place))) return;
      swap(least, place);
      place = least;
    }
  };
  return {
    push(entry: Entry) {
      heap.push(entry);
      for (let place = heap.length - 1; place > 0; ) {
        const parent = (place - 1) >> 1;
        if (!isBefore(at(place), at(parent))) return;
        swap(place, parent);
        place = parent;
      }
    },
    /** Takes the earliest, where it is due by then. */
    popUntil(until: number): Entry | null {
      const [first] = heap;
      if (!first || first.at > until) return null;
      const last = heap.pop();
      if (last && heap.length > 0) {
        heap[0] = last;
        sink(0);
      }
      return first;
    },
  };
}
