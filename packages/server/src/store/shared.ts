import type { Host } from '@inferbridge/core';
import { createLedger, type Ledger, type LedgerOptions } from '@inferbridge/plugins';
import type { Config } from '../config/schema.ts';
import type { Siblings } from '../workers/siblings.ts';
import { type Cache, openCache } from './cache.ts';
import type { ClosableCache } from './cache-file.ts';
import type { Redis } from './redis.ts';
import { redisLedger } from './redis-ledger.ts';

/** What several processes may share: cached answers, and what callers have used. */
export interface SharedStores {
  readonly cache: Cache;
  readonly ledger: Ledger;
  close(): Promise<void>;
}

/** Opens them where the configuration says; one connection for each address. */
export async function openShared(
  config: Pick<Config, 'cache' | 'limits' | 'dataDir'>,
  host: Host,
  spent: NonNullable<LedgerOptions['spent']>,
  siblings: Pick<Siblings, 'ledger'> | null,
): Promise<SharedStores> {
  const { clock, log } = host;
  const { store = isRedis(config.cache.store) ? config.cache.store : 'memory' } = config.limits;
  // its client takes time and memory to load: only where there is a Redis
  const redis = isRedis(config.cache.store) || isRedis(store) ? await import('./redis.ts') : null;
  const connections = new Map<string, Redis>();
  const loaded = () => {
    if (!redis) throw new TypeError('no address of a Redis is configured');
    return redis;
  };
  const connect = (url: string): Redis => {
    const known = connections.get(url) ?? loaded().connectRedis(url, log);
    connections.set(url, known);
    return known;
  };
  const inRedis = (url: string): ClosableCache => loaded().redisCache(connect(url));
  const cache = openCache(config, host, inRedis, siblings !== null);
  return {
    cache,
    ledger:
      store === 'memory'
        ? (siblings?.ledger ?? createLedger({ clock, spent }))
        : redisLedger({ client: connect(store), clock, log, spent }),
    async close() {
      await cache.close();
      for (const client of connections.values()) {
        // one that stands still would be waited for without end
        const late = new Promise(
          (_, reject) => void clock.setTimeout(() => reject(new Error('late')), CLOSE_MS),
        );
        if (client.isReady) await Promise.race([client.close(), late]).catch(() => client.destroy());
        else client.destroy();
      }
    },
  };
}

const CLOSE_MS = 1_000;

const isRedis = (store: string): boolean => /^rediss?:/.test(store);
