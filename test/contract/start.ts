import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ROOT } from '../support/gateway.ts';

const CLI = join(ROOT, 'packages/server/src/cli.ts');

export interface Started {
  readonly url: string;
  output(): string;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** This process's environment without the gateway's own variables, the test runner's and the repository's commands. */
export function plainEnvironment(more: Record<string, string> = {}): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && !/^(INFERBRIDGE|AGNI|NODE_|VITEST|npm_)/.test(name),
  );
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((part) => !part.includes('node_modules'));
  return { ...(Object.fromEntries(kept) as Record<string, string>), PATH: path.join(delimiter), ...more };
}

/** Runs a command that serves, in a process group of its own, until it says where. */
export async function serve(
  command: readonly string[],
  { cwd, env = {}, mostMs = 20_000 }: { cwd: string; env?: Record<string, string>; mostMs?: number },
): Promise<Started> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    cwd,
    env: plainEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece));
  child.stderr.on('data', (piece: Buffer) => (output += piece));
  const gone = once(child, 'exit') as Promise<[number | null]>;
  const end = Date.now() + mostMs;
  for (;;) {
    const url = /serves on (http:\S+)/.exec(output)?.[1];
    if (url)
      return {
        url,
        output: () => output,
        async stop() {
          process.kill(-(child.pid ?? 0), 'SIGTERM');
          return (await gone)[0];
        },
      };
    if (child.exitCode !== null || Date.now() > end) break;
    await pause(25);
  }
  if (child.exitCode === null) process.kill(-(child.pid ?? 0), 'SIGKILL');
  throw new Error(`it did not start:\n${output}`);
}

/** The command line, from the sources. */
export const inferbridge = (...args: string[]): string[] => [process.execPath, CLI, ...args];

export async function freePort(wanted = 0): Promise<number | null> {
  const server = createServer();
  server.listen(wanted, '127.0.0.1');
  const bound = await Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error').then(() => false),
  ]);
  if (!bound) return null;
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
