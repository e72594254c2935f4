import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { runCli, startGateway } from '../support/gateway.ts';

const dirs: string[] = [];
const folder = () => {
  const dir = mkdtempSync(join(tmpdir(), 'inferbridge-start-'));
  dirs.push(dir);
  return dir;
};
afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

/** Starts with this configuration, expecting that it does not. */
async function refused(config: object | string, env: Record<string, string> = {}): Promise<string> {
  const dir = folder();
  const file = join(dir, typeof config === 'string' ? 'inferbridge.config.yaml' : 'inferbridge.config.json');
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify({ port: 0, ...config }));
  const { code, output } = await runCli(['start', '--config', file], { cwd: dir, env });
  expect(code).toBe(1);
  expect(existsSync(join(dir, 'data', 'accounts.sqlite'))).toBe(false);
  return output;
}

describe('a configuration that cannot be used stops the start, with the path and the remedy', () => {
  it.each([
    [{ prot: 1 }, 'prot: unknown key; did you mean "port"?'],
    [{ port: 'eighty' }, 'port: '],
    [{ providers: { openai: { baseurl: 'https://x.example' } } }, 'providers.openai'],
    [
      { providers: { openai: { baseUrl: 'nonsense' } } },
      'providers.openai.baseUrl: an http(s) URL is wanted',
    ],
    [{ providers: { acme: {} } }, 'providers.acme: no provider named "acme"'],
    [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the configuration's own placeholder
      { providers: { openai: { apiKey: '${NOT_SET_ANYWHERE}' } } },
      'providers.openai.apiKey: the environment variable NOT_SET_ANYWHERE is not set',
    ],
    [
      { tiers: { 'ib/x': { targets: ['opnai:gpt'] } } },
      'tiers.ib/x.targets[0]: no provider named "opnai"; did you mean "openai"?',
    ],
    [{ tiers: { 'ib/x': { targets: [] } } }, 'tiers.ib/x.targets'],
    [{ tiers: { 'ib/x': { targets: ['openai'] } } }, 'provider:model or the name of a tier is wanted'],
    [
      { tiers: { 'ib/x': { strategy: 'prioritty', targets: ['openai:g'] } } },
      'no strategy named "prioritty"',
    ],
    [
      { tiers: { 'ib/x': { targets: ['openai:g'], timeouts: { firstContent: 5 } } } },
      'did you mean "firstContentMs"?',
    ],
    [
      { tiers: { a: { targets: ['b'] }, b: { targets: ['a', 'openai:g'] } } },
      'tiers.a.targets: a → b → a goes round in a circle',
    ],
    [
      { tiers: { a: { strategy: ['weighted', { weights: [1, 2] }], targets: ['openai:g'] } } },
      'tiers.a.strategy: strategy weighted: weights: one for each target is wanted: 1, got 2',
    ],
    [
      { faults: { rules: [{ provider: 'openai', fault: 'flood' }] } },
      'faults.rules[0].fault: no fault named "flood"; known: ',
    ],
    [
      { tiers: { a: { strategy: ['ab', { by: 'teem' }], targets: ['openai:g', 'openai:h'] } } },
      'tiers.a.strategy: strategy ab: by: no tag named "teem"',
    ],
    [
      {
        tags: { t: 'header.X-T' },
        tiers: { a: { strategy: ['conditional', { when: [{ tags: { u: '1' } }] }], targets: ['openai:g'] } },
      },
      'strategy conditional: when: no tag named "u"; known: t',
    ],
    [{ tags: { who: 'header.Authorization' } }, 'tags.who: a header that carries a secret cannot be a tag'],
    [{ aliases: { fast: 'ib/nope' } }, 'aliases.fast: there is no tier "ib/nope"'],
    [{ aliases: { fast: 'grok:x' } }, 'aliases.fast: no provider named "grok"; did you mean "groq"?'],
    [
      { tiers: { 'agni/x': { targets: ['openai:g'] } } },
      'tiers.agni/x: callers\' "agni/x" is read as "ib/x"',
    ],
    [
      { providers: { openai: { apiKeys: ['a', 'a'] } }, signup: 'closed' },
      'providers.openai.apiKeys: a key stands there twice',
    ],
    [{ aliases: { a: 'b', b: 'openai:x' } }, 'aliases.a: "b" is an alias itself'],
    [{ stages: ['logger', 'router', 'auth'] }, 'stages: the last one must be "router"'],
    [{ stages: ['loger', 'router'] }, 'stages[0]: no middleware named "loger"'],
    [{ plugins: ['./missing.ts'] }, 'plugins[0]: ./missing.ts cannot be loaded'],
    [{ database: 'mysql://x' }, 'database: sqlite or postgres'],
    [
      { host: '0.0.0.0', providers: { openai: { apiKey: 'sk-operator' } } },
      'signup: open, while host 0.0.0.0',
    ],
  ])('%o', async (config, said) => {
    expect(await refused(config)).toContain(said);
  });

  it('also where it is no YAML at all', async () => {
    expect(await refused('port: [1\n')).toContain('inferbridge.config.yaml');
  });

  it('tells of a port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const { code, output } = await runCli(['start', '--port', String(port)], { cwd: folder() });
    server.close();
    expect(code).toBe(1);
    expect(output).toContain(`${port} on 127.0.0.1 is taken`);
  });
});

describe('the encryption key', () => {
  it.each([
    ['too short', 'abc'],
    ['junk', '%%%%'.repeat(11)],
    ['all alike', `${'A'.repeat(43)}=`],
    ['the published example', 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4='],
  ])('%s is refused, and nothing is stored', async (_, key) => {
    expect(await refused({}, { INFERBRIDGE_ENCRYPTION_KEY: key })).toContain('INFERBRIDGE_ENCRYPTION_KEY');
    expect(await refused({}, { AGNI_ENCRYPTION_KEY: key })).toContain('inferbridge keys generate');
  });

  it('missing in production is a refusal; elsewhere one is made, readable by its owner alone', async () => {
    expect(await refused({}, { NODE_ENV: 'production' })).toContain('INFERBRIDGE_ENCRYPTION_KEY is not set');
    const gateway = await startGateway();
    const file = join(gateway.dir, 'data', 'encryption.key');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(gateway.output()).toContain(file);
    expect(gateway.output()).toContain('back it up');
    await gateway.close();
  });

  it('that opens none of the stored provider keys is a refusal to start', async () => {
    const before = await startGateway();
    const user = await account(before, ['openai']);
    await before.stop();
    const stored = readFileSync(join(before.dir, 'data', 'accounts.sqlite'), 'latin1');
    expect(stored).not.toContain(`sk-openai-${user.userId}`);
    const { output: key } = await runCli(['keys', 'generate']);
    const after = startGateway({ dir: before.dir, env: { INFERBRIDGE_ENCRYPTION_KEY: key.trim() } });
    await expect(after).rejects.toThrow(/opens none of the provider keys that are stored/);
    await before.close();
  });
});

describe('the command line', () => {
  it('checks without opening a port or writing anything', async () => {
    const dir = folder();
    writeFileSync(
      join(dir, 'inferbridge.config.yaml'),
      'tiers:\n  ib/fast: { strategy: [hedge, { afterMs: 300 }], targets: ["groq:openai/gpt-oss-120b", "openai:gpt-6-luna"] }\n',
    );
    const { code, output } = await runCli(['start', '--check'], { cwd: dir });
    expect({ code, ok: output.includes('ok: ') }).toEqual({ code: 0, ok: true });
    expect(output).not.toContain('note: ');
    expect(existsSync(join(dir, 'data'))).toBe(false);
  });

  it('init writes a configuration that passes the check, and never over another', async () => {
    const dir = folder();
    expect((await runCli(['init'], { cwd: dir })).code).toBe(0);
    expect((await runCli(['start', '--check'], { cwd: dir })).output).toContain('ok: ');
    const again = await runCli(['init'], { cwd: dir });
    expect(again.code).toBe(1);
    expect(again.output).toContain('is there already');
  });

  it('says how it is used when it is not understood', async () => {
    expect(await runCli(['dance'])).toMatchObject({
      code: 2,
      output: expect.stringContaining('inferbridge start'),
    });
    expect(await runCli(['start', '--colour'])).toMatchObject({
      code: 1,
      output: expect.stringContaining('--colour'),
    });
  });

  it('a flag wins over the environment, the environment over the file', async () => {
    const dir = folder();
    const file = join(dir, 'inferbridge.config.json');
    const free = await new Promise<number>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo;
        server.close(() => resolve(port));
      });
    });
    writeFileSync(file, JSON.stringify({ port: 1 }));
    const gateway = await startGateway({ config: { port: 1 }, env: { INFERBRIDGE_PORT: String(free) } });
    expect(gateway.url).toBe(`http://127.0.0.1:${free}`);
    await gateway.close();
  });
});

it('prints what a newcomer needs next: three requests and the two lines', async () => {
  const gateway = await startGateway();
  const said = gateway.output();
  for (const part of [
    '/v1/users',
    '/v1/keys',
    '/v1/chat/completions',
    'api_key="ib_…"',
    `base_url="${gateway.url}/v1"`,
    '/v1/logs',
  ])
    expect(said).toContain(part);
  await gateway.close();
});
