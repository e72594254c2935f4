/** Seconds that a window looks back. */
const SECONDS = 60;
/** One more, since the oldest second is only partly behind it. */
const SLOTS = SECONDS + 1;

/** What was taken within the last sixty seconds, second by second. Times are milliseconds of one clock. */
export interface SlidingWindow {
  /** 0 where this much more fits, else the milliseconds until it would; `Infinity` where it never does. */
  waitFor(amount: number, limit: number, now: number): number;
  /** The second under which it is kept, for giving it back. */
  add(amount: number, now: number): number;
  /** What was taken in that second and is not used after all. */
  giveBack(amount: number, second: number, now: number): void;
}

export function createWindow(): SlidingWindow {
  const slots = new Float64Array(SLOTS);
  let newest = 0;
  let total = 0;

  const slot = (second: number): number => ((second % SLOTS) + SLOTS) % SLOTS;

  /** Forgets the seconds that have left the window. */
  const advance = (now: number): number => {
    const second = Math.floor(now / 1_000);
    if (second - newest >= SLOTS) {
      slots.fill(0);
      total = 0;
    } else
      for (let gone = newest + 1; gone <= second; gone++) {
        total -= slots[slot(gone)] ?? 0;
        slots[slot(gone)] = 0;
      }
    newest = Math.max(newest, second);
    return newest;
  };

  return {
    waitFor(amount, limit, now) {
      const second = advance(now);
      if (total + amount <= limit) return 0;
      if (amount > limit) return Number.POSITIVE_INFINITY;
      let left = total;
      for (let old = second - SECONDS; old <= second; old++) {
        left -= slots[slot(old)] ?? 0;
        if (left + amount <= limit) return (old + SLOTS) * 1_000 - now;
      }
      return SECONDS * 1_000;
    },
    add(amount, now) {
      const second = advance(now);
      slots[slot(second)] = (slots[slot(second)] ?? 0) + amount;
      total += amount;
      return second;
    },
    giveBack(amount, second, now) {
      const newestNow = advance(now);
      if (second < newestNow - SECONDS || second > newestNow) return;
      const most = Math.min(amount, slots[slot(second)] ?? 0);
      slots[slot(second)] = (slots[slot(second)] ?? 0) - most;
      total -= most;
    },
  };
}
