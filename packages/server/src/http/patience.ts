import type { Clock } from '@inferbridge/core';

/**
 * How long callers wait who do not say so. openai-node tells its timeout only where a single request sets it; one that
 * is set on the client shows when that client gives up, and its next try then gets a deadline that is in time.
 */
export interface Patience {
  /** This user's client left before anything had been sent to it. */
  gaveUp(userId: string, afterMs: number): void;
  /** For a client that says it is trying again: what it waited for the last time, `null` where that is not known. */
  learned(userId: string): number | null;
}

/** Somebody who leaves sooner than this was not waiting for a timeout. */
const LEAST_MS = 1_000;
const FRESH_MS = 120_000;
const MOST_KEPT = 10_000;

export function createPatience(clock: Clock): Patience {
  const left = new Map<string, { at: number; afterMs: number }>();
  return {
    gaveUp(userId, afterMs) {
      if (afterMs < LEAST_MS) return;
      if (left.size >= MOST_KEPT) left.clear();
      left.set(userId, { at: clock.now(), afterMs });
    },
    learned(userId) {
      const last = left.get(userId);
      return last && clock.now() - last.at < FRESH_MS ? last.afterMs : null;
    },
  };
}
