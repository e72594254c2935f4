import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, type Log, letGo } from '@inferbridge/core';
import type { CacheStore } from '@inferbridge/plugins';
import { KeyvSqlite } from '@keyv/sqlite';
import SQLite from 'better-sqlite3';
import { Keyv } from 'keyv';
import { isDamaged, LIVE_BYTES, remembering } from './database.ts';
import { keyvStore } from './keyv-store.ts';

export interface CacheFileOptions {
  readonly file: string;
  /** Beyond it what would expire first goes. */
  readonly maxBytes: number;
  /** Other processes have it open as well; default false. */
  readonly several?: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** A cache that can be closed. */
export interface ClosableCache extends CacheStore {
  close(): Promise<void>;
}

/** Of a new file: keys have no order in time, so that a page that holds many of them is written less often. */
const PAGE_BYTES = 16_384;
/** Another process writes a batch in less. */
const BUSY_MS = 20;
const SWEEP_MS = 60_000;
const SLICE_ROWS = 500;
const PAUSE_MS = 20;
/** Few at once: each is overwritten, and nobody's request should wait for that. */
const ROOM_ROWS = 50;
/** What would expire first goes first. */
const SOONEST = `DELETE FROM keyv WHERE rowid IN (SELECT rowid FROM keyv WHERE expires IS NOT NULL ORDER BY expires LIMIT ${ROOM_ROWS}) RETURNING rowid`;
const MOST_TRIES = 40;
/** What would expire first goes before there is no room at all. */
const FULL = 0.9;

/**
 * Cached answers in one SQLite file of their own. Nobody waits for a lock on it; one that is damaged is begun anew, since
 * all that it holds can be had again. What has expired is overwritten, not only forgotten.
 */
export function openCacheFile({ file, maxBytes, several, clock, log }: CacheFileOptions): ClosableCache {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let closed = false;
  let timer: unknown = null;
  let known: Set<number> | null = null;

  const connect = async () => {
    const sqlite = new SQLite(file, { timeout: several ? BUSY_MS : 0 });
    chmodSync(file, 0o600);
    sqlite.pragma(`page_size = ${PAGE_BYTES}`);
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('synchronous = NORMAL');
    sqlite.pragma('secure_delete = ON');
    sqlite.pragma('wal_autocheckpoint = 250'); // 4 MB
    sqlite.pragma('cache_size = -8192');
    known = several ? null : knownKeys(sqlite);
    sqlite.pragma(`max_page_count = ${Math.ceil(maxBytes / PAGE_BYTES)}`);
    const { prepare } = remembering(sqlite);
    const makeRoom = () => sqlite.prepare(SOONEST).all().length;
    return {
      async query(sql: string, ...parameters: unknown[]): Promise<unknown[]> {
        const statement = prepare(sql);
        const values = parameters.map(unwrapped);
        if (statement.reader) return statement.all(...values).map(wrapped);
        for (let tries = 1; ; tries++)
          try {
            statement.run(...values);
            return [];
          } catch (error) {
            if ((error as { code?: unknown }).code !== 'SQLITE_FULL' || tries > MOST_TRIES) throw error; // whatever was thrown; only compared
            if (makeRoom() === 0) throw error;
          }
      },
      close: async () => void sqlite.close(),
    };
  };

  const open = () => {
    const adapter = new KeyvSqlite({ uri: `sqlite://${file}`, driver: { name: 'custom', connect } });
    return { adapter, store: keyvStore(new Keyv({ store: adapter, serialization: false })) };
  };
  let current = open();

  /** Anew, where the file cannot be read any more. */
  const renew = () => {
    const { adapter } = current;
    void adapter.close().catch(() => {});
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
    log.warn({ file }, 'the cache was damaged and begins anew');
    current = open();
  };

  const healing = async <T>(work: (store: CacheStore) => Promise<T> | undefined): Promise<T> => {
    try {
      await current.adapter.ready.catch((error: unknown) => {
        // a lock of another process, or a folder that was not there: the next one tries again
        if (!isDamaged(error) && !closed) current = open();
        throw error;
      });
      return (await work(current.store)) as T; // every method that is asked for is there
    } catch (error) {
      if (isDamaged(error) && !closed) renew();
      throw error;
    }
  };

  /** Runs a statement that deletes at most a slice, until there is nothing left for it. */
  const inSlices = async (condition: string, ...values: unknown[]): Promise<void> => {
    const sql = `DELETE FROM keyv WHERE rowid IN (SELECT rowid FROM keyv WHERE ${condition} LIMIT ${SLICE_ROWS}) RETURNING rowid`;
    for (;;) {
      if (closed) return;
      const gone = await current.adapter.query(sql, ...values);
      if (gone.length < SLICE_ROWS) break;
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, PAUSE_MS));
    }
    await current.adapter.query('PRAGMA wal_checkpoint(TRUNCATE)');
  };

  /** Makes room ahead of time, a slice at a time. */
  const keepRoom = async () => {
    for (;;) {
      if (closed) return;
      const [size] = (await current.adapter.query(LIVE_BYTES)) as { bytes: number }[]; // as it is asked for
      if ((size?.bytes ?? 0) < maxBytes * FULL) return;
      const gone = await current.adapter.query(SOONEST);
      if (gone.length === 0) return;
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, PAUSE_MS));
    }
  };

  const sweep = async () => {
    try {
      await inSlices('expires <= ?', Math.floor(clock.wall()));
      await keepRoom();
    } catch (error) {
      if (isDamaged(error) && !closed) renew();
    }
    again();
  };
  const again = () => {
    if (closed) return;
    timer = clock.setTimeout(() => void sweep(), SWEEP_MS);
    letGo(timer);
  };
  again();

  const note = (key: string) => {
    known?.add(numberOf(key));
    if ((known?.size ?? 0) > MOST_KNOWN) known = null; // the store itself is asked again
  };

  return {
    mayHave: (key) => known?.has(numberOf(key)) !== false,
    get: (key) => healing((store) => store.get(key)),
    getMany: (keys) => healing((store) => store.getMany?.(keys)),
    set(key, value, ttl) {
      note(key);
      return healing((store) => store.set(key, value, ttl));
    },
    setMany(entries) {
      for (const { key } of entries) note(key);
      return healing((store) => store.setMany?.(entries));
    },
    delete: (key) => healing((store) => store.delete(key)),
    forget: (prefix) => inSlices('key >= ? AND key < ?', prefix, `${prefix}\u{10ffff}`),
    async close() {
      closed = true;
      clock.clearTimeout(timer);
      await current.adapter.close().catch(() => {});
    },
  };
}

/** Keyv wraps every value in an object, for when it expires, which here is a column: its bytes alone are written. */
const unwrapped = (parameter: unknown): unknown =>
  typeof parameter === 'object' && parameter !== null ? (parameter as { value?: unknown }).value : parameter;

const wrapped = (row: unknown): unknown => {
  const { value, ...columns } = (row ?? {}) as { value?: unknown }; // as it was asked for
  return value === undefined || value === null ? row : { ...columns, value: { value } };
};

const MOST_KNOWN = 2_000_000;

/** Eight of a key's last digits: two keys that share them cost a question, nothing else. */
const numberOf = (key: string): number => Number.parseInt(key.slice(-8), 16);

/** What the file holds, as far as this process is the only one that writes it; `null` for too much. */
function knownKeys(sqlite: SQLite.Database): Set<number> | null {
  const table = sqlite.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'keyv'").get();
  const known = new Set<number>();
  if (!table) return known;
  const keys = sqlite.prepare('SELECT substr(key, -8) FROM keyv').pluck().iterate();
  for (const key of keys) {
    if (known.size >= MOST_KNOWN) return null;
    known.add(numberOf(String(key)));
  }
  return known;
}
