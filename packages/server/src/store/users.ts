import { randomUUID } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import { isDuplicate } from './database.ts';
import type { AccountsSchema, ApiKeyRow, UserRow } from './schema.ts';
import { micros } from './time.ts';

export interface StoredApiKey {
  readonly hash: string;
  readonly prefix: string;
  readonly lastFour: string;
}

/** An API key as its owner sees it: never the key itself. Times are microseconds since 1970. */
export type ShownApiKey = Pick<ApiKeyRow, 'id' | 'prefix' | 'last_four' | 'created_at' | 'last_used_at'>;

/** What one user may use; `null` is as for all. Money is nano-dollars. */
export type UserLimits = Pick<UserRow, 'rpm' | 'tpm' | 'usd_per_day' | 'usd_per_month'>;

/** Users and the keys that they call with. Every question about a user's things names the user. */
export interface Users {
  /** `null` where the address is known already; 'token' where the sign-up token is none, used or too old. */
  createUser(
    email: string,
    key: StoredApiKey,
    options?: { readonly limits?: Partial<UserLimits>; readonly signupToken?: string },
  ): Promise<{ id: string; email: string } | 'token' | null>;
  /** Whose live key has this hash? */
  userByKeyHash(hash: string): Promise<({ id: string } & UserLimits) | null>;
  user(id: string): Promise<UserRow | null>;
  /** Newest first, behind this one. */
  users(query: {
    readonly limit: number;
    /** The last one of the page before. */
    readonly after: { readonly createdAt: number; readonly id: string } | null;
    readonly email?: string;
  }): Promise<readonly UserRow[]>;
  /** False where there is no such user. */
  limitUser(id: string, limits: Partial<UserLimits>): Promise<boolean>;
  /** Deletes a user and the keys at once; what else is theirs is left to be purged. */
  removeUser(id: string): Promise<boolean>;
  /** Users that are gone and whose rows may be left, and since when (microseconds). */
  purges(): Promise<readonly { readonly user_id: string; readonly created_at: number }[]>;
  purged(userId: string): Promise<void>;
  /** `null` where there is no such user. */
  addApiKey(userId: string, key: StoredApiKey, revokeOthers: boolean): Promise<ShownApiKey | null>;
  apiKeys(userId: string): Promise<readonly ShownApiKey[]>;
  /** False where the user has no such live key. */
  revokeApiKey(userId: string, id: string): Promise<boolean>;
  /** Keys that were used, by hash, and when (microseconds). */
  touch(used: ReadonlyMap<string, number>): Promise<void>;
  /** Tokens that let one user in each. */
  addSignupToken(token: {
    readonly hash: string;
    readonly note: string | null;
    readonly expiresAt: number;
  }): Promise<string>;
  signupTokens(): Promise<
    readonly {
      id: string;
      note: string | null;
      created_at: number;
      expires_at: number;
      used_at: number | null;
    }[]
  >;
  removeSignupToken(id: string): Promise<boolean>;
}

type Db = Kysely<AccountsSchema>;
type Trx = Transaction<AccountsSchema>;

const SHOWN = ['id', 'prefix', 'last_four', 'created_at', 'last_used_at'] as const;
const NO_LIMITS: UserLimits = { rpm: null, tpm: null, usd_per_day: null, usd_per_month: null };

export function createUsers(db: Db, wall: () => number): Users {
  const now = () => micros(wall());

  const insertKey = async (trx: Trx | Db, userId: string, key: StoredApiKey): Promise<ShownApiKey> => {
    const shown = {
      id: randomUUID(),
      prefix: key.prefix,
      last_four: key.lastFour,
      created_at: now(),
      last_used_at: null,
    };
    await trx
      .insertInto('api_keys')
      .values({ ...shown, user_id: userId, hash: key.hash, revoked_at: null })
      .execute();
    return shown;
  };

  /** Marks the token as used; false where it cannot be. */
  const useToken = async (trx: Trx, hash: string): Promise<boolean> => {
    const { numUpdatedRows } = await trx
      .updateTable('signup_tokens')
      .set({ used_at: now() })
      .where('hash', '=', hash)
      .where('used_at', 'is', null)
      .where('expires_at', '>', now())
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  };

  return {
    async createUser(email, key, { limits, signupToken } = {}) {
      const user = { id: randomUUID(), email };
      try {
        return await db.transaction().execute(async (trx) => {
          if (signupToken !== undefined && !(await useToken(trx, signupToken))) return 'token';
          await trx
            .insertInto('users')
            .values({ ...user, created_at: now(), ...NO_LIMITS, ...limits })
            .execute();
          await insertKey(trx, user.id, key);
          return user;
        });
      } catch (error) {
        if (isDuplicate(error)) return null;
        throw error;
      }
    },

    async userByKeyHash(hash) {
      const row = await db
        .selectFrom('api_keys')
        .innerJoin('users', 'users.id', 'api_keys.user_id')
        .select(['users.id', 'rpm', 'tpm', 'usd_per_day', 'usd_per_month'])
        .where('hash', '=', hash)
        .where('revoked_at', 'is', null)
        .executeTakeFirst();
      return row ?? null;
    },

    async user(id) {
      return (await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()) ?? null;
    },

    async users({ limit, after, email }) {
      let query = db.selectFrom('users').selectAll();
      if (email !== undefined) query = query.where('email', '=', email);
      if (after)
        query = query.where((eb) =>
          eb.or([
            eb('created_at', '<', after.createdAt),
            eb.and([eb('created_at', '=', after.createdAt), eb('id', '<', after.id)]),
          ]),
        );
      return query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
    },

    async limitUser(id, limits) {
      const { numUpdatedRows } = await db
        .updateTable('users')
        .set(limits)
        .where('id', '=', id)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    async removeUser(id) {
      return db.transaction().execute(async (trx) => {
        const { numDeletedRows } = await trx.deleteFrom('users').where('id', '=', id).executeTakeFirst();
        if (numDeletedRows === 0n) return false;
        await trx.insertInto('purges').values({ user_id: id, created_at: now() }).execute();
        return true;
      });
    },

    purges: () => db.selectFrom('purges').selectAll().execute(),

    async purged(userId) {
      await db.deleteFrom('purges').where('user_id', '=', userId).execute();
    },

    async addApiKey(userId, key, revokeOthers) {
      return db.transaction().execute(async (trx) => {
        const user = await trx.selectFrom('users').select('id').where('id', '=', userId).executeTakeFirst();
        if (!user) return null;
        if (revokeOthers)
          await trx
            .updateTable('api_keys')
            .set({ revoked_at: now() })
            .where('user_id', '=', userId)
            .where('revoked_at', 'is', null)
            .execute();
        return insertKey(trx, userId, key);
      });
    },

    apiKeys: (userId) =>
      db
        .selectFrom('api_keys')
        .select(SHOWN)
        .where('user_id', '=', userId)
        .where('revoked_at', 'is', null)
        .orderBy('created_at')
        .orderBy('id')
        .execute(),

    async revokeApiKey(userId, id) {
      const { numUpdatedRows } = await db
        .updateTable('api_keys')
        .set({ revoked_at: now() })
        .where('id', '=', id)
        .where('user_id', '=', userId)
        .where('revoked_at', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    async touch(used) {
      await db.transaction().execute(async (trx) => {
        for (const [hash, at] of used)
          await trx.updateTable('api_keys').set({ last_used_at: at }).where('hash', '=', hash).execute();
      });
    },

    async addSignupToken({ hash, note, expiresAt }) {
      const id = randomUUID();
      await db
        .insertInto('signup_tokens')
        .values({ id, hash, note, created_at: now(), expires_at: expiresAt, used_at: null })
        .execute();
      return id;
    },

    signupTokens: () =>
      db
        .selectFrom('signup_tokens')
        .select(['id', 'note', 'created_at', 'expires_at', 'used_at'])
        .orderBy('created_at', 'desc')
        .execute(),

    async removeSignupToken(id) {
      const { numDeletedRows } = await db.deleteFrom('signup_tokens').where('id', '=', id).executeTakeFirst();
      return numDeletedRows > 0n;
    },
  };
}
