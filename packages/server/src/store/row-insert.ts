import { CompiledQuery, type Kysely } from 'kysely';
import type { LogsSchema, RequestRow } from './schema.ts';

/** Inserts request rows, many at once. */
export interface RowInsert {
  /** All or none of them. */
  all(rows: readonly RequestRow[]): Promise<void>;
}

/** One statement for each number of rows, built once: building it costs more than running it. */
export function createRowInsert(db: Kysely<LogsSchema>): RowInsert {
  const statements = new Map<number, { sql: string; columns: readonly (keyof RequestRow)[] }>();
  const statement = (rows: readonly RequestRow[]) => {
    const known = statements.get(rows.length);
    if (known) return known;
    const made = {
      sql: db
        .insertInto('requests')
        .values([...rows])
        .compile().sql,
      columns: Object.keys(rows[0] ?? {}) as (keyof RequestRow)[], // in the order in which the statement has them
    };
    statements.set(rows.length, made);
    return made;
  };
  return {
    async all(rows) {
      const { sql, columns } = statement(rows);
      const values = rows.flatMap((row) => columns.map((column) => row[column]));
      await db.executeQuery(CompiledQuery.raw(sql, values));
    },
  };
}

/** Did the store refuse what a row holds, rather than fail? Trying again is then pointless. */
export const isRefused = (error: unknown): boolean =>
  /^(SQLITE_(CONSTRAINT|MISMATCH|TOOBIG)|2[23]\d{3}$)/.test(
    String((error as { code?: unknown } | null)?.code ?? ''),
  ); // whatever was thrown; only compared
