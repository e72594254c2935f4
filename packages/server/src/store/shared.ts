import type { Host } from '@inferbridge/core';
import { createLedger, type Ledger, type LedgerOptions } from '@inferbridge/plugins';
import type { Config } from '../config/schema.ts';
import { type Cache, openCache } from './cache.ts';
import { connectRedis, type Redis } from './redis.ts';
import { redisLedger } from './redis-ledger.ts';

/** What several processes may share: cached answers, and what callers have used. */
export interface SharedStores {
  readonly cache: Cache;
  readonly ledger: Ledger;
  close(): Promise<void>;
}

/** Opens them where the configuration says; one connection for each address. */
export function openShared(
  config: Pick<Config, 'cache' | 'limits' | 'dataDir'>,
  host: Host,
  spent: NonNullable<LedgerOptions['spent']>,
): SharedStores {
  const connections = new Map<string, Redis>();
  const connect = (url: string): Redis => {
    const known = connections.get(url) ?? connectRedis(url, host.log);
    connections.set(url, known);
    return known;
  };
  const cache = openCache(config, host, connect);
  const { clock, log } = host;
  const { store = isRedis(config.cache.store) ? config.cache.store : 'memory' } = config.limits;
  return {
    cache,
    ledger:
      store === 'memory'
        ? createLedger({ clock, spent })
        : redisLedger({ client: connect(store), clock, log, spent }),
    async close() {
      await cache.close();
      for (const client of connections.values()) {
        if (client.isReady) await client.close().catch(() => client.destroy());
        else client.destroy();
      }
    },
  };
}

export const isRedis = (store: string): boolean => /^rediss?:/.test(store);
