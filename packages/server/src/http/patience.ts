import { hash } from 'node:crypto';
import type { Clock } from '@inferbridge/core';

/**
 * How long callers wait who do not say so. openai-node tells its timeout only where a single request sets it; one that
 * is set on the client shows when that client gives up, and its next try then gets a deadline that is in time.
 */
export interface Patience {
  /** A client left this request before anything had been sent to it. */
  gaveUp(request: string, afterMs: number): void;
  /** For a client that says it is trying again: what it waited for the last time, `null` where that is not known. */
  learned(request: string): number | null;
}

/** Somebody who leaves sooner than this was not waiting for a timeout. */
const LEAST_MS = 1_000;
const FRESH_MS = 120_000;
const MOST_KEPT = 10_000;

export function createPatience(clock: Clock): Patience {
  const left = new Map<string, { at: number; afterMs: number }>();
  return {
    gaveUp(request, afterMs) {
      if (afterMs < LEAST_MS) return;
      if (left.size >= MOST_KEPT) left.clear();
      left.set(request, { at: clock.now(), afterMs });
    },
    learned(request) {
      const last = left.get(request);
      return last && clock.now() - last.at < FRESH_MS ? last.afterMs : null;
    },
  };
}

/** The same request of the same user has the same name, and says nothing of what is in it. */
export const requestName = (userId: string, body: Uint8Array): string =>
  `${userId} ${hash('sha256', body, 'hex')}`;
