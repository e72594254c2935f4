import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A Redis of its own, on a free port, that keeps nothing on disk. */
export interface TestRedis {
  readonly url: string;
  /** Ends the process without a word. */
  kill(): Promise<void>;
  /** The same port again, empty. */
  start(): Promise<void>;
  /** Stands still: connections stay open, nothing answers. */
  freeze(): void;
  thaw(): void;
  cli(...parts: string[]): string;
  close(): Promise<void>;
}

/** Is there a Redis on this machine? Tests that need one skip where there is none, and say so. */
export const hasRedis = (): boolean => {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

export async function startRedis(...options: string[]): Promise<TestRedis> {
  const dir = mkdtempSync(join(tmpdir(), 'inferbridge-redis-'));
  const port = await freePort();
  let child: ChildProcess | null = null;
  const start = async () => {
    child = spawn(
      'redis-server',
      ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', dir, ...options],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let printed = '';
    for await (const piece of child.stdout ?? []) {
      printed += String(piece);
      if (printed.includes('Ready to accept connections')) break;
    }
    child.stdout?.resume();
  };
  const end = async (signal: NodeJS.Signals) => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    kill: () => end('SIGKILL'),
    start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    cli: (...parts) => execFileSync('redis-cli', ['-p', String(port), ...parts], { encoding: 'utf8' }),
    async close() {
      child?.kill('SIGCONT');
      await end('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
