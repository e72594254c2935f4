import type { Clock, Log } from '@inferbridge/core';
import { isRefused, type RowInsert } from './row-insert.ts';
import type { RequestRow } from './schema.ts';

export interface LogWriterOptions {
  readonly insert: RowInsert;
  readonly clock: Clock;
  readonly log: Log;
  /** A row waits at most this long; default 200. */
  readonly everyMs?: number;
  /** Rows that wait beyond this number are dropped and counted; default 100,000. */
  readonly capacity?: number;
}

/** Writes request rows in batches, away from the requests; a store that is down costs rows, never a request. */
export interface LogWriter {
  add(row: RequestRow): void;
  /** Writes all that waits; resolves when it is in the store, or cannot be. */
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Rows lost since the start. */
  dropped(): number;
}

/** Two milliseconds of work; more would be cheaper by a row, and others wait meanwhile. */
const BATCH_ROWS = 250;
const RETRY_MS = 1_000;

export function createLogWriter({
  insert,
  clock,
  log,
  everyMs = 200,
  capacity = 100_000,
}: LogWriterOptions): LogWriter {
  let waiting: RequestRow[] = [];
  let timer: unknown = null;
  let writing: Promise<void> | null = null;
  let added = 0;
  let dropped = 0;
  let trouble = false;
  let closed = false;

  const schedule = (ms: number) => {
    if (timer !== null || closed) return;
    timer = clock.setTimeout(() => {
      timer = null;
      void write();
    }, ms);
  };

  /** One writer at a time. `full`: whole batches alone; what is behind them waits for its neighbours. */
  const write = (full = false): Promise<void> => {
    writing ??= drain(full ? waiting.length - (waiting.length % BATCH_ROWS) : waiting.length).finally(() => {
      writing = null;
      if (!trouble && waiting.length >= BATCH_ROWS) void write(true);
      else if (waiting.length > 0) schedule(trouble ? RETRY_MS : everyMs);
    });
    return writing;
  };

  /** A row that the store will not have costs itself, not its neighbours. */
  const oneByOne = async (rows: readonly RequestRow[]) => {
    for (const row of rows)
      await insert.all([row]).catch((error) => {
        if (!isRefused(error)) return void waiting.unshift(row);
        dropped += 1;
        log.error({ request_id: row.request_id }, 'a request row was refused by the store and is lost');
      });
  };

  /** In batches, so that no other work waits long for them. */
  const drain = async (count: number) => {
    for (let left = count; left > 0; ) {
      const batch = waiting.slice(0, Math.min(left, BATCH_ROWS));
      left -= batch.length;
      try {
        await insert.all(batch);
      } catch (error) {
        if (isRefused(error)) {
          waiting.splice(0, batch.length);
          await oneByOne(batch);
          continue;
        }
        if (!trouble)
          log.error(
            { code: (error as { code?: unknown }).code },
            'request rows cannot be written; requests go on',
          ); // whatever was thrown; the code is all that is shown
        trouble = true;
        return;
      }
      if (trouble) log.info({ dropped }, 'request rows are written again');
      trouble = false;
      waiting.splice(0, batch.length);
      await new Promise(setImmediate);
    }
  };

  return {
    add(row) {
      if (waiting.length >= capacity) {
        if (dropped === 0 || dropped % 10_000 === 0)
          log.error({ dropped: dropped + 1 }, 'too many request rows wait; new ones are dropped');
        dropped += 1;
        return;
      }
      waiting.push(row);
      added += 1;
      if (waiting.length < BATCH_ROWS || trouble) return schedule(everyMs);
      // a full batch goes at once: rows that wait long outlive the young generation, and cost a collection of the old
      if (waiting.length === BATCH_ROWS) setImmediate(() => void write(true));
    },
    async flush() {
      await write();
      const upTo = added; // also what came while that was written; not what comes after, or it might never end
      while (!trouble && added - waiting.length < upTo) await write();
    },
    async close() {
      closed = true;
      if (timer !== null) clock.clearTimeout(timer);
      timer = null;
      await this.flush();
      if (waiting.length > 0) {
        await this.flush();
        if (waiting.length > 0) log.error({ lost: waiting.length }, 'request rows were lost at the end');
      }
      waiting = [];
    },
    dropped: () => dropped,
  };
}
