import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type GatewayOptions, startGateway, type TestGateway } from '../support/gateway.ts';

const PRELOAD = fileURLToPath(new URL('./clock-preload.ts', import.meta.url));

/** A real gateway on a machine whose clock can be put forward. */
export interface TimedGateway extends TestGateway {
  /** So many seconds ahead of the clock on the wall from now on. */
  ahead(seconds: number): Promise<void>;
}

export async function startTimed({
  aheadSeconds = 0,
  ...options
}: Omit<GatewayOptions, 'nodeArgs' | 'env'> & { aheadSeconds?: number } = {}): Promise<TimedGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'inferbridge-clock-'));
  const file = join(folder, 'seconds');
  writeFileSync(file, String(aheadSeconds));
  const gateway = await startGateway({
    ...options,
    env: { CLOCK_FILE: file },
    nodeArgs: ['--import', PRELOAD],
  });
  const tidy = () => rmSync(folder, { recursive: true, force: true });
  return {
    ...gateway,
    async ahead(seconds) {
      writeFileSync(file, String(seconds));
      process.kill(gateway.pid, 'SIGUSR2');
      await pause(60);
    },
    stop: () => gateway.stop().finally(tidy),
    close: () => gateway.close().finally(tidy),
  };
}
