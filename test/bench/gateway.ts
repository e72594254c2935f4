import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNode, stopChild } from './child.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CLI = join(ROOT, 'packages/server/src/cli.ts');
const START_MS = 20_000;

/** A gateway that serves, and how long that took it. */
export interface BenchGateway {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** From the spawn to the first 200 of `/health`. */
  readonly startMs: number;
  /** SIGTERM; rejects where it does not exit with 0. */
  stop(): Promise<void>;
}

export interface GatewayOptions {
  readonly upstreamPort: number;
  readonly dir: string;
  readonly nodeArgs?: readonly string[];
  /** More of the configuration. */
  readonly config?: object;
}

let encryptionKey: string | null = null;
const OPERATOR = 'ib_admin_of_the_benchmark_0123456789';

/** The real server as in production, with everything on, its vendors at the mock upstream. */
export async function startGateway({
  upstreamPort,
  dir,
  nodeArgs = [],
  config = {},
}: GatewayOptions): Promise<BenchGateway> {
  encryptionKey ??= await generatedKey();
  const file = join(dir, 'inferbridge.config.json');
  const baseUrl = `http://127.0.0.1:${upstreamPort}/v1`;
  writeFileSync(
    file,
    JSON.stringify({ port: 0, providers: { openai: { baseUrl }, anthropic: { baseUrl } }, ...config }),
  );
  const env = {
    ...clean(process.env),
    NODE_ENV: 'production',
    INFERBRIDGE_ENCRYPTION_KEY: encryptionKey,
    INFERBRIDGE_ADMIN_KEY: OPERATOR,
  };
  const spawnedAt = performance.now();
  const child = startNode('server', [...nodeArgs, CLI, 'start', '--config', file], {
    cwd: dir,
    env,
    stdio: 'pipe',
  });
  const url = await serving(child);
  const { status } = await fetch(`${url}/health`);
  const startMs = performance.now() - spawnedAt;
  if (status !== 200) throw new Error(`/health answered with ${status}`);
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    startMs,
    async stop() {
      const code = await stopChild(child, 'SIGTERM');
      if (code !== 0) throw new Error(`the gateway ended with ${code}`);
    },
  };
}

/** A folder for one gateway; `remove` takes it away. */
export function temporaryFolder(): { dir: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'inferbridge-bench-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Limits that nobody reaches, so that all of them are kept account of. */
const LIMITS = { rpm: 1e9, tpm: 1e12, usd_per_day: 1e5, usd_per_month: 1e6 };

/** Signs a user up and registers a key for each vendor that the benchmark uses. */
export async function signUp(gateway: BenchGateway, { limited = false } = {}): Promise<string> {
  const { api_key: key } = limited
    ? await post<{ api_key: string }>(gateway, '/v1/admin/users', OPERATOR, {
        email: 'limited@example.com',
        limits: LIMITS,
      })
    : await post<{ api_key: string }>(gateway, '/v1/users', null, { email: 'bench@example.com' });
  for (const provider of ['openai', 'anthropic'])
    await post(gateway, '/v1/keys', key, { provider, api_key: `sk-bench-${provider}-0123456789` });
  return key;
}

/** What the request log holds of this user. */
export interface Logged {
  readonly totals: { readonly requests: number; readonly cost_usd: string };
  readonly by_status: Readonly<Record<string, { readonly requests: number }>>;
}

/** Asks for the user's statistics, which writes the rows that wait. */
export async function logged({ url }: BenchGateway, key: string): Promise<Logged> {
  const response = await fetch(`${url}/v1/stats`, { headers: { authorization: `Bearer ${key}` } });
  if (response.status !== 200) throw new Error(`/v1/stats answered with ${response.status}`);
  return (await response.json()) as Logged; // the gateway's own shape
}

async function post<Answer>(
  { url }: BenchGateway,
  path: string,
  key: string | null,
  body: object,
): Promise<Answer> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key !== null && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify(body),
  });
  if (response.status !== 201)
    throw new Error(`POST ${path} answered with ${response.status}: ${await response.text()}`);
  return (await response.json()) as Answer; // the gateway's own shape
}

async function generatedKey(): Promise<string> {
  const child = startNode('load', [CLI, 'keys', 'generate'], { env: clean(process.env), stdio: 'pipe' });
  let printed = '';
  for await (const piece of child.stdout ?? []) printed += piece;
  if (printed.trim() === '') throw new Error('`inferbridge keys generate` printed nothing');
  return printed.trim();
}

/** Nothing of this shell's own settings reaches the gateway. */
const clean = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(INFERBRIDGE|AGNI|NODE|VITEST|npm_)/.test(name)),
  );

/** The address that it prints once it listens. */
function serving(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = '';
    const failed = (why: string) => {
      child.kill('SIGKILL');
      reject(new Error(`the gateway ${why}:\n${printed}`));
    };
    const timer = setTimeout(() => failed('did not serve in time'), START_MS);
    child.once('exit', (code) => {
      clearTimeout(timer);
      failed(`ended with ${code}`);
    });
    child.stderr?.on('data', (piece) => (printed = (printed + piece).slice(-4_000)));
    child.stdout?.on('data', (piece) => {
      printed = (printed + piece).slice(-4_000);
      const url = /serves on (http:\S+)/.exec(printed)?.[1];
      if (!url) return;
      clearTimeout(timer);
      resolve(url);
    });
  });
}
