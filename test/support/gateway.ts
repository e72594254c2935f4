import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CLI = join(ROOT, 'packages/server/src/cli.ts');

/** A gateway as a process of its own. */
export interface TestGateway {
  readonly url: string;
  readonly dir: string;
  readonly pid: number;
  /** All that it has printed. */
  output(): string;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  kill(signal: NodeJS.Signals): Promise<number | null>;
  /** Stops it and removes its folder. */
  close(): Promise<void>;
  fetch(path: string, init?: RequestInit & { key?: string }): Promise<Response>;
}

export interface GatewayOptions {
  readonly config?: object;
  readonly env?: Record<string, string>;
  /** A folder of an earlier run. */
  readonly dir?: string;
  readonly nodeArgs?: readonly string[];
}

/** Starts the real server with this configuration and waits until it serves. */
export async function startGateway({
  config = {},
  env = {},
  dir = mkdtempSync(join(tmpdir(), 'inferbridge-')),
  nodeArgs = [],
}: GatewayOptions = {}): Promise<TestGateway> {
  const file = join(dir, 'inferbridge.config.json');
  writeFileSync(
    file,
    JSON.stringify({ port: 0, limits: { signupsPerMinute: 100_000, inFlight: 10_000 }, ...config }),
  );
  const child = spawn(process.execPath, [...nodeArgs, CLI, 'start', '--config', file], {
    cwd: dir,
    env: { ...cleanEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  child.stdout.on('data', (piece: Buffer) => (printed += piece));
  child.stderr.on('data', (piece: Buffer) => (printed += piece));
  const url = await serving(child, () => printed);
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const gone = once(child, 'exit');
    child.kill(signal);
    const [code] = (await gone) as [number | null];
    return code;
  };
  return {
    url,
    dir,
    pid: child.pid ?? 0,
    output: () => printed,
    stop: () => end('SIGTERM'),
    kill: end,
    async close() {
      await end('SIGTERM');
      rmSync(dir, { recursive: true, force: true });
    },
    fetch: (path, { key, headers, ...init } = {}) =>
      fetch(url + path, {
        ...init,
        headers: {
          ...(key && { authorization: `Bearer ${key}` }),
          ...(init.body ? { 'content-type': 'application/json' } : {}),
          ...(headers as Record<string, string>),
        },
      }),
  };
}

/** Runs the command line to its end. */
export async function runCli(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: options.cwd ?? ROOT,
    env: { ...cleanEnv(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece));
  child.stderr.on('data', (piece: Buffer) => (output += piece));
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, output };
}

function cleanEnv(): Record<string, string> {
  const keep = Object.entries(process.env).filter(
    ([name, value]) =>
      value !== undefined && !/^(INFERBRIDGE|AGNI)_|^NODE_ENV$|^NODE_OPTIONS$|^VITEST/.test(name),
  );
  return Object.fromEntries(keep) as Record<string, string>;
}

async function serving(child: ChildProcess, printed: () => string): Promise<string> {
  for (let i = 0; i < 600; i++) {
    const url = /serves on (http:\S+)/.exec(printed())?.[1];
    if (url) return url;
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  child.kill('SIGKILL');
  throw new Error(`the gateway did not start:\n${printed()}`);
}
