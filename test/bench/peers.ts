import { type ChildProcess, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startOn, stopChild } from './child.ts';

/** Other gateways and proxies, measured beside this one where they are at hand. */
export type PeerName = 'nginx' | 'haproxy' | 'portkey' | 'litellm';

export interface Peer {
  readonly name: PeerName;
  readonly version: string;
  readonly port: number;
  readonly pid: number;
  readonly model?: string;
  readonly key?: string;
  /** More header lines, each with its line end. */
  readonly headers?: string;
  stop(): Promise<void>;
}

export interface Peers {
  readonly running: readonly Peer[];
  /** Name and how to have it. */
  readonly missing: Readonly<Record<string, string>>;
}

const PORTKEY = '1.15.2';
/** Outside of the repository: what is measured beside it is no part of it. */
const FOLDER = process.env['INFERBRIDGE_BENCH_PEERS'] ?? join(homedir(), '.cache', 'inferbridge-bench');
const LITELLM_KEY = 'sk-bench-0123456789';

/** Node's own and Python's packages go to the folder above; the rest is the system's. */
export function installPeers(): void {
  mkdirSync(FOLDER, { recursive: true });
  const run = (command: string, ...args: string[]) => {
    process.stderr.write(`${command} ${args.join(' ')}\n`);
    spawnSync(command, args, { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'] });
  };
  run('npm', 'install', '--no-save', '--prefix', FOLDER, `@portkey-ai/gateway@${PORTKEY}`);
  run('python3', '-m', 'venv', join(FOLDER, 'litellm'));
  run(join(FOLDER, 'litellm', 'bin', 'pip'), 'install', '-q', 'litellm[proxy]');
}

/** Starts whoever is there, each as one process on the core of the server under test. `dir` is for what they need. */
export async function startPeers(upstreamPort: number, dir: string): Promise<Peers> {
  const running: Peer[] = [];
  const missing: Record<string, string> = {};
  const note = (peer: Peer | string, name: PeerName) => {
    if (typeof peer === 'string') missing[name] = peer;
    else running.push(peer);
  };
  note(await proxy(NGINX, upstreamPort, dir), 'nginx');
  note(await proxy(HAPROXY, upstreamPort, dir), 'haproxy');
  note(await portkey(upstreamPort), 'portkey');
  note(await litellm(upstreamPort, dir), 'litellm');
  return { running, missing };
}

/** A program of the system that reads its configuration from a file. */
interface Proxy {
  readonly name: 'nginx' | 'haproxy';
  readonly args: (file: string, dir: string) => readonly string[];
  readonly config: (port: number, upstreamPort: number, dir: string) => string;
}

async function proxy(
  { name, args, config }: Proxy,
  upstreamPort: number,
  dir: string,
): Promise<Peer | string> {
  const version = versionOf(name, '-v');
  if (version === null) return `apt-get install ${name}`;
  const port = await freePort();
  const file = join(dir, `${name}.conf`);
  writeFileSync(file, config(port, upstreamPort, dir));
  const child = startOn('server', [name, ...args(file, dir)], { stdio: 'pipe' });
  return serving(child, { name, version, port });
}

const NGINX: Proxy = {
  name: 'nginx',
  args: (file, dir) => ['-c', file, '-p', dir],
  config: (
    port,
    upstreamPort,
    dir,
  ) => `daemon off; master_process off; worker_processes 1; pid ${dir}/nginx.pid; error_log /dev/null;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path ${dir}/nginx-body; proxy_temp_path ${dir}/nginx-proxy;
  fastcgi_temp_path ${dir}/nginx-f; uwsgi_temp_path ${dir}/nginx-u; scgi_temp_path ${dir}/nginx-s;
  client_body_buffer_size 1m; keepalive_requests 1000000000;
  upstream mock { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
  }
}
`,
};

const HAPROXY: Proxy = {
  name: 'haproxy',
  args: (file) => ['-db', '-f', file],
  config: (port, upstreamPort) => `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
  option http-no-delay
frontend in
  bind 127.0.0.1:${port} backlog 4096
  default_backend mock
backend mock
  server mock 127.0.0.1:${upstreamPort}
`,
};

async function portkey(upstreamPort: number): Promise<Peer | string> {
  const program = join(FOLDER, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  if (!existsSync(program)) return 'npx pnpm bench --install-peers';
  const manifest: unknown = JSON.parse(readFileSync(join(program, '../../package.json'), 'utf8'));
  const port = await freePort();
  const child = startOn('server', [process.execPath, program, `--port=${port}`, '--headless'], {
    stdio: 'pipe',
    env: { ...process.env, NODE_ENV: 'production' },
  });
  return serving(child, {
    name: 'portkey',
    version: String((manifest as { version?: unknown }).version), // any manifest has one
    port,
    model: 'gpt-6-luna',
    headers: `x-portkey-provider: openai\r\nx-portkey-custom-host: http://127.0.0.1:${upstreamPort}/v1\r\n`,
  });
}

async function litellm(upstreamPort: number, dir: string): Promise<Peer | string> {
  const bin = join(FOLDER, 'litellm', 'bin');
  if (!existsSync(join(bin, 'litellm'))) return 'npx pnpm bench --install-peers';
  const version =
    /^Version: (.*)$/m.exec(output(join(bin, 'pip'), 'show', 'litellm') ?? '')?.[1] ?? 'unknown';
  const port = await freePort();
  const file = join(dir, 'litellm.yaml');
  writeFileSync(
    file,
    `model_list:
  - model_name: bench
    litellm_params: { model: openai/gpt-4o-mini, api_base: "http://127.0.0.1:${upstreamPort}/v1", api_key: sk-bench }
general_settings: { master_key: ${LITELLM_KEY} }
`,
  );
  const args = ['--config', file, '--port', String(port), '--host', '127.0.0.1', '--num_workers', '1'];
  const child = startOn('server', [join(bin, 'litellm'), ...args], {
    stdio: 'pipe',
    env: { ...process.env, LITELLM_LOG: 'ERROR', NO_COLOR: '1' },
  });
  return serving(child, { name: 'litellm', version, port, model: 'bench', key: LITELLM_KEY });
}

const START_MS = 90_000;

/** Waits until it answers; a text where it does not. */
async function serving(child: ChildProcess, about: Omit<Peer, 'pid' | 'stop'>): Promise<Peer | string> {
  child.stdout?.resume();
  child.stderr?.resume();
  for (const until = performance.now() + START_MS; performance.now() < until; ) {
    if (child.exitCode !== null) return `it ended with ${child.exitCode}`;
    const there = await fetch(`http://127.0.0.1:${about.port}/`).then(
      (response) => response.body?.cancel().then(() => true) ?? true,
      () => false,
    );
    if (there)
      return {
        ...about,
        pid: child.pid ?? 0,
        stop: () => stopChild(child, 'SIGTERM').then(() => {}),
      };
    await sleep(100);
  }
  await stopChild(child, 'SIGKILL');
  return `it did not answer within ${START_MS / 1000} s`;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function output(command: string, ...args: string[]): string | null {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? `${stdout}${stderr}` : null;
}

const versionOf = (command: string, flag: string): string | null => {
  const told = output(command, flag);
  return told === null ? null : (/(\d+\.\d+[\w.]*)/.exec(told)?.[1] ?? 'unknown');
};
