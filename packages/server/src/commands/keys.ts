import { join } from 'node:path';
import { OPERATOR_KEY_PREFIX } from '../compat/names.ts';
import { ConfigError } from '../config/config-error.ts';
import { type Flags, loadConfig } from '../config/load.ts';
import { freshKey } from '../secrets/api-key.ts';
import { addEncryptionKey, loadEncryptionKey } from '../secrets/encryption-key.ts';
import { generateFernetKey } from '../secrets/fernet.ts';
import { createVault } from '../secrets/vault.ts';
import { createAccounts } from '../store/accounts.ts';
import { openAccounts } from '../store/database.ts';
import { createOperators } from '../store/operators.ts';

export interface KeysFlags extends Flags {
  readonly generate?: boolean | undefined;
}

/** `inferbridge keys generate | rotate | operator`. Resolves with the exit code, `null` for none of these. */
export async function keysCommand(what: string | undefined, flags: KeysFlags): Promise<number | null> {
  if (what === 'generate') return said(`${generateFernetKey()}\n`);
  if (what === 'rotate') return flags.generate ? addKey(flags) : rotate(flags);
  if (what === 'operator') return newOperatorKey(flags);
  return null;
}

function said(text: string, code = 0): number {
  process.stdout.write(text);
  return code;
}

/** Puts a new encryption key before those that are there; the running server knows it only after a restart. */
async function addKey(flags: KeysFlags): Promise<number> {
  const { config, encryptionKey } = await loadConfig(flags);
  if (encryptionKey !== null)
    throw new ConfigError([
      'the encryption key comes from the environment: put a new one (inferbridge keys generate) and a comma before it, restart the server, then run inferbridge keys rotate',
    ]);
  const file = addEncryptionKey(config.dataDir);
  return said(
    `a new key stands first in ${file}; back it up, restart the server, then run inferbridge keys rotate\n`,
  );
}

/** Encrypts every stored provider key under the first encryption key; may be stopped and run again at any time. */
async function rotate(flags: KeysFlags): Promise<number> {
  const { config, encryptionKey, production } = await loadConfig(flags);
  const { dataDir } = config;
  const { fernet } = loadEncryptionKey({ dataDir, fromEnvironment: encryptionKey, production });
  const db = await openAccounts(join(dataDir, 'accounts.sqlite'));
  try {
    const { rotated, unreadable } = await createAccounts({
      db,
      vault: createVault(fernet),
      wall: Date.now,
      onUnreadable: (id) => process.stderr.write(`key ${id}: no encryption key opens it; left as it is\n`),
    }).rotateKeys();
    return said(
      unreadable === 0
        ? `${rotated} keys were encrypted anew; all are under the first encryption key, the others may be removed\n`
        : `${rotated} keys were encrypted anew, ${unreadable} could not be read; keep the other encryption keys\n`,
      unreadable === 0 ? 0 : 1,
    );
  } finally {
    await db.destroy();
  }
}

/** A new key for the operator; the others stop being valid. */
async function newOperatorKey(flags: KeysFlags): Promise<number> {
  const { config } = await loadConfig(flags);
  const db = await openAccounts(join(config.dataDir, 'accounts.sqlite'));
  try {
    const { key, stored } = freshKey(OPERATOR_KEY_PREFIX);
    await createOperators(db, Date.now).add(stored, { revokeOthers: true });
    return said(`${key}\nIt is shown this once; the operator's earlier keys are no longer valid.\n`);
  } finally {
    await db.destroy();
  }
}
