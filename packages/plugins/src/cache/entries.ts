import { type Clock, type Log, type Store, silentLog, systemClock } from '@inferbridge/core';
import { LRUCache } from 'lru-cache';
import { decode, type Entry, encode } from './entry.ts';
import { createGuard } from './guard.ts';

/** What holds entries beyond the process: a Keyv, or anything with its methods. Values are texts. */
export interface CacheStore extends Store {
  getMany?(keys: string[]): Promise<readonly unknown[]>;
  setMany?(entries: { key: string; value: unknown; ttl?: number }[]): Promise<unknown>;
  /** False where there is surely no such key: nobody then waits for the store to say so. */
  mayHave?(key: string): boolean;
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

interface Waiting {
  readonly bytes: Buffer;
  /** When nobody wants it any more, milliseconds since 1970. */
  readonly until: number;
}

const MEMORY_BYTES = 67_108_864;
/** Of an entry's key and place. */
const OVERHEAD_BYTES = 300;
const EVERY_MS = 100;
/** Nobody waits for what is written. */
const WRITE_PATIENCE_MS = 2_000;
const MOST_WAITING = 2_000;
const BATCH = 100;

export function createEntries({
  store,
  memoryBytes = MEMORY_BYTES,
  clock = systemClock,
  log = silentLog,
}: EntriesOptions): Entries {
  const memory =
    memoryBytes > 0
      ? new LRUCache<string, Buffer>({
          maxSize: memoryBytes,
          maxEntrySize: memoryBytes,
          sizeCalculation: (bytes) => bytes.length + OVERHEAD_BYTES,
        })
      : null;
  const reads = createGuard({ what: 'the cache', clock, log });
  const writes = createGuard({ what: 'the cache (writing)', clock, log, patienceMs: WRITE_PATIENCE_MS });
  // as bytes: what lies outside of the heap is no work for its collector
  let waiting = new Map<string, Waiting>();
  let timer: unknown = null;
  let writing: Promise<void> = Promise.resolve();
  let forgets = 0;

  const usable = (entry: Entry | null | undefined): Entry | null =>
    entry && entry.until > clock.wall() ? entry : null;

  const near = (key: string): Entry | null => {
    const bytes = memory?.get(key) ?? waiting.get(key)?.bytes;
    return bytes ? usable(decode(bytes.toString())) : null;
  };

  const far = (from: CacheStore, keys: string[]): Promise<readonly unknown[]> =>
    from.getMany ? from.getMany(keys) : Promise.all(keys.map((key) => from.get(key)));

  const writeSome = async () => {
    const batch = [...waiting].slice(0, BATCH);
    for (const [key] of batch) waiting.delete(key);
    const now = clock.wall();
    const rows = batch.flatMap(([key, { bytes, until }]) =>
      until > now ? [{ key, value: bytes.toString(), ttl: Math.ceil(until - now) }] : [],
    );
    if (rows.length === 0 || !store) return;
    await writes.run(
      async () =>
        store.setMany
          ? void (await store.setMany(rows))
          : void (await Promise.all(rows.map(({ key, value, ttl }) => store.set(key, value, ttl)))),
      undefined,
    );
  };

  const write = async () => {
    timer = null;
    while (waiting.size > 0 && writes.well()) {
      await writeSome();
      await new Promise(setImmediate); // requests come first
    }
    if (waiting.size === 0) return;
    await writeSome(); // finds out whether the store is back
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
      const missing = keys.filter((key, index) => !found[index] && store?.mayHave?.(key) !== false);
      if (missing.length === 0 || !store) return found;
      const askedAt = forgets;
      const texts: unknown = await reads.run(() => far(store, missing), []);
      for (const [index, key] of missing.entries()) {
        const text: unknown = Array.isArray(texts) ? texts[index] : undefined;
        const entry = usable(decode(text));
        if (!entry || askedAt !== forgets) continue; // its owner may just have gone
        memory?.set(key, Buffer.from(String(text)));
        found[keys.indexOf(key)] = entry;
      }
      return found;
    },
    keep(key, entry) {
      const bytes = Buffer.from(encode(entry));
      memory?.set(key, bytes);
      if (!store || waiting.size >= MOST_WAITING) return;
      waiting.set(key, { bytes, until: entry.until });
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
