import type { Clock } from '../clock.ts';

/** Bounds how much a provider that is in trouble is asked again: further tries and hedges spend from it. */
export interface RetryBudget {
  /** A request of the ordinary kind was sent to this provider. */
  note(provider: string): void;
  /** Takes leave for one more; false where the share is used up. */
  take(provider: string): boolean;
}

export interface RetryBudgetOptions {
  readonly clock: Clock;
  /** Share of ordinary requests; default 0.2. */
  readonly share?: number;
  /** Always allowed within the window; default 3. */
  readonly floor?: number;
  /** Default 10,000. */
  readonly windowMs?: number;
}

interface Window {
  start: number;
  requests: number;
  taken: number;
  /** The window before, which fades while this one fills. */
  requestsBefore: number;
  takenBefore: number;
}

export function createRetryBudget(options: RetryBudgetOptions): RetryBudget {
  const { clock, share = 0.2, floor = 3, windowMs = 10_000 } = options;
  const windows = new Map<string, Window>();
  const windowOf = (provider: string): Window => {
    const now = clock.now();
    const window = windows.get(provider) ?? {
      start: now,
      requests: 0,
      taken: 0,
      requestsBefore: 0,
      takenBefore: 0,
    };
    windows.set(provider, window);
    const passed = Math.floor((now - window.start) / windowMs);
    if (passed > 0) {
      window.requestsBefore = passed === 1 ? window.requests : 0;
      window.takenBefore = passed === 1 ? window.taken : 0;
      window.requests = window.taken = 0;
      window.start += passed * windowMs;
    }
    return window;
  };
  return {
    note(provider) {
      windowOf(provider).requests += 1;
    },
    take(provider) {
      const window = windowOf(provider);
      const fading = 1 - (clock.now() - window.start) / windowMs;
      const taken = window.taken + window.takenBefore * fading;
      const requests = window.requests + window.requestsBefore * fading;
      if (taken >= Math.max(floor, share * requests)) return false;
      window.taken += 1;
      return true;
    },
  };
}
