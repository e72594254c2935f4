import { pino } from 'pino';
import { type Flags, type Loaded, loadConfig } from '../config/load.ts';
import { check, start } from '../lifecycle.ts';
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
  return serve(loaded, log);
}

/** Lines of the server itself; requests are rows in the request log, not lines here. */
const serverLog = () =>
  pino(
    {
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: {
        err: ({ name, message, code, stack }: Error & { code?: unknown }) => ({ name, message, code, stack }),
      },
    },
    pino.destination({ dest: 2, sync: true }),
  );

async function serve(loaded: Loaded, log: ReturnType<typeof serverLog>): Promise<number> {
  const running = await start(loaded, log);
  process.stdout.write(welcome(running, loaded));
  return new Promise((resolve) => {
    let stopping = false;
    const stop = (signal: NodeJS.Signals) => {
      if (stopping) process.exit(1);
      stopping = true;
      log.info({ signal }, 'stopping: open requests may finish');
      running.stop().then(
        () => resolve(0),
        (error) => {
          log.error({ err: error }, 'the stop failed');
          resolve(1);
        },
      );
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    process.on('uncaughtException', (error) => {
      log.fatal({ err: error }, 'an error that nobody caught; stopping');
      stop('SIGTERM');
      setTimeout(() => process.exit(1), 10_000).unref();
    });
  });
}
