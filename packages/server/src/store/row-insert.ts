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

  const insertAll = async (
    calls: readonly CallRow[],
    also?: (trx: Transaction<LogsSchema>) => Promise<void>,
  ): Promise<void> => {
    const sums = hoursOf(calls);
    await db.transaction().execute(async (trx) => {
      await also?.(trx);
      const callSql = compiled(`calls ${calls.length}`, () =>
        trx
          .insertInto('calls')
          .values([...calls])
          .compile(),
      );
      await trx.executeQuery(
        CompiledQuery.raw(
          callSql,
          calls.flatMap((row) => Object.values(row)),
        ),
      );
      const hourSql = compiled(`hours ${sums.length}`, () =>
        trx
          .insertInto('hours')
          .values([...sums])
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
      await trx.executeQuery(
        CompiledQuery.raw(
          hourSql,
          sums.flatMap((row) => Object.values(row)),
        ),
      );
    });
  };

  return {
    async all(rows, also) {
      if (rows.length === 0) return;
      const texts = rows.map(routeText);
      const day = Math.floor(Math.max(...rows.map((row) => row.created_at)) / DAY_MICROS);
      const numbers = await words.numbers(rows.flatMap(wordsIn), day);
      const routeNumbers = await routes.numbers(
        texts.filter((text) => text !== null),
        day,
      );
      const calls: CallRow[] = [];
      for (const [index, row] of rows.entries()) {
        const way = await ways.number(wayOf(row, numbers));
        const route = routeNumbers.get(texts[index] ?? '') ?? null;
        calls.push(encodeRow(row, unique(row.created_at), numbers, way, route));
      }
      for (let tries = 1; ; tries++)
        try {
          return await insertAll(calls, also);
        } catch (error) {
          if (!isDuplicate(error) || tries === TRIES) throw error;
          // another process had the same microsecond
          for (const call of calls) call.seq = unique(call.seq + tries * 7);
        }
    },
  };
}

/** The sums that these calls add to their hours. */
function hoursOf(calls: readonly CallRow[]): readonly HourRow[] {
  const sums = new Map<string, HourRow>();
  for (const call of calls) {
    const hit = call.flags & 1;
    const hour = Math.floor(call.seq / HOUR_MICROS);
    const key = `${call.user} ${hour} ${call.way}`;
    const sum = sums.get(key) ?? {
      user: call.user,
      hour,
      way: call.way,
      requests: 0,
      priced: 0,
      cost: 0,
      attempts_cost: 0,
      input_tokens: 0,
      output_tokens: 0,
      cache_hits: 0,
      latency_ms: 0,
    };
    sum.requests += 1;
    sum.priced += call.cost === null ? 0 : 1;
    sum.cost += call.cost ?? 0;
    sum.attempts_cost += call.attempts_cost ?? 0;
    sum.input_tokens += call.input_tokens ?? 0;
    sum.output_tokens += call.output_tokens ?? 0;
    sum.cache_hits += hit;
    sum.latency_ms += hit ? 0 : call.latency_ms;
    sums.set(key, sum);
  }
  return [...sums.values()];
}

/** Did the store refuse what a row holds, rather than fail? Trying again is then pointless. */
export const isRefused = (error: unknown): boolean =>
  /^(SQLITE_(CONSTRAINT|MISMATCH|TOOBIG)|2[23]\d{3}$)/.test(
    String((error as { code?: unknown } | null)?.code ?? ''),
  ); // whatever was thrown; only compared
