import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../config/config-error.ts';
import { createFernet, type Fernet, generateFernetKey } from './fernet.ts';

export interface KeySource {
  readonly dataDir: string;
  /** Comma-separated keys from the environment: the first encrypts, all decrypt. */
  readonly fromEnvironment: string | null;
  readonly production: boolean;
}

export interface EncryptionKey {
  readonly fernet: Fernet;
  /** Where it was read from or made, `null` for the environment. */
  readonly file: string | null;
  readonly made: boolean;
}

const VARIABLE = 'INFERBRIDGE_ENCRYPTION_KEY';

/**
 * The key under which provider keys are kept: from the environment, else from `encryption.key` in the data
 * directory, made there at the first start (mode 0600). In production a missing key is a refusal to start; a malformed
 * one always is. Throws a `ConfigError`.
 */
export function loadEncryptionKey({ dataDir, fromEnvironment, production }: KeySource): EncryptionKey {
  if (fromEnvironment !== null) return { fernet: build(fromEnvironment, VARIABLE), file: null, made: false };
  const file = join(dataDir, 'encryption.key');
  if (existsSync(file)) {
    if ((statSync(file).mode & 0o777) !== 0o600) allowed(file, () => chmodSync(file, 0o600));
    return { fernet: build(readFileSync(file, 'utf8'), file), file, made: false };
  }
  if (production)
    throw new ConfigError([
      `${VARIABLE} is not set and there is no ${file}; make one with: inferbridge keys generate`,
    ]);
  if (existsSync(join(dataDir, 'accounts.sqlite')))
    throw new ConfigError([
      `${file} is gone, but ${dataDir} holds provider keys encrypted under it; put it back, or set ${VARIABLE} to its content`,
    ]);
  const key = generateFernetKey();
  allowed(file, () => {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    write(file, key);
  });
  return { fernet: build(key, file), file, made: true };
}

/** Synced to disk, as what it will encrypt is. */
function write(file: string, text: string): void {
  const handle = openSync(file, 'wx', 0o600);
  try {
    writeSync(handle, `${text}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function allowed(file: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    const { code = 'unknown' } = (error ?? {}) as { code?: string }; // whatever was thrown
    throw new ConfigError([`${file} cannot be written (${code}); the data directory must be writable`]);
  }
}

/**
 * Puts a new key before those in the data directory's file, and tells where that is: it encrypts from the next start on,
 * the others still decrypt. Throws a `ConfigError` where there is no such file.
 */
export function addEncryptionKey(dataDir: string): string {
  const file = join(dataDir, 'encryption.key');
  if (!existsSync(file))
    throw new ConfigError([`there is no ${file}; start the server once, or set ${VARIABLE}`]);
  const before = readFileSync(file, 'utf8').trim();
  build(before, file);
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true }); // of one that was interrupted
  write(fresh, `${generateFernetKey()},${before}`);
  renameSync(fresh, file); // all or nothing: a key that is half written would be all keys lost
  return file;
}

/** From the specification's own examples: everybody has it. */
const EXAMPLE = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';

function build(text: string, source: string): Fernet {
  const keys = text
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '');
  if (keys.includes(EXAMPLE))
    throw new ConfigError([
      `${source}: this is the key of a published example; make your own with: inferbridge keys generate`,
    ]);
  try {
    return createFernet(keys);
  } catch (error) {
    throw new ConfigError([
      `${source}: ${error instanceof Error ? error.message : 'not a key'}; a key looks like the output of: inferbridge keys generate`,
    ]);
  }
}
