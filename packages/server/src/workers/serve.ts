import type { Log } from '@inferbridge/core';
import { createTransport } from '@inferbridge/providers';
import { openStores } from '../build/stores.ts';
import type { Loaded } from '../config/load.ts';
import { gatewayHost } from '../gateway.ts';
import { check } from '../lifecycle.ts';
import type { EncryptionKey } from '../secrets/encryption-key.ts';
import { startWorkers, type Workers } from './primary.ts';

/** Several processes that serve, and this one, which looks after what they share. */
export interface Cluster {
  readonly url: string;
  readonly key: EncryptionKey;
  readonly operatorKey: string | null;
  stop(): Promise<number>;
  kill(): void;
}

/** Opens the stores first, so that what is made at a first start is made once. Throws a `ConfigError`. */
export async function serveAll(loaded: Loaded, log: Log): Promise<Cluster> {
  for (const note of await check(loaded, log)) log.warn({}, note);
  const transport = createTransport(); // nothing is asked of anybody here
  let workers: Workers | null = null;
  const stores = await openStores(loaded, gatewayHost(transport.send, log), {
    count: loaded.config.workers,
    ledger: null,
    housekeeping: true,
    forget() {},
    purge() {},
    flush: async () => workers?.flush(),
    forgetCached: (owner) => workers?.forgetCached(owner),
    listen() {},
  });
  workers = startWorkers({
    count: loaded.config.workers,
    ledger: stores.shared.ledger,
    purge: stores.purges.now,
    log,
  });
  const close = async () => {
    await stores.close();
    await transport.close();
  };
  try {
    const url = await workers.serve();
    return {
      url,
      key: stores.key,
      operatorKey: stores.operatorKey,
      async stop() {
        const code = (await workers?.stop()) ?? 0;
        await close();
        return code;
      },
      kill: () => workers?.kill(),
    };
  } catch (error) {
    workers.kill();
    await close();
    throw error;
  }
}
