import type { Worker } from 'node:cluster';
import type { Log } from '@inferbridge/core';
import { pino } from 'pino';
import { type Flags, type Loaded, loadConfig } from '../config/load.ts';
import { check, start } from '../lifecycle.ts';
import { collectAfterStart } from './after-start.ts';
import { welcome } from './welcome.ts';

export interface StartFlags extends Flags {
  readonly check?: boolean | undefined;
}

/** `inferbridge start`: serves until it is told to stop. Resolves with the exit code. */
export async function startCommand(flags: StartFlags): Promise<number> {
  const loaded = await loadConfig(flags);
  const log = serverLog();
  if (flags.check) {
    const notes = await check(loaded, log);
    for (const note of notes) process.stdout.write(`note: ${note}\n`);
    process.stdout.write(`ok: ${loaded.file ?? 'no configuration file, the defaults hold'}\n`);
    return 0;
  }
  if (loaded.config.workers === 1) return serve(loaded, log);
  const { default: cluster } = await import('node:cluster');
  return cluster.worker ? serveAsWorker(loaded, cluster.worker) : serveWithWorkers(loaded, log);
}

/** Lines of the server itself; requests are rows in the request log, not lines here. */
const serverLog = (base: Readonly<Record<string, number>> | null = null) =>
  pino(
    {
      base,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: {
        err: ({ name, message, code, stack }: Error & { code?: unknown }) => ({ name, message, code, stack }),
      },
    },
    pino.destination({ dest: 2, sync: true }),
  );

async function serve(loaded: Loaded, log: Log): Promise<number> {
  const { url, bridge, stop } = await start(loaded, log);
  process.stdout.write(welcome({ url, ...bridge }, loaded));
  collectAfterStart(bridge);
  return untilStopped(log, async () => {
    await stop();
    return 0;
  });
}

/** This process starts the others, counts limits for all of them and looks after the stores; requests are theirs. */
async function serveWithWorkers(loaded: Loaded, log: Log): Promise<number> {
  const { serveAll } = await import('../workers/serve.ts');
  const { url, key, operatorKey, stop, kill } = await serveAll(loaded, log);
  process.stdout.write(welcome({ url, key, operatorKey }, loaded));
  collectAfterStart({ busy: () => false, calls: () => 0 });
  return untilStopped(log, stop, kill);
}

async function serveAsWorker(loaded: Loaded, worker: Worker): Promise<number> {
  const { siblingsOver } = await import('../workers/siblings.ts');
  const log = serverLog({ worker: worker.id });
  const siblings = siblingsOver(
    {
      send: (message) => {
        if (worker.isConnected()) worker.send(message);
      },
      hear: (on) => void worker.on('message', on),
    },
    loaded.config.workers,
    log,
  );
  const { url, bridge, stop } = await start(loaded, log, siblings);
  worker.send({ kind: 'serving', url });
  collectAfterStart(bridge);
  // signals to all at once come twice, from a terminal or a service manager and from the process that started this one
  process.on('SIGINT', () => {});
  return untilStopped(
    log,
    async () => {
      await stop();
      return 0;
    },
    null,
    ['SIGTERM'],
  );
}

/** Until a signal or an error that nobody caught; resolves with the exit code. A second signal ends it at once, unless `kill` is `null`. */
function untilStopped(
  log: Log,
  end: () => Promise<number>,
  kill: (() => void) | null = () => {},
  signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'],
): Promise<number> {
  return new Promise((resolve) => {
    let stopping = false;
    const stop = (signal: NodeJS.Signals) => {
      if (stopping && !kill) return;
      if (stopping) {
        kill?.();
        process.exit(1);
      }
      stopping = true;
      log.info({ signal }, 'stopping: open requests may finish');
      end().then(resolve, (error) => {
        log.error({ err: error }, 'the stop failed');
        resolve(1);
      });
    };
    for (const signal of signals) process.on(signal, stop);
    process.on('uncaughtException', (error) => {
      log.error({ err: error }, 'an error that nobody caught; stopping');
      stop('SIGTERM');
      setTimeout(() => process.exit(1), 10_000).unref();
    });
  });
}
