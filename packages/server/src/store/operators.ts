import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { AccountsSchema } from './schema.ts';
import { micros } from './time.ts';
import type { StoredApiKey } from './users.ts';

/** The operator's own keys: users, limits and lost keys, never inference. */
export interface Operators {
  /** Is there one already? */
  any(): Promise<boolean>;
  /** Adds one; the others stop being valid where that is said. */
  add(key: StoredApiKey, options?: { readonly revokeOthers?: boolean }): Promise<void>;
  has(hash: string): Promise<boolean>;
}

export function createOperators(db: Kysely<AccountsSchema>, wall: () => number): Operators {
  return {
    async any() {
      const row = await db
        .selectFrom('operator_keys')
        .select('id')
        .where('revoked_at', 'is', null)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
    async add({ hash, prefix, lastFour }, { revokeOthers = false } = {}) {
      const at = micros(wall());
      await db.transaction().execute(async (trx) => {
        if (revokeOthers)
          await trx
            .updateTable('operator_keys')
            .set({ revoked_at: at })
            .where('revoked_at', 'is', null)
            .execute();
        await trx
          .insertInto('operator_keys')
          .values({ id: randomUUID(), hash, prefix, last_four: lastFour, created_at: at, revoked_at: null })
          .execute();
      });
    },
    async has(hash) {
      const row = await db
        .selectFrom('operator_keys')
        .select('id')
        .where('hash', '=', hash)
        .where('revoked_at', 'is', null)
        .executeTakeFirst();
      return row !== undefined;
    },
  };
}
