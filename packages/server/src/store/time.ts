import { randomUUID } from 'node:crypto';

export const HOUR_MICROS = 3_600_000_000;
export const DAY_MICROS = 24 * HOUR_MICROS;

/** When the day and the month of this time began (UTC); milliseconds all. */
export function beginningsOf(wallMs: number): { readonly day: number; readonly month: number } {
  const now = new Date(wallMs);
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  return { day: Date.UTC(year, month, now.getUTCDate()), month: Date.UTC(year, month) };
}

/** Microseconds since 1970 from fractional milliseconds. */
export const micros = (wallMs: number): number => Math.round(wallMs * 1000);

/** `2026-05-01T12:00:00.123456Z` */
export function isoMicros(at: number): string {
  const ms = Math.floor(at / 1000);
  return `${new Date(ms).toISOString().slice(0, 23)}${String(at - ms * 1000).padStart(3, '0')}Z`;
}

/**
 * An id that begins with its time to the microsecond, so that ids sort as the rows do (UUID version 7, the twelve
 * bits behind the milliseconds holding their fraction). Source: RFC 9562, 5.7 and 6.2 method 3 (read 2026-11-21).
 */
export function timeOrderedId(at: number): string {
  if (latest.at !== at) latest = { at, text: firstIdAt(at).slice(0, 19) };
  // the chance of a random UUID behind the time: Node keeps those in stock, fresh random bytes are a system call
  return latest.text + randomUUID().slice(19);
}

/** Many requests come in the same millisecond. */
let latest = { at: Number.NaN, text: '' };

/** The smallest id that a row of this time may have. */
export const firstIdAt = (at: number): string => {
  const ms = Math.floor(at / 1000)
    .toString(16)
    .padStart(12, '0');
  const fraction = (0x7000 | Math.floor(((at - Math.floor(at / 1000) * 1000) * 4096) / 1000)).toString(16);
  return `${ms.slice(0, 8)}-${ms.slice(8)}-${fraction}-0000-000000000000`;
};
