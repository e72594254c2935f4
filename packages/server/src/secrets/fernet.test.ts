import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createFernet, FernetError, generateFernetKey, parseKey, seal } from './fernet.ts';

/* Source: https://github.com/fernet/spec, generate.json, verify.json and invalid.json (read 2026-11-20). */
const KEY = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
const TOKEN =
  'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==';
const MADE_AT = 499_162_800; // 1985-10-26T01:20:00-07:00
const EXPIRED =
  'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==';
const FUTURE =
  'gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==';
const INVALID: [why: string, token: string, now: number][] = [
  [
    'incorrect mac',
    'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==',
    MADE_AT + 1,
  ],
  ['too short', 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==', MADE_AT + 1],
  [
    'invalid base64',
    '%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==',
    MADE_AT + 1,
  ],
  [
    'payload size not multiple of block size',
    'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm',
    MADE_AT + 1,
  ],
  [
    'payload padding error',
    'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==',
    MADE_AT + 1,
  ],
  ['far-future timestamp', FUTURE, MADE_AT + 1],
  ['expired', EXPIRED, MADE_AT + 91],
  [
    'incorrect IV (causes padding error)',
    'gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==',
    MADE_AT + 1,
  ],
];

describe("the specification's vectors", () => {
  const fernet = createFernet([KEY]);

  it('generate: the same time, vector and text give the same token', () => {
    const iv = Buffer.from(Array.from({ length: 16 }, (_, i) => i));
    expect(seal(parseKey(KEY), 'hello', MADE_AT, iv)).toBe(TOKEN);
  });

  it('verify: the token opens within its time', () => {
    expect(fernet.decrypt(TOKEN, { ttlSeconds: 60, nowSeconds: MADE_AT + 1 })).toBe('hello');
  });

  it.each(INVALID)('invalid: %s is refused where a time to live is applied', (_, token, nowSeconds) => {
    expect(() => fernet.decrypt(token, { ttlSeconds: 60, nowSeconds })).toThrow(FernetError);
  });

  it('invalid: six of the eight are refused at rest too, and the two that are out of time open', () => {
    const opened = INVALID.flatMap(([why, token]) => {
      try {
        fernet.decrypt(token);
        return [why];
      } catch (error) {
        expect(error).toBeInstanceOf(FernetError);
        return [];
      }
    });
    expect(opened).toEqual(['far-future timestamp', 'expired']);
  });
});

describe('createFernet', () => {
  it.each(['', 'a', 'sixteen bytes ok', 'grüße 🙂', 'x'.repeat(10_000)])(
    'opens what it has sealed: %#',
    (text) => {
      const fernet = createFernet([generateFernetKey()]);
      expect(fernet.decrypt(fernet.encrypt(text))).toBe(text);
    },
  );

  it('seals the same text differently each time', () => {
    const fernet = createFernet([generateFernetKey()]);
    expect(fernet.encrypt('a')).not.toBe(fernet.encrypt('a'));
  });

  it('applies no time to live unless told to, and then both ways', () => {
    const fernet = createFernet([KEY]);
    expect(fernet.decrypt(TOKEN)).toBe('hello');
    expect(fernet.decrypt(TOKEN, { ttlSeconds: 60, nowSeconds: MADE_AT + 60 })).toBe('hello');
    expect(() => fernet.decrypt(TOKEN, { ttlSeconds: 60, nowSeconds: MADE_AT + 61 })).toThrow(/out of time/);
    expect(fernet.decrypt(TOKEN, { ttlSeconds: 60, nowSeconds: MADE_AT - 60 })).toBe('hello');
    expect(() => fernet.decrypt(TOKEN, { ttlSeconds: 60, nowSeconds: MADE_AT - 61 })).toThrow(/out of time/);
  });

  it('seals with the first key and opens with any', () => {
    const [old, fresh] = [generateFernetKey(), generateFernetKey()];
    const before = createFernet([old]);
    const during = createFernet([fresh, old]);
    const after = createFernet([fresh]);
    const token = before.encrypt('secret');
    expect(during.decrypt(token)).toBe('secret');
    expect(after.decrypt(during.encrypt('secret'))).toBe('secret');
    expect(() => before.decrypt(during.encrypt('secret'))).toThrow(FernetError);
    expect(() => after.decrypt(token)).toThrow(/no key opens/);
  });

  it('refuses a token of which any byte was changed', () => {
    const fernet = createFernet([KEY]);
    const bytes = Buffer.from(TOKEN, 'base64url');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const text = changed.toString('base64url');
      const padded = text + '='.repeat((4 - (text.length % 4)) % 4);
      expect(() => fernet.decrypt(padded), `byte ${at}`).toThrow(FernetError);
    }
  });

  it.each([
    '',
    'a',
    '====',
    '%%%%gAAA',
    `${TOKEN} `,
    ` ${TOKEN}`,
    `${TOKEN}\n`,
    TOKEN.slice(0, -2),
    TOKEN.slice(0, -1),
    `${TOKEN}====`,
    TOKEN.replace('_', '/'),
    TOKEN.replaceAll('A', 'Ä'),
    'gAAA',
  ])('refuses junk as such: %j', (token) => {
    expect(() => createFernet([KEY]).decrypt(token)).toThrow(FernetError);
  });

  it('says nothing of the key or the text in its errors', () => {
    const fernet = createFernet([KEY]);
    const token = createFernet([generateFernetKey()]).encrypt('the secret text');
    expect(() => fernet.decrypt(token)).toThrow(/^no key opens this token$/);
  });
});

describe('keys', () => {
  it('are 32 random bytes in padded url-safe base64', () => {
    const key = generateFernetKey();
    expect(key).toMatch(/^[A-Za-z0-9_-]{43}=$/);
    expect(generateFernetKey()).not.toBe(key);
    const { signing, encryption } = parseKey(key);
    expect([signing.length, encryption.length]).toEqual([16, 16]);
  });

  it.each([
    ['none', []],
    ['an empty one', ['']],
    ['a word', ['password']],
    ['a short one', [`${randomBytes(16).toString('base64url')}==`]],
    ['a long one', [randomBytes(33).toString('base64url')]],
    ['one without padding', [KEY.slice(0, -1)]],
    ['one in plain base64', [KEY.replace('_', '/').replace('-', '+')]],
    ['one of zeros', [`${'A'.repeat(43)}=`]],
    ['one of a single letter', [`${Buffer.alloc(32, 'k').toString('base64url')}=`]],
    ['a good one before a bad one', [generateFernetKey(), 'bad']],
  ])('are refused: %s', (_, keys) => {
    expect(() => createFernet(keys)).toThrow(FernetError);
  });
});
