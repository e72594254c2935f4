import { type Host, letGo } from '@inferbridge/core';
import { type Entries, ownerOf } from '@inferbridge/plugins';
import type { RequestLog } from '../store/request-log.ts';
import type { Users } from '../store/users.ts';

export interface PurgeOptions {
  readonly users: Pick<Users, 'purges' | 'purged'>;
  readonly requestLog: Pick<RequestLog, 'forget'>;
  readonly flushLogs: () => Promise<void>;
  readonly entries: Pick<Entries, 'forget'>;
  readonly host: Pick<Host, 'clock' | 'log'>;
}

const SLICE_ROWS = 500;
const PAUSE_MS = 20;
const EVERY_MS = 300_000;
/** A request of a user who has gone may still be on its way, and leave a row when it ends. */
const LATEST_ROW_MS = 900_000;

/** Deletes rows and cached answers of users that have gone, in slices; what a stop interrupts goes on at the next start. */
export function startPurges({ users, requestLog, flushLogs, entries, host }: PurgeOptions): {
  now(): void;
  stop(): void;
} {
  const { clock, log } = host;
  let running: Promise<void> | null = null;
  let again = false;
  let stopped = false;
  let timer: unknown = null;

  const purge = async (id: string, at: number) => {
    const cached = entries.forget(ownerOf(id)); // a cache that is away keeps nobody's rows
    cached.catch(() => {});
    const last = clock.wall() - at / 1_000 > LATEST_ROW_MS;
    while (!stopped && (await requestLog.forget(id, SLICE_ROWS, last)) > 0)
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, PAUSE_MS));
    await cached;
    if (!stopped && last) await users.purged(id);
  };

  const run = async () => {
    await flushLogs();
    for (const { user_id: id, created_at: at } of await users.purges()) {
      if (stopped) return;
      await purge(id, Number(at)).catch((error: unknown) => {
        if (!stopped) log.warn({ err: error }, 'what is left of a deleted account cannot be deleted yet');
      });
    }
  };
  const start = () => {
    if (stopped) return;
    if (running) {
      again = true;
      return;
    }
    running = run()
      .catch((error: unknown) => {
        if (!stopped) log.warn({ err: error }, 'what is left of a deleted account cannot be deleted yet');
      })
      .finally(() => {
        running = null;
        if (again) {
          again = false;
          start();
        }
      });
  };
  const tick = () => {
    if (stopped) return;
    timer = clock.setTimeout(() => {
      start();
      tick();
    }, EVERY_MS);
    letGo(timer);
  };
  start();
  tick();
  return {
    now: start,
    stop() {
      stopped = true;
      clock.clearTimeout(timer);
    },
  };
}
