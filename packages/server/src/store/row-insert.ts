import { CompiledQuery, type Kysely, type Transaction } from 'kysely';
import { isDuplicate } from './database.ts';
import { encodeRow, routeText, wayOf, wordsIn } from './row-codec.ts';
import type { CallRow, HourRow, LogsSchema, RequestRow } from './schema.ts';
import { DAY_MICROS, HOUR_MICROS } from './time.ts';
import { createRoutes, createWays, createWords, type Words } from './words.ts';

/** Inserts request rows, many at once. */
export interface RowInsert {
  /** All or none of them, together with the sums of their hours, and what else belongs to the same transaction. */
  all(rows: readonly RequestRow[], also?: (trx: Transaction<LogsSchema>) => Promise<void>): Promise<void>;
}

/** Numbers of rows that were just used; two calls may come in within one microsecond. */
const MOST_USED = 10_000;
/**
 * Rows of one statement: prepared ones are kept, and take memory by their size, so there are few sizes. What waits is
 * dealt out among them.
 */
const SIZES = [250, 50, 10, 1];
const TRIES = 5;

/** One statement for each number of rows, built once: building it costs more than running it. */
export function createRowInsert(db: Kysely<LogsSchema>, words: Words = createWords(db)): RowInsert {
  const statements = new Map<string, string>();
  const compiled = (name: string, build: () => { sql: string }): string => {
    const known = statements.get(name);
    if (known) return known;
    const { sql } = build();
    statements.set(name, sql);
    return sql;
  };
  const routes = createRoutes(db);
  const ways = createWays(db);
  const used = new Set<number>();

  const unique = (at: number): number => {
    let seq = at;
    while (used.has(seq)) seq += 1;
    if (used.size >= MOST_USED) used.clear();
    used.add(seq);
    return seq;
  };

  /** Another process had the same microsecond: who is taken moves on, the others stay. */
  const moveOn = async (calls: readonly CallRow[], tries: number): Promise<void> => {
    const taken = await db
      .selectFrom('calls')
      .select('seq')
      .where(
        'seq',
        'in',
        calls.map(({ seq }) => seq),
      )
      .execute();
    const seqs = new Set(taken.map(({ seq }) => Number(seq)));
    for (const call of calls)
      if (seqs.has(call.seq) || seqs.size === 0) call.seq = unique(call.seq + tries * 7);
  };

  const insertAll = async (
    calls: readonly CallRow[],
    also?: (trx: Transaction<LogsSchema>) => Promise<void>,
  ): Promise<void> => {
    const sums = hoursOf(calls);
    await db.transaction().execute(async (trx) => {
      await also?.(trx);
      for (const some of dealt(calls)) {
        const callSql = compiled(`calls ${some.length}`, () =>
          trx.insertInto('calls').values(some).compile(),
        );
        await trx.executeQuery(CompiledQuery.raw(callSql, valuesOf(some)));
      }
      for (const some of dealt(sums)) {
        const hourSql = compiled(`hours ${some.length}`, () =>
          trx
            .insertInto('hours')
            .values(some)
            .onConflict((conflict) =>
              conflict.columns(['user', 'hour', 'way']).doUpdateSet((eb) => ({
                requests: eb('hours.requests', '+', eb.ref('excluded.requests')),
                priced: eb('hours.priced', '+', eb.ref('excluded.priced')),
                cost: eb('hours.cost', '+', eb.ref('excluded.cost')),
                attempts_cost: eb('hours.attempts_cost', '+', eb.ref('excluded.attempts_cost')),
                input_tokens: eb('hours.input_tokens', '+', eb.ref('excluded.input_tokens')),
                output_tokens: eb('hours.output_tokens', '+', eb.ref('excluded.output_tokens')),
                cache_hits: eb('hours.cache_hits', '+', eb.ref('excluded.cache_hits')),
                latency_ms: eb('hours.latency_ms', '+', eb.ref('excluded.latency_ms')),
              })),
            )
            .compile(),
        );
        await trx.executeQuery(CompiledQuery.raw(hourSql, valuesOf(some)));
      }
    });
  };

  return {
    async all(rows, also) {
      if (rows.length === 0) return;
      const texts = rows.map(routeText);
      let latest = 0;
      const seen = new Set<string>();
      for (const row of rows) {
        latest = Math.max(latest, row.created_at);
        for (const word of wordsIn(row)) if (word !== null) seen.add(word);
      }
      const day = Math.floor(latest / DAY_MICROS);
      const numbers = await words.numbers(seen, day);
      const routeNumbers = await routes.numbers(
        texts.filter((text) => text !== null),
        day,
      );
      const calls: CallRow[] = [];
      for (const [index, row] of rows.entries()) {
        const way = wayOf(row, numbers);
        const number = ways.known(way) ?? (await ways.number(way));
        const route = routeNumbers.get(texts[index] ?? '') ?? null;
        calls.push(encodeRow(row, unique(row.created_at), numbers, number, route));
      }
      for (let tries = 1; ; tries++)
        try {
          return await insertAll(calls, also);
        } catch (error) {
          if (!isDuplicate(error) || tries === TRIES) throw error;
          await moveOn(calls, tries);
        }
    },
  };
}

/** The rows in as few stretches of these sizes as there can be. */
function dealt<Row>(rows: readonly Row[]): Row[][] {
  const all: Row[][] = [];
  let at = 0;
  for (const size of SIZES) for (; rows.length - at >= size; at += size) all.push(rows.slice(at, at + size));
  return all;
}

function valuesOf(rows: readonly object[]): unknown[] {
  const values: unknown[] = [];
  for (const row of rows) for (const value of Object.values(row)) values.push(value);
  return values;
}

/** The sums that these calls add to their hours. */
function hoursOf(calls: readonly CallRow[]): readonly HourRow[] {
  const sums = new Map<string, HourRow>();
  let last: HourRow | null = null;
  for (const call of calls) {
    const hour = Math.floor(call.seq / HOUR_MICROS);
    if (last?.user !== call.user || last.hour !== hour || last.way !== call.way) {
      const key: string = `${call.user} ${hour} ${call.way}`;
      last = sums.get(key) ?? empty(call, hour);
      sums.set(key, last);
    }
    const hit = call.flags & 1;
    last.requests += 1;
    last.priced += call.cost === null ? 0 : 1;
    last.cost += call.cost ?? 0;
    last.attempts_cost += call.attempts_cost ?? 0;
    last.input_tokens += call.input_tokens ?? 0;
    last.output_tokens += call.output_tokens ?? 0;
    last.cache_hits += hit;
    last.latency_ms += hit ? 0 : call.latency_ms;
  }
  return [...sums.values()];
}

const empty = ({ user, way }: CallRow, hour: number): HourRow => ({
  user,
  hour,
  way,
  requests: 0,
  priced: 0,
  cost: 0,
  attempts_cost: 0,
  input_tokens: 0,
  output_tokens: 0,
  cache_hits: 0,
  latency_ms: 0,
});

/** Did the store refuse what a row holds, rather than fail? Trying again is then pointless. */
export const isRefused = (error: unknown): boolean =>
  /^(SQLITE_(CONSTRAINT|MISMATCH|TOOBIG)|2[23]\d{3}$)/.test(
    String((error as { code?: unknown } | null)?.code ?? ''),
  ); // whatever was thrown; only compared
