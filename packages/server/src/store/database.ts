import { chmodSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import SQLite from 'better-sqlite3';
import { Kysely, SqliteDialect, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { ConfigError } from '../config/config-error.ts';
import { accountsMigrations, logsMigrations } from './migrations.ts';
import { withoutOldRows } from './old-rows.ts';
import type { AccountsSchema, LogsSchema } from './schema.ts';

export interface DatabaseOptions {
  readonly file: string;
  /** `full`: what was acknowledged survives a power cut; `normal`: it survives a crash of the process. */
  readonly synchronous: 'full' | 'normal';
}

/** Users and keys. A file that is damaged stops the start: nothing here may be lost in silence. */
export async function openAccounts(file: string): Promise<Kysely<AccountsSchema>> {
  try {
    return await open<AccountsSchema>({ file, synchronous: 'full' }, accountsMigrations);
  } catch (error) {
    throw new ConfigError([
      `${file} cannot be opened (${reason(error)}); restore it from a backup, or move it away to start without users`,
    ]);
  }
}

/** Request rows. A file that is damaged is moved aside; `onMoved` hears where to. */
export async function openLogs(file: string, onMoved: (aside: string) => void): Promise<Kysely<LogsSchema>> {
  const options = { file, synchronous: 'normal' } as const;
  try {
    return await withoutOldRows(await open<LogsSchema>(options, logsMigrations));
  } catch (error) {
    if (!isDamaged(error)) throw new ConfigError([`${file} cannot be opened (${reason(error)})`]);
    const aside = `${file}.damaged-${Date.now()}`;
    for (const suffix of ['', '-wal', '-shm'])
      if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
    onMoved(aside);
    return open<LogsSchema>(options, logsMigrations);
  }
}

/** A store as it lies there: nothing is written, moved or migrated. Throws a `ConfigError` where it cannot be read. */
export function readStore<Schema>(file: string): Kysely<Schema> {
  let sqlite: SQLite.Database | null = null;
  try {
    sqlite = new SQLite(file, { readonly: true, fileMustExist: true });
    if (sqlite.pragma('quick_check(1)', { simple: true }) !== 'ok')
      throw Object.assign(new Error('damaged'), { code: 'SQLITE_CORRUPT' });
    return new Kysely<Schema>({ dialect: new SqliteDialect({ database: remembering(sqlite) }) });
  } catch (error) {
    sqlite?.close();
    throw new ConfigError([
      `${file} cannot be read (${reason(error)})${isDamaged(error) ? '; it is damaged, or no database' : ''}`,
    ]);
  }
}

async function open<Schema>(
  { file, synchronous }: DatabaseOptions,
  migrations: Readonly<Record<string, Migration>>,
): Promise<Kysely<Schema>> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const sqlite = new SQLite(file);
  try {
    chmodSync(file, 0o600);
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma(`synchronous = ${synchronous}`);
    if (synchronous === 'full') sqlite.pragma('secure_delete = ON'); // what a user takes back is overwritten
    sqlite.pragma('busy_timeout = 5000');
    sqlite.pragma('foreign_keys = ON');
    sqlite.pragma('wal_autocheckpoint = 2000'); // 8 MB: pages that are written again and again are moved seldom, and not too many at once
    sqlite.pragma('cache_size = -16384');
    if (sqlite.pragma('quick_check(1)', { simple: true }) !== 'ok')
      throw Object.assign(new Error('damaged'), { code: 'SQLITE_CORRUPT' });
    const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: remembering(sqlite) }) });
    const { error } = await new Migrator({
      db,
      provider: { getMigrations: async () => ({ ...migrations }) },
    }).migrateToLatest();
    if (error) throw error;
    return db;
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

const MOST_STATEMENTS = 200;

/**
 * The database as Kysely should find it. Prepared statements are kept: preparing one again costs more than running it.
 * Transactions take the right to write when they begin, and what SQLite has rolled back by itself is not rolled back again.
 */
export function remembering(sqlite: SQLite.Database): Pick<SQLite.Database, 'prepare' | 'close'> {
  const statements = new Map<string, SQLite.Statement>();
  /** SQLite has rolled back by itself where the disk was full; to say so again would hide why. */
  const rollback = {
    reader: false,
    run: () => (sqlite.inTransaction ? sqlite.prepare('rollback').run() : { changes: 0, lastInsertRowid: 0 }),
  };
  return {
    prepare: ((sql: string) => {
      if (sql === 'rollback') return rollback;
      const known = statements.get(sql);
      if (known) return known;
      if (statements.size >= MOST_STATEMENTS) statements.clear();
      // whoever reads first and then writes would otherwise not wait for another process's write
      const made = sqlite.prepare(sql === 'begin' ? 'begin immediate' : sql);
      statements.set(sql, made);
      return made;
    }) as SQLite.Database['prepare'], // the same statements; only its generics are lost
    close: () => sqlite.close(),
  };
}

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? ''); // whatever was thrown; only compared

export const isDamaged = (error: unknown): boolean => /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error));

/** Did a row with the same unique value stand there already? */
export const isDuplicate = (error: unknown): boolean =>
  /^SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY)$/.test(codeOf(error)) || codeOf(error) === '23505';

/** Is the store, rather than what it was asked, at fault: full, read-only, locked, gone? */
export const isUnavailable = (error: unknown): boolean =>
  /^(SQLITE_(FULL|READONLY|IOERR|BUSY|LOCKED|CANTOPEN|PERM|CORRUPT|NOTADB)|ECONN|ENOSPC|EDQUOT|EROFS|EIO|57P|53|08)/.test(
    codeOf(error),
  );

const reason = (error: unknown): string =>
  codeOf(error) || (error instanceof Error ? error.message : String(error));

/** What a database takes on disk, without the pages that are free again, as `bytes`. */
export const LIVE_BYTES =
  'select (p.page_count - f.freelist_count) * s.page_size as bytes from pragma_page_count p, pragma_freelist_count f, pragma_page_size s';

export async function bytesOf(db: Kysely<LogsSchema>): Promise<number> {
  const { rows } = await sql.raw<{ bytes: number }>(LIVE_BYTES).execute(db);
  return Number(rows[0]?.bytes ?? 0);
}
