import { type Kysely, sql } from 'kysely';
import { createRowInsert } from './row-insert.ts';
import type { LogsSchema, RequestRow } from './schema.ts';

const PAGE_ROWS = 500;
/** The table of rows as they were before they were narrow. */
const OLD = sql.table('requests');

/** Moves the rows of a log that an older version wrote, a page at a time; one that is interrupted goes on. */
export async function withoutOldRows(db: Kysely<LogsSchema>): Promise<Kysely<LogsSchema>> {
  const tables = await db.introspection.getTables();
  if (!tables.some(({ name }) => name === 'requests')) return db;
  const insert = createRowInsert(db);
  for (let misses = 0; misses < MOST_MISSES; ) {
    try {
      const { rows } = await sql<OldRow>`select * from ${OLD} order by id limit ${PAGE_ROWS}`.execute(db);
      if (rows.length === 0) break;
      await insert.all(rows.map(rowOf), async (trx) => {
        const gone = await sql`delete from ${OLD} where id <= ${rows.at(-1)?.id ?? ''}`.execute(trx);
        if (Number(gone.numAffectedRows) !== rows.length)
          throw new Error('another process has moved some of them');
      });
      misses = 0;
    } catch (error) {
      if (isGone(error)) return db;
      misses += 1; // another process is at it as well
      if (misses === MOST_MISSES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50 * misses));
    }
  }
  await sql`drop table if exists ${OLD}`.execute(db);
  return db;
}

const MOST_MISSES = 20;
const isGone = (error: unknown): boolean => /no such table/.test(String((error as Error | null)?.message)); // whatever was thrown

type Json = 'attempts' | 'tags' | 'route';
type Flag = 'cache_hit' | 'stream' | 'tools' | 'images';
type OldRow = Omit<RequestRow, Json | Flag | 'id'> &
  Readonly<Record<Json, string | null>> &
  Readonly<Record<Flag, number>> & { readonly id: string };

const rowOf = ({ id: _, ...row }: OldRow): RequestRow => ({
  ...row,
  cache_hit: row.cache_hit === 1,
  stream: row.stream === 1,
  tools: row.tools === 1,
  images: row.images === 1,
  attempts: JSON.parse(row.attempts ?? '[]'),
  tags: row.tags === null ? null : JSON.parse(row.tags),
  route: row.route === null ? null : JSON.parse(row.route),
});
