import { type Clock, type Log, type Store, silentLog, systemClock } from '@inferbridge/core';
import { LRUCache } from 'lru-cache';
import { bytesOf, decode, type Entry, encode } from './entry.ts';
import { createGuard } from './guard.ts';
import { createWriteBehind } from './write-behind.ts';

/** What holds entries beyond the process: a Keyv, or anything with its methods. Values are bytes; text will do as well where it comes back. */
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
  /** What is wanted `soon` is written without waiting for others. */
  keep(key: string, entry: Entry, how?: { readonly soon?: boolean }): void;
  /** Forgets all entries of this owner. */
  forget(owner: string): Promise<void>;
  /** Writes what waits. */
  flush(): Promise<void>;
}

const MEMORY_BYTES = 67_108_864;
/** Of an entry's key and place. */
const OVERHEAD_BYTES = 300;

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
  // as bytes: what lies outside of the heap is no work for its collector
  const writes = store && createWriteBehind(store, clock, log);
  let forgets = 0;

  const usable = (entry: Entry | null | undefined): Entry | null =>
    entry && entry.until > clock.wall() ? entry : null;

  const near = (key: string): Entry | null => {
    const bytes = memory?.get(key) ?? writes?.get(key);
    // a copy: whoever gets an answer may write in it
    return bytes ? usable(decode(Buffer.from(bytes))) : null;
  };

  const far = (from: CacheStore, keys: string[]): Promise<readonly unknown[]> =>
    from.getMany ? from.getMany(keys) : Promise.all(keys.map((key) => from.get(key)));

  return {
    async find(keys) {
      const found = keys.map(near);
      const missing = keys.filter((key, index) => !found[index] && store?.mayHave?.(key) !== false);
      if (missing.length === 0 || !store) return found;
      const askedAt = forgets;
      const stored: unknown = await reads.run(() => far(store, missing), []);
      for (const [index, key] of missing.entries()) {
        const bytes = bytesOf(Array.isArray(stored) ? stored[index] : undefined);
        const entry = usable(bytes && decode(Buffer.from(bytes)));
        if (!bytes || !entry || askedAt !== forgets) continue; // its owner may just have gone
        memory?.set(key, bytes);
        found[keys.indexOf(key)] = entry;
      }
      return found;
    },
    keep(key, entry, { soon = false } = {}) {
      const bytes = encode(entry);
      memory?.set(key, bytes);
      writes?.add(key, bytes, entry.until, soon);
    },
    async forget(owner) {
      forgets += 1;
      for (const key of memory?.keys() ?? []) if (key.startsWith(owner)) memory?.delete(key);
      await writes?.forget(owner);
    },
    flush: async () => writes?.flush(),
  };
}
