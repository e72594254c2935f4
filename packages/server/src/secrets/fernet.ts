import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/*
 * Fernet: AES-128-CBC and HMAC-SHA256 with a version and a time.
 * Source: https://github.com/fernet/spec/blob/master/Spec.md (read 2026-11-20). No TTL is applied to what is at rest.
 */
const VERSION = 0x80;
const HEAD = 9;
const IV = 16;
const MAC = 32;

/** The text is no Fernet key or token, or no key here opens it. Says no more, on purpose. */
export class FernetError extends Error {
  override readonly name = 'FernetError';
}

/** Encrypts under the first key, decrypts under any. */
export interface Fernet {
  encrypt(text: string): string;
  /** Throws a `FernetError`. */
  decrypt(token: string, options?: { readonly ttlSeconds?: number; readonly nowSeconds?: number }): string;
  /** The same under the first key, its time kept; the token itself where it is that already. Throws a `FernetError`. */
  rotate(token: string): string;
}

interface Key {
  readonly signing: Buffer;
  readonly encryption: Buffer;
}

/** `keys`: 32 bytes each in url-safe base64, padded; at least one. Throws a `FernetError`. */
export function createFernet(keys: readonly string[]): Fernet {
  const parsed = keys.map(parseKey);
  const [first] = parsed;
  if (!first) throw new FernetError('at least one key is needed');
  return {
    encrypt: (text) => seal(first, text, Math.floor(Date.now() / 1000), randomBytes(IV)),
    rotate(token) {
      const bytes = decode(token);
      if (bytes.length < HEAD + IV + 16 + MAC || bytes[0] !== VERSION) throw new FernetError('not a token');
      if (signed(first, bytes)) return token;
      const key = parsed.find((candidate) => signed(candidate, bytes));
      if (!key) throw new FernetError('no key opens this token');
      return seal(first, open(key, bytes), Number(bytes.readBigUInt64BE(1)), randomBytes(IV));
    },
    decrypt(token, { ttlSeconds, nowSeconds = Math.floor(Date.now() / 1000) } = {}) {
      const bytes = decode(token);
      if (bytes.length < HEAD + IV + 16 + MAC || bytes[0] !== VERSION) throw new FernetError('not a token');
      const at = Number(bytes.readBigUInt64BE(1));
      if (ttlSeconds !== undefined && (at + ttlSeconds < nowSeconds || at > nowSeconds + 60))
        throw new FernetError('the token is out of time');
      const key = parsed.find((candidate) => signed(candidate, bytes));
      if (!key) throw new FernetError('no key opens this token');
      return open(key, bytes);
    },
  };
}

/** A fresh key. */
export const generateFernetKey = (): string => encode(randomBytes(32));

/** Encrypts with a given time and vector; `createFernet` is for everybody but tests of the specification. */
export function seal({ signing, encryption }: Key, text: string, atSeconds: number, iv: Buffer): string {
  const head = Buffer.alloc(HEAD);
  head[0] = VERSION;
  head.writeBigUInt64BE(BigInt(atSeconds), 1);
  const cipher = createCipheriv('aes-128-cbc', encryption, iv);
  const body = Buffer.concat([head, iv, cipher.update(text, 'utf8'), cipher.final()]);
  return encode(Buffer.concat([body, createHmac('sha256', signing).update(body).digest()]));
}

export function parseKey(text: string): Key {
  const bytes = decode(text);
  if (bytes.length !== 32) throw new FernetError('a key is 32 bytes in url-safe base64 (44 characters)');
  if (new Set(bytes).size < 8) throw new FernetError('this key is too regular to be a secret');
  return { signing: bytes.subarray(0, 16), encryption: bytes.subarray(16) };
}

function signed({ signing }: Key, bytes: Buffer): boolean {
  const mac = createHmac('sha256', signing).update(bytes.subarray(0, -MAC)).digest();
  return timingSafeEqual(mac, bytes.subarray(-MAC));
}

function open({ encryption }: Key, bytes: Buffer): string {
  try {
    const decipher = createDecipheriv('aes-128-cbc', encryption, bytes.subarray(HEAD, HEAD + IV));
    return Buffer.concat([decipher.update(bytes.subarray(HEAD + IV, -MAC)), decipher.final()]).toString(
      'utf8',
    );
  } catch {
    throw new FernetError('the token is damaged');
  }
}

/** Node's decoder takes junk in silence, so alphabet and padding are checked first. */
function decode(text: string): Buffer {
  if (text.length === 0 || text.length % 4 !== 0 || !/^[A-Za-z0-9_-]+={0,2}$/.test(text))
    throw new FernetError('not url-safe base64 with padding');
  return Buffer.from(text, 'base64url');
}

function encode(bytes: Buffer): string {
  const text = bytes.toString('base64url');
  return text + '='.repeat((4 - (text.length % 4)) % 4);
}
