import type { Log } from '@inferbridge/core';
import KeyvRedis from '@keyv/redis';
import { createClient } from '@redis/client';
import { Keyv } from 'keyv';
import type { ClosableCache } from './cache-file.ts';
import { keyvStore } from './keyv-store.ts';

/** What is asked of Redis here; its client's own types do not fit between two copies of them. */
export interface Redis {
  readonly isReady: boolean;
  readonly isOpen: boolean;
  sendCommand(parts: string[]): Promise<unknown>;
  scanIterator(options: { MATCH: string; COUNT: number }): AsyncIterable<string[]>;
  unlink(keys: string[]): Promise<unknown>;
  ping(): Promise<unknown>;
  close(): Promise<unknown>;
  destroy(): void;
}

const LONGEST_PAUSE_MS = 2_000;

/**
 * A connection that is made when it can be, and made again when it is lost. While there is none, commands fail at once:
 * nothing queues, since nobody waits.
 */
export function connectRedis(url: string, log: Log): Redis {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: 2_000,
      reconnectStrategy: (tries) => Math.min(LONGEST_PAUSE_MS, 50 * 2 ** tries),
    },
  });
  client.on('error', () => {}); // whoever asks is told by what it asked for
  client.connect().catch((error: unknown) => {
    log.error(
      { why: String((error as { code?: unknown } | null)?.code ?? error) },
      'Redis cannot be reached',
    ); // whatever was thrown
  });
  return client as unknown as Redis;
}

const NAMESPACE = 'inferbridge-cache';

/** Its client reads texts; what is not one is no entry when it comes back. Redis itself knows when a key expires. */
const asText = {
  stringify: (wrapped: unknown): string => String((wrapped as { value: unknown }).value), // what Keyv wraps every value in
  parse: <T>(text: string): T => ({ value: text }) as T, // the same again
};

/** Cached answers in Redis, which forgets them by itself when they have expired. */
export function redisCache(client: Redis): ClosableCache {
  const adapter = new KeyvRedis(client as never, {
    namespace: NAMESPACE,
    throwOnErrors: true,
    throwOnConnectError: true,
  }); // the same client of another copy of its types
  const store = keyvStore(
    new Keyv({ store: adapter, namespace: NAMESPACE, serialization: asText, throwOnErrors: true }),
  );
  const ready = <T>(work: () => Promise<T> | undefined): Promise<T> =>
    client.isReady ? (work() as Promise<T>) : Promise.reject(new Error('not connected')); // every method that is asked for is there
  return {
    get: (key) => ready(() => store.get(key)),
    getMany: (keys) => ready(() => store.getMany?.(keys)),
    set: (key, value, ttl) => ready(() => store.set(key, value, ttl)),
    setMany: (entries) => ready(() => store.setMany?.(entries)),
    delete: (key) => ready(() => store.delete(key)),
    async forget(prefix) {
      for await (const keys of client.scanIterator({ MATCH: `${NAMESPACE}*${prefix}*`, COUNT: 500 }))
        if (keys.length > 0) await client.unlink(keys);
    },
    close: async () => {}, // the connection is others' as well
  };
}
