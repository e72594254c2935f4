import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFernet } from '../../../packages/server/src/secrets/fernet.ts';
import { createVault } from '../../../packages/server/src/secrets/vault.ts';
import { onAccounts } from './data.ts';

/** A provider key as it lies there. */
export interface StoredKey {
  readonly id: string;
  readonly user_id: string;
  readonly provider: string;
  readonly base_url: string | null;
  readonly secret: string;
}

const FILE = (dir: string) => join(dir, 'data', 'encryption.key');
/** The encryption keys of a data directory, the first encrypts. */
export const encryptionKeys = (dir: string): string[] => readFileSync(FILE(dir), 'utf8').trim().split(',');
export const writeEncryptionKeys = (dir: string, keys: readonly string[]): void =>
  writeFileSync(FILE(dir), `${keys.join(',')}\n`);

export const storedKeys = (dir: string): StoredKey[] =>
  onAccounts(dir, (db) => db.prepare('select * from provider_keys order by id').all() as StoredKey[]); // as the schema has them

export const writeSecret = (dir: string, id: string, secret: string): void =>
  onAccounts(
    dir,
    (db) => void db.prepare('update provider_keys set secret = ? where id = ?').run(secret, id),
  );

/** What a row's secret says under these keys; throws where they do not open it, or it belongs elsewhere. */
export const opened = (
  keys: readonly string[],
  { id, user_id, provider, base_url, secret }: StoredKey,
): string =>
  createVault(createFernet(keys)).unlock(secret, {
    userId: user_id,
    provider,
    keyId: id,
    baseUrl: base_url,
  });

/** How many of these open under this one key. */
export const openedBy = (key: string, rows: readonly StoredKey[]): number =>
  rows.filter((row) => {
    try {
      return opened([key], row) !== '';
    } catch {
      return false;
    }
  }).length;

/** When a token was made, in seconds. */
export const timeOf = (token: string): bigint => Buffer.from(token, 'base64url').readBigUInt64BE(1);

/** A user with so many keys of addresses of his own, written as the gateway writes them, only faster. */
export function manyKeys(dir: string, userId: string, count: number): void {
  const vault = createVault(createFernet(encryptionKeys(dir)));
  onAccounts(dir, (db) => {
    const insert = db.prepare(
      `insert into provider_keys (id, user_id, provider, secret, label, base_url, declared_region, residency, created_at)
       values (?, ?, 'self_hosted', ?, ?, 'https://llm.example/v1', 'eu', 'eu', ?)`,
    );
    db.transaction(() => {
      for (let i = 0; i < count; i++) {
        const bound = {
          userId,
          provider: 'self_hosted',
          keyId: randomUUID(),
          baseUrl: 'https://llm.example/v1',
        };
        insert.run(
          bound.keyId,
          userId,
          vault.lock(`sk-many-${i}`, bound),
          `label-${i}`,
          Date.now() * 1000 + i,
        );
      }
    })();
  });
}
