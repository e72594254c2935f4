import { hash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { StoredApiKey } from '../store/users.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM = 26;
const CHECK = 6;

/** A key as its owner sees it once. `ib_`, 26 random base62 characters (154 bit), 6 of checksum. */
export function generateApiKey(prefix: string): string {
  const random = Array.from({ length: RANDOM }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return prefix + random + checksum(prefix + random);
}

/** A fresh key, and all that is kept of it. */
export function freshKey(prefix: string): { readonly key: string; readonly stored: StoredApiKey } {
  const key = generateApiKey(prefix);
  return { key, stored: { hash: hashOf(key), prefix, lastFour: key.slice(-4) } };
}

/** Typos and scanners' noise fail here, before any database is asked. */
export function isWellFormed(key: string, prefix: string, legacyPrefix?: string): boolean {
  if (legacyPrefix !== undefined && key.startsWith(legacyPrefix))
    return /^[0-9A-Za-z]{32}$/.test(key.slice(legacyPrefix.length));
  if (!key.startsWith(prefix) || !/^[0-9A-Za-z]{32}$/.test(key.slice(prefix.length))) return false;
  return checksum(key.slice(0, -CHECK)) === key.slice(-CHECK);
}

/** All that is stored of a key. */
export const hashOf = (key: string): string => hash('sha256', key, 'hex');

function checksum(text: string): string {
  let rest = crc32(text) >>> 0;
  let digits = '';
  for (let i = 0; i < CHECK; i++) {
    digits = ALPHABET[rest % ALPHABET.length] + digits;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return digits;
}
