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
      taken.delete(key); // and comes last again: the first is whoever was seen longest ago
      const [longestAgo] = taken.size >= MOST_KEPT ? taken.keys() : [];
      if (longestAgo !== undefined) taken.delete(longestAgo);
      taken.set(key, [...recent, now]);
      return 0;
    },
  };
}

function subnet(address: string): string {
  if (!address.includes(':')) return address;
  const groups = groupsOf(address);
  const [a = 0, b = 0] = groups.slice(6);
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped) return [a >> 8, a & 255, b >> 8, b & 255].join('.');
  return groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':');
}

/** The eight groups of an IPv6 address, however it is spelt. */
function groupsOf(address: string): number[] {
  const spelt = URL.parse(`http://[${address.replace(/%.*$/, '')}]`)?.hostname.slice(1, -1) ?? '::';
  const [head = '', tail = ''] = spelt.split('::');
  const numbers = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [front, back] = [numbers(head), numbers(tail)];
  return [...front, ...Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0), ...back];
}
