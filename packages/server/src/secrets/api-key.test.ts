import { describe, expect, it } from 'vitest';
import { generateApiKey, hashOf, isWellFormed } from './api-key.ts';

const PREFIX = 'ib_';
const LEGACY = 'agni_';
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const good = (key: string) => isWellFormed(key, PREFIX, LEGACY);

describe('generateApiKey', () => {
  it('makes the prefix and 32 characters of base62, well-formed, never twice the same', () => {
    const keys = Array.from({ length: 1_000 }, () => generateApiKey(PREFIX));
    for (const key of keys) {
      expect(key).toMatch(/^ib_[0-9A-Za-z]{32}$/);
      expect(good(key)).toBe(true);
    }
    expect(new Set(keys).size).toBe(1_000);
  });

  it('uses every character as often as any other', () => {
    const counts = new Map<string, number>();
    const keys = 4_000;
    for (let i = 0; i < keys; i++)
      for (const character of generateApiKey(PREFIX).slice(3, 29))
        counts.set(character, (counts.get(character) ?? 0) + 1);
    const expected = (keys * 26) / 62;
    const chiSquare = [...BASE62].reduce(
      (sum, one) => sum + ((counts.get(one) ?? 0) - expected) ** 2 / expected,
      0,
    );
    expect(counts.size).toBe(62);
    // 61 degrees of freedom: above 150 once in 1e8 runs; a plain `byte % 62` lies above 1,000
    expect(chiSquare).toBeLessThan(150);
  });
});

describe('isWellFormed', () => {
  it('finds every typo of one character', () => {
    const key = generateApiKey(PREFIX);
    for (let at = PREFIX.length; at < key.length; at++)
      for (const other of BASE62)
        if (other !== key[at])
          expect(good(key.slice(0, at) + other + key.slice(at + 1)), `${at} ${other}`).toBe(false);
  });

  it('finds two neighbours that were swapped', () => {
    const key = generateApiKey(PREFIX);
    for (let at = PREFIX.length; at < key.length - 1; at++) {
      const swapped = `${key.slice(0, at)}${key[at + 1]}${key[at]}${key.slice(at + 2)}`;
      if (swapped !== key) expect(good(swapped), String(at)).toBe(false);
    }
  });

  it('refuses nearly everything that merely looks like a key', () => {
    const noise = Array.from({ length: 10_000 }, (_, i) => `${PREFIX}${String(i).padStart(32, 'x')}`);
    expect(noise.filter(good)).toEqual([]);
  });

  it('binds the checksum to the prefix', () => {
    const key = generateApiKey(PREFIX);
    expect(isWellFormed(key.replace('ib_', 'xx_'), 'xx_', LEGACY)).toBe(false);
  });

  it.each([
    '',
    'ib_',
    'sk-123',
    'Bearer',
    'ib_é'.padEnd(35, 'a'),
    'ib_'.padEnd(34, 'a'),
    'ib_'.padEnd(36, 'a'),
  ])('refuses %j', (key) => {
    expect(good(key)).toBe(false);
  });

  it.each([
    (key: string) => `${key}\n`,
    (key: string) => ` ${key}`,
    (key: string) => `${key} `,
    (key: string) => key.toUpperCase(),
    (key: string) => key.slice(0, -1),
    (key: string) => `${key}0`,
  ])('refuses a good key that was dressed up: %#', (change) => {
    let key = generateApiKey(PREFIX);
    while (!/[a-z]/.test(key.slice(3))) key = generateApiKey(PREFIX);
    expect(good(change(key))).toBe(false);
  });

  it('takes legacy keys by their form alone', () => {
    expect(good(`agni_${'a'.repeat(32)}`)).toBe(true);
    expect(good(`agni_${'a'.repeat(31)}`)).toBe(false);
    expect(good(`agni_${'a'.repeat(31)}-`)).toBe(false);
  });
});

describe('hashOf', () => {
  it('is the SHA-256 in hex', () => {
    expect(hashOf('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});
