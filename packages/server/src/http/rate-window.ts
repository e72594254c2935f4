import type { Clock } from '@inferbridge/core';

/** So many a minute for each address; IPv6 counts by /64, since one customer has all of it. */
export interface RateWindow {
  /** 0 where it may go on, else the milliseconds until it may. */
  take(address: string): number;
}

const WINDOW_MS = 60_000;
const MOST_KEPT = 10_000;

export function createRateWindow(clock: Clock, perMinute: number): RateWindow {
  const taken = new Map<string, number[]>();
  return {
    take(address) {
      const key = subnet(address);
      const now = clock.now();
      const recent = (taken.get(key) ?? []).filter((at) => at > now - WINDOW_MS);
      const [oldest] = recent;
      if (recent.length >= perMinute && oldest !== undefined) return oldest + WINDOW_MS - now;
      if (taken.size >= MOST_KEPT)
        for (const [old, times] of taken) if ((times.at(-1) ?? 0) <= now - WINDOW_MS) taken.delete(old);
      taken.set(key, [...recent, now]);
      return 0;
    },
  };
}

function subnet(address: string): string {
  const plain = address.replace(/^::ffff:/, '');
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length);
  return [...groups, ...Array<string>(zeros).fill('0'), ...rest].slice(0, 4).join(':');
}
