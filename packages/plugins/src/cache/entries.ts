import { type Clock, type Log, type Store, systemClock } from '@inferbridge/core';
import { LRUCache } from 'lru-cache';
import { decode, type Entry, encode, sizeOf } from './entry.ts';
import { createGuard } from './guard.ts';

/** What holds entries beyond the process: a Keyv, or anything with its methods. Values are texts. */
export interface CacheStore extends Store {
  getMany?(keys: string[]): Promise<readonly unknown[]>;
  setMany?(entries: { key: string; value: unknown; ttl?: number }[]): Promise<unknown>;
  /** Deletes every key that begins so. */
  forget?(prefix: string): Promise<void>;
}

export interface EntriesOptions {
  /** Default: memory alone. */
  readonly store?: CacheStore;
  /** Of the layer in front; default 64 MB. */
  readonly memoryBytes?: number;
  readonly clock?: Clock;
  readonly log?: Log;
}

/** Entries by key: a layer in memory, bounded in bytes, and behind it a store that may be slow, full or gone. */
export interface Entries {
  /** In the order of the keys; those that may not be used any more are none. */
  find(keys: readonly string[]): Promise<readonly (Entry | null)[]>;
  keep(key: string, entry: Entry): void;
  /** Forgets all entries of this owner. */
  forget(owner: string): Promise<void>;
  /** Writes what waits. */
  flush(): Promise<void>;
}

const MEMORY_BYTES = 67_108_864;
const EVERY_MS = 100;
/** Nobody waits for what is written. */
const WRITE_PATIENCE_MS = 2_000;
const MOST_WAITING = 2_000;
const BATCH = 100;
const SILENT: Log = { info() {}, warn() {}, error() {} };

export function createEntries({
  store,
  memoryBytes = MEMORY_BYTES,
  clock = systemClock,
  log = SILENT,
}: EntriesOptions): Entries {
  const memory =
    memoryBytes > 0
      ? new LRUCache<string, Entry>({
          maxSize: memoryBytes,
          maxEntrySize: memoryBytes,
          sizeCalculation: sizeOf,
        })
      : null;
  const reads = createGuard({ what: 'the cache', clock, log });
  const writes = createGuard({ what: 'the cache (writing)', clock, log, patienceMs: WRITE_PATIENCE_MS });
  let waiting = new Map<string, Entry>();
  let timer: unknown = null;
  let writing: Promise<void> = Promise.resolve();
  let forgets = 0;

  const usable = (entry: Entry | null | undefined): Entry | null =>
    entry && entry.until > clock.wall() ? entry : null;

  const near = (key: string): Entry | null => usable(memory?.get(key) ?? waiting.get(key));

  const far = (keys: string[]): Promise<readonly unknown[]> => {
    if (!store) return Promise.resolve([]);
    return store.getMany ? store.getMany(keys) : Promise.all(keys.map((key) => store.get(key)));
  };

  const write = async () => {
    timer = null;
    const batch = [...waiting].slice(0, BATCH);
    for (const [key] of batch) waiting.delete(key);
    const now = clock.wall();
    const rows = batch.flatMap(([key, entry]) =>
      entry.until > now ? [{ key, value: encode(entry), ttl: Math.ceil(entry.until - now) }] : [],
    );
    if (rows.length > 0 && store)
      await writes.run(
        async () =>
          store.setMany
            ? void (await store.setMany(rows))
            : void (await Promise.all(rows.map(({ key, value, ttl }) => store.set(key, value, ttl)))),
        undefined,
      );
    if (waiting.size > 0) schedule();
  };

  const schedule = () => {
    timer ??= clock.setTimeout(() => {
      writing = write();
    }, EVERY_MS);
  };

  return {
    async find(keys) {
      const found = keys.map(near);
      const missing = keys.filter((_, index) => !found[index]);
      if (missing.length === 0 || !store) return found;
      const askedAt = forgets;
      const texts: unknown = await reads.run(() => far(missing), []);
      for (const [index, key] of missing.entries()) {
        const entry = usable(decode(Array.isArray(texts) ? texts[index] : undefined));
        if (!entry || askedAt !== forgets) continue; // its owner may just have gone
        memory?.set(key, entry);
        found[keys.indexOf(key)] = entry;
      }
      return found;
    },
    keep(key, entry) {
      memory?.set(key, entry);
      if (!store || waiting.size >= MOST_WAITING) return;
      waiting.set(key, entry);
      schedule();
    },
    async forget(owner) {
      forgets += 1;
      for (const key of memory?.keys() ?? []) if (key.startsWith(owner)) memory?.delete(key);
      waiting = new Map([...waiting].filter(([key]) => !key.startsWith(owner)));
      await writing;
      await store?.forget?.(owner);
    },
    async flush() {
      while (timer !== null || waiting.size > 0) {
        if (timer !== null) clock.clearTimeout(timer);
        timer = null;
        await writing;
        if (waiting.size > 0) writing = write();
        await writing;
      }
      await writing;
    },
  };
}
