import { describe, expect, it } from 'vitest';
import { retryAfterMs } from './retry-after.ts';

const NOW = Date.UTC(2026, 10, 20, 12, 0, 0);
const HOUR = 3_600_000;

describe('retry-after', () => {
  it.each([
    ['whole seconds', { 'retry-after': '7' }, 7_000],
    ['fractional seconds', { 'retry-after': '1.5' }, 1_500],
    ['zero', { 'retry-after': '0' }, 0],
    ['seconds with blanks around', { 'retry-after': ' 3 ' }, 3_000],
    ['milliseconds', { 'retry-after-ms': '250' }, 250],
    ['fractional milliseconds', { 'retry-after-ms': '12.5' }, 12.5],
    ['an HTTP date', { 'retry-after': 'Fri, 20 Nov 2026 12:00:30 GMT' }, 30_000],
    ['an RFC 3339 date', { 'retry-after': '2026-11-20T12:01:00Z' }, 60_000],
  ])('reads %s', (_, headers, expected) => {
    expect(retryAfterMs(headers, NOW)).toBe(expected);
  });

  it('believes milliseconds rather than seconds where both are there', () => {
    expect(retryAfterMs({ 'retry-after-ms': '400', 'retry-after': '9' }, NOW)).toBe(400);
  });

  it('falls back to the seconds where the milliseconds are junk', () => {
    expect(retryAfterMs({ 'retry-after-ms': 'soon', 'retry-after': '9' }, NOW)).toBe(9_000);
  });

  it('takes a date in the past for no wait', () => {
    expect(retryAfterMs({ 'retry-after': 'Fri, 20 Nov 2026 11:59:00 GMT' }, NOW)).toBe(0);
  });

  it.each([
    ['nothing', {}],
    ['an empty value', { 'retry-after': '' }],
    ['a word', { 'retry-after': 'later' }],
    ['a negative number', { 'retry-after': '-5' }],
    ['hexadecimal', { 'retry-after': '0x10' }],
    ['an exponent', { 'retry-after': '1e9' }],
    ['Infinity', { 'retry-after': 'Infinity' }],
    ['NaN', { 'retry-after': 'NaN' }],
    ['two values joined', { 'retry-after': '5, 7' }],
    ['a day that is none', { 'retry-after': 'Foo, 99 Bar 2026 99:99:99 GMT' }],
    ['a duration with a unit', { 'retry-after': '5s' }],
  ])('ignores %s', (_, headers) => {
    expect(retryAfterMs(headers, NOW)).toBeNull();
  });

  it.each([
    ['seconds', { 'retry-after': '999999999' }],
    ['more digits than a number holds', { 'retry-after': '9'.repeat(400) }],
    ['milliseconds', { 'retry-after-ms': '999999999999' }],
    ['a date in the far future', { 'retry-after': 'Fri, 20 Nov 2099 12:00:00 GMT' }],
    ['a reset', { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '3d' }],
  ])('cuts huge %s to an hour', (_, headers) => {
    expect(retryAfterMs(headers, NOW)).toBe(HOUR);
  });
});

describe('reset headers', () => {
  it.each([
    ['1s', 1_000],
    ['6m0s', 360_000],
    ['120ms', 120],
    ['2m59.56s', 179_560],
    ['1h', HOUR],
    ['0s', 0],
  ])('reads the duration %s of a spent limit', (reset, expected) => {
    const headers = { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': reset };
    expect(retryAfterMs(headers, NOW)).toBeCloseTo(expected, 6);
  });

  it('reads the dates of the other family of headers', () => {
    const headers = {
      'anthropic-ratelimit-output-tokens-remaining': '0',
      'anthropic-ratelimit-output-tokens-reset': '2026-11-20T12:00:45Z',
    };
    expect(retryAfterMs(headers, NOW)).toBe(45_000);
  });

  it('waits for the latest of the limits that are spent, and for none that has something left', () => {
    const headers = {
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '2s',
      'x-ratelimit-remaining-tokens': '0',
      'x-ratelimit-reset-tokens': '9s',
    };
    expect(retryAfterMs(headers, NOW)).toBe(9_000);
    expect(retryAfterMs({ ...headers, 'x-ratelimit-remaining-tokens': '17' }, NOW)).toBe(2_000);
    expect(
      retryAfterMs({ 'x-ratelimit-remaining-requests': '3', 'x-ratelimit-reset-requests': '2s' }, NOW),
    ).toBeNull();
  });

  it('gives way to retry-after', () => {
    const headers = {
      'retry-after': '4',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '2m',
    };
    expect(retryAfterMs(headers, NOW)).toBe(4_000);
  });

  it.each(['', 'soon', '5 s', '1s junk', '-1s'])('ignores the unreadable reset "%s"', (reset) => {
    const headers = { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': reset };
    expect(retryAfterMs(headers, NOW)).toBeNull();
  });
});
