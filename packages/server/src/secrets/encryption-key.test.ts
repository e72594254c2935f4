import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../config/config-error.ts';
import { loadEncryptionKey } from './encryption-key.ts';
import { createFernet, generateFernetKey } from './fernet.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'inferbridge-key-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const load = (more: Partial<Parameters<typeof loadEncryptionKey>[0]> = {}) =>
  loadEncryptionKey({ dataDir: join(root, 'data'), fromEnvironment: null, production: false, ...more });
const mode = (path: string) => statSync(path).mode & 0o777;
const EXAMPLE = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';

describe('without a key in the environment', () => {
  it('makes one at the first start, for its owner alone, and finds it at the next', () => {
    const first = load();
    const file = join(root, 'data/encryption.key');
    expect(first).toMatchObject({ file, made: true });
    expect(mode(file)).toBe(0o600);
    expect(mode(join(root, 'data'))).toBe(0o700);
    expect(readFileSync(file, 'utf8')).toMatch(/^[A-Za-z0-9_-]{43}=\n$/);
    const second = load();
    expect(second).toMatchObject({ file, made: false });
    expect(second.fernet.decrypt(first.fernet.encrypt('kept'))).toBe('kept');
  });

  it('closes a key file that others may read', () => {
    const { file } = load();
    chmodSync(file ?? '', 0o644);
    load();
    expect(mode(file ?? '')).toBe(0o600);
  });

  it('reads several keys from the file', () => {
    const { file } = load();
    const [old, fresh] = [readFileSync(file ?? '', 'utf8').trim(), generateFernetKey()];
    const token = createFernet([old]).encrypt('kept');
    writeFileSync(file ?? '', `${fresh}, ${old}\n`);
    expect(load().fernet.decrypt(token)).toBe('kept');
  });

  it('refuses in production, and makes nothing', () => {
    expect(() => load({ production: true })).toThrow(ConfigError);
    expect(() => load({ production: true })).toThrow(
      /INFERBRIDGE_ENCRYPTION_KEY is not set.*inferbridge keys generate/s,
    );
    expect(existsSync(join(root, 'data'))).toBe(false);
  });

  it('is content in production with a file that is there', () => {
    load();
    expect(load({ production: true }).made).toBe(false);
  });

  it('refuses to make a new one beside accounts that the old one has sealed', () => {
    const { file } = load();
    writeFileSync(join(root, 'data/accounts.sqlite'), '');
    rmSync(file ?? '');
    expect(() => load()).toThrow(ConfigError);
    expect(() => load()).toThrow(/encryption\.key is gone/);
    expect(existsSync(file ?? '')).toBe(false);
  });

  it.each(['', '\n', 'password', EXAMPLE, `${'A'.repeat(43)}=`])(
    'refuses a file that holds %j, and names it',
    (text) => {
      const { file } = load();
      writeFileSync(file ?? '', text);
      expect(() => load()).toThrow(ConfigError);
      expect(() => load()).toThrow(file ?? '');
    },
  );
});

describe('with a key in the environment', () => {
  it('uses it, in production too, and touches no file', () => {
    const key = generateFernetKey();
    for (const production of [false, true]) {
      const loaded = load({ fromEnvironment: key, production });
      expect(loaded).toMatchObject({ file: null, made: false });
      expect(createFernet([key]).decrypt(loaded.fernet.encrypt('x'))).toBe('x');
    }
    expect(existsSync(join(root, 'data'))).toBe(false);
  });

  it('seals with the first of several and opens with all', () => {
    const [old, fresh] = [generateFernetKey(), generateFernetKey()];
    const { fernet } = load({ fromEnvironment: `${fresh}, ${old}` });
    expect(fernet.decrypt(createFernet([old]).encrypt('a'))).toBe('a');
    expect(createFernet([fresh]).decrypt(fernet.encrypt('b'))).toBe('b');
  });

  it.each([
    ['empty', ''],
    ['only commas', ' , ,'],
    ['a password', 'hunter2-hunter2-hunter2'],
    ['too short', 'aGVsbG8='],
    ['without padding', EXAMPLE.slice(0, -1)],
    ['an example that everybody has', EXAMPLE],
    ['an example behind a good one', `${generateFernetKey()},${EXAMPLE}`],
    ['all zeros', `${'A'.repeat(43)}=`],
    ['a good one and a bad one', `${generateFernetKey()},nonsense`],
  ])('refuses one that is %s, names the variable and does not repeat it', (_, key) => {
    expect(() => load({ fromEnvironment: key })).toThrow(ConfigError);
    expect(() => load({ fromEnvironment: key })).toThrow(/INFERBRIDGE_ENCRYPTION_KEY/);
    const bad = key.split(',').at(-1)?.trim() ?? '';
    if (bad !== '')
      expect(() => load({ fromEnvironment: key })).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining(bad) }),
      );
  });
});
