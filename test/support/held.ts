import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { TestGateway } from './gateway.ts';

/** What a gateway needs for `held`. */
export const INSPECTED: readonly string[] = [
  '--expose-gc',
  '--import',
  new URL('./inspect-process.ts', import.meta.url).href,
];

export interface Held {
  /** Bytes, after a garbage collection. */
  readonly heap: number;
  /** Resident, bytes. */
  readonly rss: number;
  readonly sockets: number;
  readonly timers: number;
  /** Open file handles. */
  readonly files: number;
}

/** What the gateway process holds: it prints it when it gets SIGUSR2. */
export async function held(gateway: TestGateway): Promise<Held> {
  const before = gateway.output().length;
  process.kill(gateway.pid, 'SIGUSR2');
  for (let i = 0; i < 100; i++) {
    await pause(50);
    const found = /held (\{.*\})/.exec(gateway.output().slice(before))?.[1];
    if (found)
      return {
        ...(JSON.parse(found) as Omit<Held, 'files'>), // as the process prints it
        files: readdirSync(`/proc/${gateway.pid}/fd`).length,
      };
  }
  throw new Error('the gateway did not tell what it holds');
}

/** Waits until no more is left than that: connections that nobody uses any more close one by one; what never closes is a leak. */
export async function rest(gateway: TestGateway, most = { sockets: 20, files: 80 }): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const { sockets, files } = await held(gateway);
    if (sockets <= most.sockets && files <= most.files) return;
    await pause(500);
  }
}
