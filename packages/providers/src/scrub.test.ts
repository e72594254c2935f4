import { describe, expect, it } from 'vitest';
import { scrub } from './scrub.ts';

describe('scrub', () => {
  it('takes out the exact key in use, wherever and however often it stands', () => {
    const secret = 'Zq81-odd.key/with+signs';
    const text = scrub(`a ${secret} b (${secret})${secret}`, secret);
    expect(text).toBe('a [redacted] b ([redacted])[redacted]');
  });

  it('reads the key as text and not as a pattern', () => {
    expect(scrub('abcdefg and a.c.*fg', 'a.c.*fg')).toBe('abcdefg and [redacted]');
  });

  it('does not tear words apart for a secret that is nearly nothing', () => {
    expect(scrub('an answer', 'a')).toBe('an answer');
    expect(scrub('an answer', '')).toBe('an answer');
  });

  it.each([
    ['sk-proj-abcDEF123456'],
    ['sk-ant-api03-abcdef-123456'],
    ['gsk_abcdefghijk123'],
    ['xai-abcdefghijk'],
    ['ib_0123456789abcdefghijABCDEFGHIJ01'],
    ['agni_0123456789abcdefghij'],
    ['AIzaSyA1234567890abcdefghijklmnopqrstu'],
    ['Bearer eyJhbGciOiJIUzI1NiJ9'],
    ['sk-abc***************wxyz'],
  ])('takes out what looks like a key: %s', (key) => {
    expect(scrub(`Incorrect API key provided: ${key}. See the docs`, '')).toMatch(
      /^Incorrect API key provided: \[redacted\]\.? See the docs$/,
    );
  });

  it('leaves ordinary words alone', () => {
    const text = 'The sketch of a task at risk-taking desks, model gpt-6-luna, ib/cheap, sk- and Bearer.';
    expect(scrub(text, 'unrelated-secret')).toBe(text);
  });

  it('turns control characters into blanks and keeps tabs and line ends', () => {
    expect(scrub('a\u0000b\u001b[31mc\u007fd\u0085e\tf\ng', '')).toBe('a b [31mc d e\tf\ng');
  });

  it('finds a key although control characters stand around it', () => {
    expect(scrub('\u0000sk-abcdef123456\u0000', '')).toBe(' [redacted] ');
  });

  it('cuts what is longer than two thousand characters and says so', () => {
    const text = scrub('x'.repeat(5_000), '');
    expect(text).toHaveLength(2_001);
    expect(text.endsWith('x…')).toBe(true);
    expect(scrub('y'.repeat(2_000), '')).toBe('y'.repeat(2_000));
  });

  it('takes keys out before it cuts, so that no half of one is left', () => {
    const secret = 'Secret0123456789Secret0123456789';
    const text = scrub(`${'x'.repeat(1_990)}${secret}`, secret);
    expect(text).not.toContain('Secret');
  });
});
