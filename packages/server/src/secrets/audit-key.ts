import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
} from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from '../config/config-error.ts';

/** Signs reports, so that anybody with the public key can tell who made them. */
export interface AuditKey {
  /** The beginning of the public key's SHA-256. */
  readonly id: string;
  /** SPKI in PEM. */
  readonly publicKey: string;
  /** Ed25519 over the text's bytes, in base64. */
  sign(text: string): string;
}

const FILE = 'audit-ed25519.pem';

/** The key in the data directory; made there, for its owner alone, when it is first wanted. Throws a `ConfigError`. */
export function loadAuditKey(dataDir: string): AuditKey {
  const file = join(dataDir, FILE);
  const key = existsSync(file) ? read(file) : (make(file) ?? read(file));
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  return {
    id: hash('sha256', publicKey, 'hex').slice(0, 16),
    publicKey,
    sign: (text) => sign(null, Buffer.from(text), key).toString('base64'),
  };
}

function read(file: string): KeyObject {
  try {
    const key = createPrivateKey(readFileSync(file));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // said below
  }
  throw new ConfigError([`${file} is no Ed25519 private key in PEM; move it away to have a new one made`]);
}

/** `null` where another process has just made one. */
function make(file: string): KeyObject | null {
  const { privateKey } = generateKeyPairSync('ed25519');
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return null; // what writing throws
    throw error;
  }
  return privateKey;
}
