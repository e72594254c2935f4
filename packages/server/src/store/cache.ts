import { join } from 'node:path';
import type { Host } from '@inferbridge/core';
import { type CacheOptions, createEntries, type Entries } from '@inferbridge/plugins';
import type { Config } from '../config/schema.ts';
import { type ClosableCache, openCacheFile } from './cache-file.ts';

/** Cached answers where the configuration says that they are kept. */
export interface Cache {
  readonly entries: Entries;
  /** Of the stage that uses them. */
  readonly options: CacheOptions;
  /** Writes what waits and lets go of the store. */
  close(): Promise<void>;
}

export function openCache(
  { cache, dataDir }: Pick<Config, 'cache' | 'dataDir'>,
  { clock, log }: Host,
  inRedis: (url: string) => ClosableCache,
  several: boolean,
): Cache {
  const { memoryBytes, scope, ttlSeconds, staleSeconds, always, fileMaxBytes } = cache;
  const open = (): ClosableCache | null => {
    if (cache.store === 'memory') return null;
    if (cache.store !== 'sqlite') return inRedis(cache.store);
    return openCacheFile({
      file: join(dataDir, 'cache.sqlite'),
      maxBytes: fileMaxBytes,
      several,
      clock,
      log,
    });
  };
  const store = open();
  const entries = createEntries({ ...(store && { store }), memoryBytes, clock, log });
  return {
    entries,
    options: { entries, scope, ttlSeconds, staleSeconds, always, clock },
    async close() {
      await entries.flush();
      await store?.close();
    },
  };
}
