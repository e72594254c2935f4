import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Vault } from '../secrets/vault.ts';
import { isDuplicate } from './database.ts';
import type { AccountsSchema, ProviderKeyRow } from './schema.ts';
import { micros } from './time.ts';
import { createUsers, type Users } from './users.ts';

/** A provider key as its owner sees it: never the secret. */
export type ProviderKey = Omit<ProviderKeyRow, 'secret' | 'user_id'>;

/** A provider key that can be used. */
export interface OpenKey extends ProviderKey {
  readonly secret: string;
}

export interface NewProviderKey {
  readonly provider: string;
  readonly secret: string;
  readonly label: string | null;
  readonly baseUrl: string | null;
  readonly declaredRegion: string | null;
  readonly residency: string;
}

/** Users and their keys. Every question about a user's things names the user. */
export interface Accounts extends Users {
  /** `null` for a second key of the same commercial provider, or a label that is taken. */
  addProviderKey(userId: string, key: NewProviderKey): Promise<ProviderKey | null>;
  providerKeys(userId: string): Promise<readonly ProviderKey[]>;
  /** With secrets; one that cannot be decrypted is left out and reported. Newest first. */
  openKeys(userId: string): Promise<readonly OpenKey[]>;
  /** How many users there are, and everybody's keys that can be read: for whoever runs the server, on its machine. */
  everyKey(): Promise<{ readonly users: number; readonly keys: readonly OpenKey[] }>;
  removeProviderKey(userId: string, id: string): Promise<boolean>;
  /** `null` where the user has no such key, 'label' where another one has that label. */
  changeProviderKey(
    userId: string,
    id: string,
    change: { readonly label?: string | null; readonly secret?: string },
  ): Promise<ProviderKey | 'label' | null>;
  /** Encrypts everybody's keys anew that are not under the first encryption key; tells how many, and how many cannot be read. */
  rotateKeys(): Promise<{ readonly rotated: number; readonly unreadable: number }>;
  /** Are there provider keys, and none that the encryption keys at hand can open? */
  lockedOut(): Promise<boolean>;
  /** Rejects where the store cannot be read. */
  ping(): Promise<void>;
}

export interface AccountsOptions {
  readonly db: Kysely<AccountsSchema>;
  readonly vault: Vault;
  readonly wall: () => number;
  /** Hears of keys that cannot be decrypted, by id. */
  readonly onUnreadable: (keyId: string) => void;
}

const VISIBLE = [
  'id',
  'provider',
  'label',
  'base_url',
  'declared_region',
  'residency',
  'created_at',
  'changed_at',
] as const;

const ROTATED_AT_ONCE = 200;

export function createAccounts({ db, vault, wall, onUnreadable }: AccountsOptions): Accounts {
  return {
    ...createUsers(db, wall),

    async addProviderKey(userId, key) {
      const row = {
        id: randomUUID(),
        provider: key.provider,
        label: key.label,
        base_url: key.baseUrl,
        declared_region: key.declaredRegion,
        residency: key.residency,
        created_at: micros(wall()),
        changed_at: null,
      };
      const secret = vault.lock(key.secret, {
        userId,
        provider: key.provider,
        keyId: row.id,
        baseUrl: key.baseUrl,
      });
      try {
        await db
          .insertInto('provider_keys')
          .values({ ...row, user_id: userId, secret })
          .execute();
        return row;
      } catch (error) {
        if (isDuplicate(error)) return null;
        throw error;
      }
    },

    async providerKeys(userId) {
      return db
        .selectFrom('provider_keys')
        .select(VISIBLE)
        .where('user_id', '=', userId)
        .orderBy('created_at')
        .orderBy('id')
        .execute();
    },

    async openKeys(userId) {
      const rows = await db
        .selectFrom('provider_keys')
        .selectAll()
        .where('user_id', '=', userId)
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .execute();
      return rows.flatMap(({ secret: token, user_id, ...row }) => {
        try {
          const bound = { userId: user_id, provider: row.provider, keyId: row.id, baseUrl: row.base_url };
          return { ...row, secret: vault.unlock(token, bound) };
        } catch {
          onUnreadable(row.id);
          return [];
        }
      });
    },

    async everyKey() {
      const users = await db.selectFrom('users').select('id').execute();
      const keys: OpenKey[] = [];
      for (const { id } of users) keys.push(...(await this.openKeys(id)));
      return { users: users.length, keys };
    },

    async removeProviderKey(userId, id) {
      const { numDeletedRows } = await db
        .deleteFrom('provider_keys')
        .where('id', '=', id)
        .where('user_id', '=', userId)
        .executeTakeFirst();
      return numDeletedRows > 0n;
    },

    async changeProviderKey(userId, id, { label, secret }) {
      try {
        return await db.transaction().execute(async (trx) => {
          const row = await trx
            .selectFrom('provider_keys')
            .select(VISIBLE)
            .where('id', '=', id)
            .where('user_id', '=', userId)
            .executeTakeFirst();
          if (!row) return null;
          const { provider, base_url: baseUrl } = row;
          const change = {
            ...(label !== undefined && { label }),
            ...(secret !== undefined && { changed_at: micros(wall()) }),
          };
          const locked = secret !== undefined && {
            secret: vault.lock(secret, { userId, provider, keyId: id, baseUrl }),
          };
          if (Object.keys(change).length > 0)
            await trx
              .updateTable('provider_keys')
              .set({ ...change, ...locked })
              .where('id', '=', id)
              .execute();
          return { ...row, ...change };
        });
      } catch (error) {
        if (isDuplicate(error)) return 'label';
        throw error;
      }
    },

    async rotateKeys() {
      let [rotated, unreadable, after] = [0, 0, ''];
      for (;;) {
        const rows = await db
          .selectFrom('provider_keys')
          .select(['id', 'secret'])
          .where('id', '>', after)
          .orderBy('id')
          .limit(ROTATED_AT_ONCE)
          .execute();
        for (const { id, secret } of rows) {
          after = id;
          let fresh: string;
          try {
            fresh = vault.rotate(secret);
          } catch {
            unreadable += 1;
            onUnreadable(id);
            continue;
          }
          if (fresh === secret) continue;
          // only what is still as it was read: its owner may be changing it
          const { numUpdatedRows } = await db
            .updateTable('provider_keys')
            .set({ secret: fresh })
            .where('id', '=', id)
            .where('secret', '=', secret)
            .executeTakeFirst();
          rotated += Number(numUpdatedRows);
        }
        if (rows.length < ROTATED_AT_ONCE) return { rotated, unreadable };
      }
    },

    async lockedOut() {
      const rows = await db.selectFrom('provider_keys').select('secret').limit(ROTATED_AT_ONCE).execute();
      return rows.length > 0 && rows.every(({ secret }) => !vault.opens(secret));
    },

    async ping() {
      await db.selectFrom('users').select('id').limit(1).execute();
    },
  };
}
