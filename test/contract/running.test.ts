// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own syntax
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT, runCli } from '../support/gateway.ts';
import { freePort, inferbridge, plainEnvironment, serve } from './start.ts';

const dirs: string[] = [];
function folder(files: Record<string, string> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'inferbridge-running-'));
  dirs.push(dir);
  // a package of its own, so that no configuration above it is found
  for (const [name, text] of Object.entries({ 'package.json': '{"name":"here"}', ...files }))
    writeFileSync(join(dir, name), text);
  return dir;
}
afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

const check = (dir: string, env: Record<string, string> = {}, ...args: string[]) =>
  runCli(['start', '--check', ...args], { cwd: dir, env });

describe('npm start in a fresh checkout', () => {
  it('installs, makes data and key, serves, and says what to do next', { timeout: 240_000 }, async ({
    skip,
  }) => {
    const dir = join(folder(), 'checkout');
    try {
      execFileSync('git', ['clone', '--quiet', ROOT, dir], { stdio: 'ignore' });
      execFileSync('npx', ['--yes', 'pnpm@12.21.0', '--version'], {
        env: plainEnvironment(),
        stdio: 'ignore',
      });
    } catch (error) {
      return skip(`no checkout, or no registry: ${String(error)}`);
    }
    const usual = await freePort(8585);
    const env: Record<string, string> = usual === null ? { INFERBRIDGE_PORT: '0' } : {};
    const running = await serve(['npm', 'start'], { cwd: dir, env, mostMs: 200_000 });
    try {
      if (usual !== null) expect(running.url).toBe('http://127.0.0.1:8585');
      expect((await fetch(`${running.url}/health`)).status).toBe(200);
      expect(existsSync(join(dir, 'data', 'accounts.sqlite'))).toBe(true);
      expect(statSync(join(dir, 'data', 'encryption.key')).mode & 0o777).toBe(0o600);
      for (const part of [
        join(dir, 'data', 'encryption.key'),
        'back it up',
        '/v1/users',
        '/v1/keys',
        'base_url=',
      ])
        expect(running.output()).toContain(part);
    } finally {
      await running.stop();
    }
  });
});

describe('the command line', () => {
  it('needs no configuration: the defaults hold, SQLite lies under ./data, and SIGTERM ends it with 0', async () => {
    const dir = folder();
    const running = await serve(inferbridge('start', '--port', '0'), { cwd: dir });
    expect(running.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${running.url}/health`)).status).toBe(200);
    for (const name of ['accounts.sqlite', 'logs.sqlite', 'encryption.key'])
      expect(existsSync(join(dir, 'data', name))).toBe(true);
    expect(await running.stop()).toBe(0);
  });

  it('--config, --host and --port win over the environment, which wins over the file', async () => {
    const [one, two] = [await freePort(), await freePort()];
    const file = JSON.stringify({ host: '127.0.0.9', port: 1, dataDir: './from-file' });
    const dir = folder({ 'a.json': file, 'b.json': '{"port":2}' });
    const env = {
      INFERBRIDGE_CONFIG: 'a.json',
      INFERBRIDGE_HOST: '127.0.0.1',
      INFERBRIDGE_PORT: String(one),
    };
    const by = async (command: string[], more: Record<string, string> = {}) => {
      const running = await serve(command, { cwd: dir, env: { ...env, ...more } });
      expect(await running.stop()).toBe(0);
      return running.url;
    };
    expect(await by(inferbridge('start'))).toBe(`http://127.0.0.1:${one}`);
    expect(existsSync(join(dir, 'from-file'))).toBe(true);
    const flags = ['--config', 'b.json', '--host', '127.0.0.2', '--port', String(two)];
    expect(await by(inferbridge('start', ...flags), { INFERBRIDGE_DATA_DIR: './from-env' })).toBe(
      `http://127.0.0.2:${two}`,
    );
    expect(existsSync(join(dir, 'from-env', 'accounts.sqlite'))).toBe(true);
  });

  it.each(['INFERBRIDGE_ENCRYPTION_KEY', 'AGNI_ENCRYPTION_KEY'])(
    '%s is the encryption key; none is made then',
    async (name) => {
      const key = (await runCli(['keys', 'generate'])).output.trim();
      const dir = folder();
      const env = { [name]: key, NODE_ENV: 'production' };
      const running = await serve(inferbridge('start', '--port', '0'), { cwd: dir, env });
      expect(running.output()).toContain('from the environment');
      expect(running.output()).not.toContain(key);
      expect(existsSync(join(dir, 'data', 'encryption.key'))).toBe(false);
      expect(await running.stop()).toBe(0);
    },
  );
});

describe('the configuration', () => {
  it.each([
    ['inferbridge.config.ts', 'const host: string = "127.0.0.3"; export default { host, port: 0 };'],
    ['inferbridge.config.mts', 'const host: string = "127.0.0.3"; export default { host, port: 0 };'],
    ['inferbridge.config.mjs', 'export default { host: "127.0.0.3", port: 0 };'],
    ['inferbridge.config.js', 'module.exports = { host: "127.0.0.3", port: 0 };'],
    ['inferbridge.config.json', '{"host":"127.0.0.3","port":0}'],
    ['inferbridge.config.yaml', 'host: 127.0.0.3\nport: 0\n'],
    ['inferbridge.config.yml', 'host: 127.0.0.3\nport: 0\n'],
    ['.inferbridgerc', 'host: 127.0.0.3\nport: 0\n'],
    ['.inferbridgerc.yaml', 'host: 127.0.0.3\nport: 0\n'],
    ['package.json', '{"name":"here","inferbridge":{"host":"127.0.0.3","port":0}}'],
  ])('is found as %s', async (name, text) => {
    const running = await serve(inferbridge('start'), { cwd: folder({ [name]: text }) });
    expect(running.url).toMatch(/^http:\/\/127\.0\.0\.3:/);
    await running.stop();
  });

  it('has paths that are relative to it, wherever the process runs', async () => {
    const dir = folder({ 'c.yaml': 'port: 0\ndataDir: ./beside\n' });
    const running = await serve(inferbridge('start', '--config', join(dir, 'c.yaml')), { cwd: folder() });
    expect(existsSync(join(dir, 'beside', 'accounts.sqlite'))).toBe(true);
    await running.stop();
  });

  it.each([
    ['logBodies: true', 'logBodies: unknown key'],
    ['prot: 1', 'prot: unknown key; did you mean "port"?'],
    ['cache: { ttlSecond: 60 }', 'cache.ttlSecond: unknown key; did you mean "ttlSeconds"?'],
    [
      'tiers: { t: { targets: ["openai:m"], timeout: {} } }',
      'tiers.t.timeout: unknown key; did you mean "timeouts"?',
    ],
    ['tiers: { t: { targets: ["nobody:m"] } }', 'tiers.t.targets[0]: no provider named "nobody"'],
    ['tiers: { t: { targets: [] } }', 'tiers.t.targets'],
    ['tiers: { t: { targets: [u] }, u: { targets: [t] } }', 'goes round in a circle'],
    [
      'tiers: { t: { strategy: [ab, { weights: [1] }], targets: ["openai:a", "openai:b"] } }',
      'tiers.t.strategy',
    ],
    ['providers: { openai: { apiKey: "${NOT_SET_HERE}" } }', 'NOT_SET_HERE is not set'],
    ['host: 0.0.0.0\nproviders: { openai: { apiKey: sk } }', 'signup: open'],
  ])('stops the start where it says %j, with path and remedy', async (text, said) => {
    const { code, output } = await check(folder({ 'inferbridge.config.yaml': text }));
    expect([code, output]).toEqual([1, expect.stringContaining(said)]);
  });

  it.each([
    ['tiers: { t: { targets: ["openai:made-up-today"] } }', {}],
    ['providers: { openai: { apiKey: "${MY_KEY}" } }', { MY_KEY: 'sk-x' }],
    ['host: 0.0.0.0\nsignup: token\nproviders: { openai: { apiKey: sk } }', {}],
    ['stages: [logger, auth, limits, cache, router]', {}],
    ['cache: { store: "redis://127.0.0.1:1" }', {}],
  ])('is taken where it says %j', async (text, env) => {
    const { code, output } = await check(folder({ 'inferbridge.config.yaml': text }), env);
    expect([code, output]).toEqual([0, expect.stringContaining('ok: ')]);
  });

  it('takes every line of the documented example', async () => {
    const dir = folder({ 'inferbridge.config.yaml': EXAMPLE });
    const { code, output } = await check(dir, { OPENAI_API_KEY: 'sk-x' });
    expect([code, output]).toEqual([0, expect.stringContaining('ok: ')]);
  });

  it('lays tiers, providers and aliases over the built-in ones', async () => {
    const config = {
      port: 0,
      tiers: { 'ib/mine': { targets: ['openai:m'] } },
      aliases: { a: 'ib/cheap' },
      providers: { openai: { apiKey: 'sk' } },
    };
    const dir = folder({ 'inferbridge.config.json': JSON.stringify(config) });
    const running = await serve(inferbridge('start'), { cwd: dir });
    const made = await fetch(`${running.url}/v1/users`, {
      method: 'POST',
      body: '{"email":"a@example.com"}',
    });
    const { api_key: key } = (await made.json()) as { api_key: string };
    for (const name of ['ib/mine', 'ib/cheap', 'ib/balanced', 'a']) {
      const found = await fetch(`${running.url}/v1/models/${name}`, {
        headers: { authorization: `Bearer ${key}` },
      });
      expect([name, found.status]).toEqual([name, 200]);
    }
    await running.stop();
  });

  it('with a database that this version does not open stops the start, and says so', async () => {
    const { code, output } = await check(
      folder({ 'inferbridge.config.yaml': 'database: "postgres://127.0.0.1:1/x"' }),
    );
    expect([code, output]).toEqual([1, expect.stringContaining('database: PostgreSQL is not supported')]);
  });

  it('with several workers is a configuration like any other', async () => {
    const { code, output } = await check(folder({ 'inferbridge.config.yaml': 'workers: 4' }));
    expect([code, output]).toEqual([0, expect.stringContaining('ok: ')]);
    expect(output).not.toContain('workers');
  });
});

const EXAMPLE = `host: 127.0.0.1
port: 8585
dataDir: ./data
database: sqlite
bodyLimitBytes: 33554432
workers: 1
cors: { origins: [] }
cache: { store: sqlite, scope: user, ttlSeconds: 3600, staleSeconds: 0, always: false, memoryBytes: 67108864 }
signup: open
limits: { rpm: 600, tpm: 1000000, usdPerDay: 5, signupsPerMinute: 60, inFlight: 2000 }
retentionDays: 30
logFileMaxBytes: 4294967296
strictFields: false
selfHosted: { privateAddresses: false }
faults: false
plugins: []
aliases: { gpt-4o-mini: ib/balanced, fast: "groq:openai/gpt-oss-20b" }
providers:
  openai: { baseUrl: "https://api.openai.com/v1", apiKey: "\${OPENAI_API_KEY}" }
  acme: { use: openai-compatible, baseUrl: "https://llm.acme.example/v1", residency: eu, prices: { "acme-1": { input: 0.5, output: 1.5 } } }
tiers:
  ib/balanced: { strategy: priority, targets: ["openai:gpt-6.1-terra", "sarvam:sarvam-105b", "anthropic:claude-sonnet-5-5"] }
  ib/fast: { strategy: [hedge, { afterMs: 300 }], targets: ["groq:openai/gpt-oss-120b", "openai:gpt-6-luna"], timeouts: { firstContentMs: 5000 } }
  ib/trial: { strategy: [ab, { weights: [90, 10], by: user }], targets: ["openai:gpt-6.1-terra", { strategy: priority, targets: ["anthropic:claude-sonnet-5-5", "openai:gpt-6.1-terra"] }] }
  mine: { targets: ["openai:a", "acme:acme-1"], timeouts: { connectMs: 1, headersMs: 1, firstContentMs: 1, idleMs: 1, totalMs: 1 }, retries: 1, fallbackOn: { content_policy: true }, breaker: { failures: 1, openMs: 1 }, maxUsd: 1, cache: true }
stages: [logger, auth, limits, cache, router]
`;
