import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Vault } from '../secrets/vault.ts';
import { isDuplicate } from './database.ts';
import type { AccountsSchema, ProviderKeyRow } from './schema.ts';
import { micros } from './time.ts';

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

export interface StoredApiKey {
  readonly hash: string;
  readonly prefix: string;
  readonly lastFour: string;
}

/** Users and their keys. Every question about a user's things names the user. */
export interface Accounts {
  /** `null` where the address is known already. */
  createUser(email: string, key: StoredApiKey): Promise<{ id: string; email: string } | null>;
  /** Whose live key has this hash? */
  userByKeyHash(hash: string): Promise<{ id: string } | null>;
  /** `null` for a second key of the same commercial provider, or a label that is taken. */
  addProviderKey(userId: string, key: NewProviderKey): Promise<ProviderKey | null>;
  providerKeys(userId: string): Promise<readonly ProviderKey[]>;
  /** With secrets; one that cannot be decrypted is left out and reported. Newest first. */
  openKeys(userId: string): Promise<readonly OpenKey[]>;
  /** How many users there are, and everybody's keys that can be read: for whoever runs the server, on its machine. */
  everyKey(): Promise<{ readonly users: number; readonly keys: readonly OpenKey[] }>;
  removeProviderKey(userId: string, id: string): Promise<boolean>;
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
] as const;

export function createAccounts({ db, vault, wall, onUnreadable }: AccountsOptions): Accounts {
  return {
    async createUser(email, key) {
      const now = micros(wall());
      const user = { id: randomUUID(), email };
      try {
        await db.transaction().execute(async (trx) => {
          await trx
            .insertInto('users')
            .values({ ...user, created_at: now })
            .execute();
          await trx
            .insertInto('api_keys')
            .values({
              id: randomUUID(),
              user_id: user.id,
              hash: key.hash,
              prefix: key.prefix,
              last_four: key.lastFour,
              created_at: now,
              last_used_at: null,
              revoked_at: null,
            })
            .execute();
        });
        return user;
      } catch (error) {
        if (isDuplicate(error)) return null;
        throw error;
      }
    },

    async userByKeyHash(hash) {
      const row = await db
        .selectFrom('api_keys')
        .select('user_id')
        .where('hash', '=', hash)
        .where('revoked_at', 'is', null)
        .executeTakeFirst();
      return row ? { id: row.user_id } : null;
    },

    async addProviderKey(userId, key) {
      const row = {
        id: randomUUID(),
        provider: key.provider,
        label: key.label,
        base_url: key.baseUrl,
        declared_region: key.declaredRegion,
        residency: key.residency,
        created_at: micros(wall()),
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

    async ping() {
      await db.selectFrom('users').select('id').limit(1).execute();
    },
  };
}
