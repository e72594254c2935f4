import type { Timeouts } from '@inferbridge/core';
import type { Route } from '@inferbridge/plugins';

/** A client's own timeout bounds the wait for headers and first content, which without streaming is the whole reply. */
export const bounded = (ms: number): Partial<Timeouts> => ({ headersMs: ms, firstContentMs: ms });

/** What the tiers of a chain say, where one request obeys them all: the first one's timers, the least money. */
export function combined(routes: readonly Route[]): Partial<Route> {
  const limits = routes.flatMap(({ maxUsd }) => maxUsd ?? []);
  const timeouts = routes.find((route) => route.timeouts)?.timeouts;
  return { ...(limits.length > 0 && { maxUsd: Math.min(...limits) }), ...(timeouts && { timeouts }) };
}

/** Optional keys that are absent rather than undefined, as the core's types want them. */
export function clean<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  }; // the filter is the claim
}
