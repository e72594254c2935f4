import { type Kysely, sql } from 'kysely';
import type { LogsSchema } from './schema.ts';
import { HOUR_MICROS } from './time.ts';

type WaySums = Awaited<ReturnType<typeof fromRows>>;

/** A user's calls in `[since, until)`, summed by the way they went: whole hours from their sums, the ends from the rows. */
export async function sumsOf(
  db: Kysely<LogsSchema>,
  user: number,
  since: number,
  until: number,
): Promise<WaySums> {
  const [from, to] = [Math.ceil(since / HOUR_MICROS), Math.floor(until / HOUR_MICROS)];
  if (from >= to) return fromRows(db, user, since, until);
  const parts = await Promise.all<WaySums>([
    fromRows(db, user, since, from * HOUR_MICROS),
    fromHours(db, user, from, to),
    fromRows(db, user, to * HOUR_MICROS, until),
  ]);
  return parts.flat();
}

const fromRows = (db: Kysely<LogsSchema>, user: number, since: number, until: number) =>
  db
    .selectFrom('calls')
    .select((eb) => [
      'way',
      eb.fn.countAll<number>().as('requests'),
      eb.fn.count<number>('cost').as('priced'),
      eb.fn.sum<number | null>('cost').as('cost'),
      eb.fn.sum<number | null>('input_tokens').as('input_tokens'),
      eb.fn.sum<number | null>('output_tokens').as('output_tokens'),
      sql<number | null>`sum(flags & 1)`.as('cache_hits'),
      sql<number | null>`sum(latency_ms * (1 - (flags & 1)))`.as('latency_ms'),
    ])
    .where('user', '=', user)
    .where('seq', '>=', since)
    .where('seq', '<', until)
    .groupBy('way')
    .execute();

const fromHours = (db: Kysely<LogsSchema>, user: number, from: number, to: number) =>
  db
    .selectFrom('hours')
    .select((eb) => [
      'way',
      eb.fn.sum<number>('requests').as('requests'),
      eb.fn.sum<number>('priced').as('priced'),
      eb.fn.sum<number>('cost').as('cost'),
      eb.fn.sum<number>('input_tokens').as('input_tokens'),
      eb.fn.sum<number>('output_tokens').as('output_tokens'),
      eb.fn.sum<number>('cache_hits').as('cache_hits'),
      eb.fn.sum<number>('latency_ms').as('latency_ms'),
    ])
    .where('user', '=', user)
    .where('hour', '>=', from)
    .where('hour', '<', to)
    .groupBy('way')
    .execute();
