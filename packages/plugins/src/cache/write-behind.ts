import type { Clock, Log } from '@inferbridge/core';
import type { CacheStore } from './entries.ts';
import { createGuard } from './guard.ts';

/** Writes to a store behind the requests: nobody waits for it, and what waits can be read here. */
export interface WriteBehind {
  /** `until` is when nobody wants it any more; what is wanted `soon` waits for no others. */
  add(key: string, bytes: Buffer, until: number, soon: boolean): void;
  get(key: string): Buffer | undefined;
  /** Forgets all keys that begin so, also where they are just being written. */
  forget(prefix: string): Promise<void>;
  /** Writes what waits. */
  flush(): Promise<void>;
}

interface Waiting {
  readonly bytes: Buffer;
  readonly until: number;
}

/** So long everything waits for more. */
const EVERY_MS = 100;
/** What comes faster than a batch in that time waits longer: many rows in the order of their keys share pages. */
const GATHER_MS = 5_000;
const GATHER_ROWS = 8_000;
const GATHER_BYTES = 16_777_216;
const BATCH = 100;
/** Beyond it new ones are not written. */
const MOST_ROWS = 3 * GATHER_ROWS;
const MOST_BYTES = 3 * GATHER_BYTES;
/** Nobody waits for what is written. */
const PATIENCE_MS = 2_000;
/** Stores need not know the moment: what is given out is looked at again. */
const EXPIRY_STEP_MS = 60_000;

export function createWriteBehind(store: CacheStore, clock: Clock, log: Log): WriteBehind {
  const guard = createGuard({ what: 'the cache (writing)', clock, log, patienceMs: PATIENCE_MS });
  let waiting = new Map<string, Waiting>();
  let leaving = new Map<string, Waiting>();
  /** Their keys, the last one first. */
  let order: string[] = [];
  let bytes = 0;
  let rows = 0;
  let since = 0;
  let hurry = false;
  let timer: unknown = null;
  let writing: Promise<void> | null = null;

  const take = (from: Map<string, Waiting>, key: string, { bytes: { length } }: Waiting) => {
    from.delete(key);
    rows -= 1;
    bytes -= length;
  };

  const writeSome = async () => {
    if (leaving.size === 0) {
      leaving = waiting;
      waiting = new Map();
      order = [...leaving.keys()].sort((a, b) => (a < b ? 1 : -1));
      hurry = false;
    }
    const now = clock.wall();
    const batch: { key: string; value: Buffer; ttl: number }[] = [];
    while (batch.length < BATCH) {
      const key = order.pop();
      if (key === undefined) break;
      const one = leaving.get(key);
      if (!one) continue; // forgotten
      take(leaving, key, one);
      const expires = Math.ceil(one.until / EXPIRY_STEP_MS) * EXPIRY_STEP_MS;
      if (one.until > now) batch.push({ key, value: one.bytes, ttl: Math.ceil(expires - now) });
    }
    if (batch.length === 0) return;
    const all = async () => {
      if (store.setMany) await store.setMany(batch);
      else await Promise.all(batch.map(({ key, value, ttl }) => store.set(key, value, ttl)));
    };
    await guard.run(all, undefined);
  };

  const write = async () => {
    do {
      await writeSome(); // also finds out whether the store is back
      await new Promise(setImmediate); // requests come first
    } while (guard.well() && leaving.size > 0);
  };

  const due = () =>
    waiting.size > 0 &&
    (hurry ||
      waiting.size <= BATCH ||
      rows >= GATHER_ROWS ||
      bytes >= GATHER_BYTES ||
      clock.now() - since >= GATHER_MS);

  const begin = () => {
    writing ??= write().finally(() => {
      writing = null;
      if (rows > 0) schedule();
    });
    return writing;
  };

  const schedule = () => {
    timer ??= clock.setTimeout(() => {
      timer = null;
      if (due() || leaving.size > 0) void begin();
      else schedule();
    }, EVERY_MS);
  };

  return {
    add(key, value, until, soon) {
      if (rows >= MOST_ROWS || bytes >= MOST_BYTES) return;
      const before = waiting.get(key);
      if (before) take(waiting, key, before);
      if (waiting.size === 0) since = clock.now();
      waiting.set(key, { bytes: value, until });
      rows += 1;
      bytes += value.length;
      hurry ||= soon;
      if (!writing) schedule();
    },
    get: (key) => (waiting.get(key) ?? leaving.get(key))?.bytes,
    async forget(prefix) {
      for (const map of [waiting, leaving])
        for (const [key, one] of map) if (key.startsWith(prefix)) take(map, key, one);
      await writing;
      await store.forget?.(prefix);
    },
    async flush() {
      do await begin();
      while (rows > 0 && guard.well());
      if (timer !== null) clock.clearTimeout(timer);
      timer = null;
    },
  };
}
