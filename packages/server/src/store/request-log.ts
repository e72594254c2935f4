import type { Kysely, SelectQueryBuilder } from 'kysely';
import { sumsOf } from './log-sums.ts';
import { decodeRow, hashedId, LONGEST_UPLOAD_MICROS, microsOf, wordNumbersIn } from './row-codec.ts';
import type { CallRow, LogsSchema, RequestRow } from './schema.ts';
import { DAY_MICROS, HOUR_MICROS } from './time.ts';
import { createWays, createWords, type Way, type Words } from './words.ts';

export interface LogQuery {
  readonly since: number | null;
  readonly limit: number;
  /** The row behind which the page begins, by its microsecond. */
  readonly after: number | null;
  readonly status?: string;
  readonly provider?: string;
  readonly mode?: string;
  readonly requestId?: string;
}

/** Sums over the calls that went the same way. */
export interface Sum {
  readonly mode: string;
  readonly provider: string | null;
  readonly residency: string | null;
  readonly status: string;
  readonly requests: number;
  readonly costNanoUsd: number;
  readonly unpriced: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheHits: number;
  /** Of those that were not served from the cache, together. */
  readonly latencyMs: number;
}

/** A user's request rows. Times are microseconds since 1970 unless they say otherwise. */
export interface RequestLog {
  page(userId: string, query: LogQuery): Promise<readonly RequestRow[]>;
  /** Over `[since, until)`: whole hours from their sums, what is left at both ends from the rows. */
  sums(userId: string, since: number, until: number): Promise<readonly Sum[]>;
  /** What all attempts of a user's requests have cost in `[startsAt, endsAt)`, milliseconds; in nano-dollars. */
  spent(userId: string, period: { readonly startsAt: number; readonly endsAt: number }): Promise<number>;
  /** Everybody's rows in `[since, until)`, oldest first, page by page. */
  replay(since: number, until: number): AsyncIterable<readonly RequestRow[]>;
  /** A user's rows in `[since, until)`, oldest first, page by page. */
  all(userId: string, since: number, until: number, residency?: string): AsyncIterable<readonly RequestRow[]>;
  /** Deletes at most `most` rows older than this, the oldest first; tells how many. */
  prune(before: number, most: number): Promise<number>;
  /** Deletes the sums of earlier hours, and decision records and words that were not used since. */
  pruneSums(before: number): Promise<void>;
  /**
   * Deletes at most `most` of a user's rows; tells how many. When there are none, the sums of them; `last`: and that by
   * which later rows would be found.
   */
  forget(userId: string, most: number, last: boolean): Promise<number>;
  /** The oldest row. */
  oldest(): Promise<number | null>;
  ping(): Promise<void>;
}

/** Few enough that nobody waits for them. */
const PAGE_ROWS = 100;

export function createRequestLog(db: Kysely<LogsSchema>, dictionary: Words = createWords(db)): RequestLog {
  const ways = createWays(db);

  const waysOf = async (numbers: Iterable<number>): Promise<ReadonlyMap<number, Way>> => {
    const found = new Map<number, Way>();
    for (const number of new Set(numbers)) {
      const way = await ways.of(number);
      if (way) found.set(number, way);
    }
    return found;
  };

  const decoded = async (rows: readonly CallRow[]): Promise<readonly RequestRow[]> => {
    const went = await waysOf(rows.map(({ way }) => way));
    const words = await dictionary.words(rows.flatMap((row) => wordNumbersIn(row, went.get(row.way))));
    const numbers = [...new Set(rows.flatMap(({ route }) => route ?? []))];
    const found =
      numbers.length > 0
        ? await db.selectFrom('routes').select(['id', 'text']).where('id', 'in', numbers).execute()
        : [];
    const routes = new Map(found.map(({ id, text }) => [id, text]));
    return rows.map((row) => decodeRow(row, went.get(row.way), words, routes));
  };

  /** Oldest first, a page at a time, of everybody or of one user. */
  async function* pages(
    since: number,
    until: number,
    of: { readonly user?: number; readonly ways?: readonly number[] },
  ): AsyncGenerator<readonly RequestRow[]> {
    let after = since - 1;
    for (;;) {
      let query = db.selectFrom('calls').selectAll().where('seq', '>', after).where('seq', '<', until);
      if (of.user !== undefined) query = query.where('user', '=', of.user);
      if (of.ways) query = query.where('way', 'in', of.ways);
      const rows = await query.orderBy('seq').limit(PAGE_ROWS).execute();
      if (rows.length > 0) yield await decoded(rows);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE_ROWS) return;
      after = Number(last.seq);
    }
  }

  /** The ways that a filter lets through; `null` for all. */
  const filtered = async ({ status, provider, mode }: Pick<LogQuery, 'status' | 'provider' | 'mode'>) => {
    const some: Partial<Way> = {};
    for (const [place, word] of Object.entries({ status, provider, mode })) {
      if (word === undefined) continue;
      const number = await dictionary.number(word);
      if (number === undefined) return [];
      some[place as keyof Way] = number; // one of the three just above
    }
    return Object.keys(some).length > 0 ? ways.matching(some) : null;
  };

  return {
    async page(userId, { since, limit, after, requestId, ...filter }) {
      const user = await dictionary.number(userId);
      const through = await filtered(filter);
      if (user === undefined || through?.length === 0) return [];
      const of = (way: number | null) => {
        let query = db.selectFrom('calls').where('user', '=', user);
        if (way !== null) query = query.where('way', '=', way);
        if (requestId !== undefined) query = identified(query, requestId);
        if (since !== null) query = query.where('seq', '>=', since);
        if (after !== null) query = query.where('seq', '<', after);
        return query.orderBy('seq', 'desc').limit(limit);
      };
      if (!through) return decoded(await of(null).selectAll().execute());
      // the newest of each way by its own index; the newest of all of them are among these
      const found: number[] = [];
      for (const way of through)
        for (const { seq } of await of(way).select('seq').execute()) found.push(Number(seq));
      const newest = found.sort((a, b) => b - a).slice(0, limit);
      if (newest.length === 0) return [];
      return decoded(
        await db.selectFrom('calls').selectAll().where('seq', 'in', newest).orderBy('seq', 'desc').execute(),
      );
    },

    async sums(userId, since, until) {
      const user = await dictionary.number(userId);
      if (user === undefined) return [];
      const rows = await sumsOf(db, user, since, until);
      const went = await waysOf(rows.map(({ way }) => way));
      const words = await dictionary.words([...went.values()].flatMap((way) => Object.values(way)));
      const number = (value: number | null) => Number(value ?? 0);
      const word = (way: number, place: keyof Way) => words.get(went.get(way)?.[place] ?? 0) ?? null;
      return rows.map((row) => ({
        mode: word(row.way, 'mode') ?? '',
        provider: word(row.way, 'provider'),
        residency: word(row.way, 'residency'),
        status: word(row.way, 'status') ?? '',
        requests: number(row.requests),
        costNanoUsd: number(row.cost),
        unpriced: number(row.requests) - number(row.priced),
        inputTokens: number(row.input_tokens),
        outputTokens: number(row.output_tokens),
        cacheHits: number(row.cache_hits),
        latencyMs: number(row.latency_ms),
      }));
    },

    async spent(userId, { startsAt, endsAt }) {
      const user = await dictionary.number(userId);
      if (user === undefined) return 0;
      const { cost } = await db
        .selectFrom('hours')
        .select((eb) => eb.fn.sum<number | null>('attempts_cost').as('cost'))
        .where('user', '=', user)
        .where('hour', '>=', Math.floor((startsAt * 1_000) / HOUR_MICROS))
        .where('hour', '<', Math.ceil((endsAt * 1_000) / HOUR_MICROS))
        .executeTakeFirstOrThrow();
      return Number(cost ?? 0);
    },

    replay: (since, until) => pages(since, until, {}),

    async *all(userId, since, until, residency) {
      const user = await dictionary.number(userId);
      if (user === undefined) return;
      if (residency === undefined) return yield* pages(since, until, { user });
      const bucket = await dictionary.number(residency);
      if (bucket !== undefined)
        yield* pages(since, until, { user, ways: await ways.matching({ residency: bucket }) });
    },

    async prune(before, most) {
      const old = db.selectFrom('calls').select('seq').where('seq', '<', before).orderBy('seq').limit(most);
      const { numDeletedRows } = await db.deleteFrom('calls').where('seq', 'in', old).executeTakeFirst();
      return Number(numDeletedRows);
    },

    async pruneSums(before) {
      const day = Math.floor(before / DAY_MICROS);
      await db
        .deleteFrom('hours')
        .where('hour', '<', Math.floor(before / HOUR_MICROS))
        .execute();
      await db.deleteFrom('routes').where('day', '<', day).execute();
      await dictionary.prune(day);
    },

    async forget(userId, most, last) {
      await db.deleteFrom('reliability').where('user_id', '=', userId).execute();
      const user = await dictionary.number(userId);
      if (user === undefined) return 0;
      const own = db.selectFrom('calls').select('seq').where('user', '=', user).limit(most);
      const { numDeletedRows } = await db.deleteFrom('calls').where('seq', 'in', own).executeTakeFirst();
      if (numDeletedRows > 0n) return Number(numDeletedRows);
      await db.deleteFrom('hours').where('user', '=', user).execute();
      if (last) await dictionary.forget(userId);
      return 0;
    },

    async oldest() {
      const row = await db.selectFrom('calls').select('seq').orderBy('seq').limit(1).executeTakeFirst();
      return row ? Number(row.seq) : null;
    },

    async ping() {
      await db.selectFrom('words').select('id').limit(1).execute();
    },
  };
}

/** By its own time where the id tells it, else by its number. */
function identified<Query extends SelectQueryBuilder<LogsSchema, 'calls', object>>(
  query: Query,
  id: string,
): Query {
  const own = microsOf(id);
  return query
    .where('request_id', '=', id)
    .where((eb) =>
      eb.or([
        eb('request', '=', hashedId(id)),
        ...(own === null ? [] : [eb.between('seq', own, own + LONGEST_UPLOAD_MICROS)]),
      ]),
    ) as Query; // the same query, more narrow
}
