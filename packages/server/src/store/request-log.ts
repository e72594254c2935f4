import type { Kysely } from 'kysely';
import type { LogsSchema, RequestRow } from './schema.ts';
import { firstIdAt } from './time.ts';

export interface LogQuery {
  readonly since: number | null;
  readonly limit: number;
  /** The id behind which the page begins. */
  readonly after: string | null;
  readonly status?: string;
  readonly provider?: string;
  readonly mode?: string;
  readonly requestId?: string;
}

export interface Sum {
  readonly key: string | null;
  readonly requests: number;
  readonly costNanoUsd: number;
  readonly unpriced: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheHits: number;
  /** Over what was not served from the cache; `null` for nothing. */
  readonly avgLatencyMs: number | null;
}

export type Dimension = 'mode' | 'provider' | 'residency_actual' | 'status';

/** A user's request rows. */
export interface RequestLog {
  page(userId: string, query: LogQuery): Promise<readonly RequestRow[]>;
  /** Sums over `[since, until)`, one for each value of the dimension. */
  sums(userId: string, since: number, until: number, by: Dimension): Promise<readonly Sum[]>;
  /** What all attempts of a user's requests have cost in `[startsAt, endsAt)`, milliseconds; in nano-dollars. */
  spent(userId: string, period: { readonly startsAt: number; readonly endsAt: number }): Promise<number>;
  /** Everybody's rows in `[since, until)`, oldest first, page by page. */
  replay(since: number, until: number): AsyncIterable<readonly RequestRow[]>;
  /** Deletes at most `most` rows older than this; tells how many. */
  prune(before: number, most: number): Promise<number>;
  ping(): Promise<void>;
}

const PAGE_ROWS = 1_000;

export function createRequestLog(db: Kysely<LogsSchema>): RequestLog {
  return {
    page(userId, { since, limit, after, status, provider, mode, requestId }) {
      let query = db.selectFrom('requests').selectAll().where('user_id', '=', userId);
      if (since !== null) query = query.where('id', '>=', firstIdAt(since)).where('created_at', '>=', since);
      if (after !== null) query = query.where('id', '<', after);
      if (status) query = query.where('status', '=', status);
      if (provider) query = query.where('provider', '=', provider);
      if (mode) query = query.where('mode', '=', mode);
      if (requestId) query = query.where('request_id', '=', requestId);
      return query.orderBy('id', 'desc').limit(limit).execute();
    },

    async sums(userId, since, until, by) {
      const rows = await db
        .selectFrom('requests')
        .select((eb) => [
          eb.ref(by).as('key'),
          eb.fn.countAll<number>().as('requests'),
          eb.fn.sum<number | null>('cost_nano_usd').as('cost'),
          eb.fn.count<number>('cost_nano_usd').as('priced'),
          eb.fn.sum<number | null>('input_tokens').as('input'),
          eb.fn.sum<number | null>('output_tokens').as('output'),
          eb.fn.sum<number | null>('cache_hit').as('hits'),
          eb.fn.sum<number | null>('latency_ms').filterWhere('cache_hit', '=', 0).as('latency'),
        ])
        .where('user_id', '=', userId)
        .where('id', '>=', firstIdAt(since))
        .where('id', '<', firstIdAt(until))
        .groupBy(by)
        .execute();
      return rows.map((row) => {
        const requests = Number(row.requests);
        const cacheHits = Number(row.hits ?? 0);
        const called = requests - cacheHits;
        return {
          key: row.key,
          requests,
          costNanoUsd: Number(row.cost ?? 0),
          unpriced: requests - Number(row.priced),
          inputTokens: Number(row.input ?? 0),
          outputTokens: Number(row.output ?? 0),
          cacheHits,
          avgLatencyMs: called > 0 ? Number(row.latency ?? 0) / called : null,
        };
      });
    },

    async spent(userId, { startsAt, endsAt }) {
      const { cost } = await db
        .selectFrom('requests')
        .select((eb) => eb.fn.sum<number | null>('attempts_cost_nano_usd').as('cost'))
        .where('user_id', '=', userId)
        .where('id', '>=', firstIdAt(startsAt * 1_000))
        .where('id', '<', firstIdAt(endsAt * 1_000))
        .executeTakeFirstOrThrow();
      return Number(cost ?? 0);
    },

    async *replay(since, until) {
      let after = firstIdAt(since);
      for (;;) {
        const rows = await db
          .selectFrom('requests')
          .selectAll()
          .where('id', '>', after)
          .where('id', '<', firstIdAt(until))
          .orderBy('id')
          .limit(PAGE_ROWS)
          .execute();
        if (rows.length > 0) yield rows;
        const last = rows.at(-1);
        if (!last || rows.length < PAGE_ROWS) return;
        after = last.id;
      }
    },

    async prune(before, most) {
      const old = db
        .selectFrom('requests')
        .select('id')
        .where('id', '<', firstIdAt(before))
        .orderBy('id')
        .limit(most);
      const { numDeletedRows } = await db.deleteFrom('requests').where('id', 'in', old).executeTakeFirst();
      return Number(numDeletedRows);
    },

    async ping() {
      await db.selectFrom('requests').select('id').limit(1).execute();
    },
  };
}
