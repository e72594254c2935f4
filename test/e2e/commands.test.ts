import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { completion, refusal } from '../support/answers.ts';
import { ROOT, runCli, startGateway } from '../support/gateway.ts';
import { standard, vendors } from '../support/standard.ts';

const parts = standard();
const dirs: string[] = [];
const folder = (files: Record<string, unknown> = {}): string => {
  const dir = mkdtempSync(join(tmpdir(), 'inferbridge-commands-'));
  dirs.push(dir);
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(dir, name), JSON.stringify(content));
  return dir;
};
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

describe('inferbridge demo', () => {
  it('shows a provider going down and coming back, and that no client noticed, without any key', async () => {
    const cwd = folder();
    const { code, output } = await runCli(['demo', '--quick'], { cwd });
    expect(output).toContain('alpha 503  →  beta');
    expect(output).toContain('alpha not asked: its breaker is open  →  beta');
    expect(output).toMatch(/alpha +left out: its breaker is open until 20/);
    expect(output.trimEnd().split('\n').slice(-5).join('\n')).toContain('no client has seen an error');
    expect(output).toMatch(/ok +\d+ ms {2}alpha\n\n\d+ requests, \d+ of them by fallback/);
    expect(code).toBe(0);
    expect(existsSync(join(cwd, 'data'))).toBe(false);
  });
});

describe('inferbridge simulate', () => {
  const SCENARIO = join(ROOT, 'examples/routing/outage.yaml');

  it('runs the example’s 20,000 requests, and writes table, JSON and chart', async () => {
    const cwd = folder();
    const { code, output } = await runCli(
      ['simulate', '--scenario', SCENARIO, '--seed', '7', '--json', 'out.json', '--svg', 'out.svg'],
      { cwd },
    );
    expect(code).toBe(0);
    expect(output).toMatch(/requests +20000\n/);
    expect(output).toContain('seed 7: the same seed gives the same run');
    const summary = JSON.parse(readFileSync(join(cwd, 'out.json'), 'utf8')) as {
      requests: number;
      success_rate: number;
    };
    expect(summary.requests).toBe(20_000);
    expect(summary.success_rate).toBeGreaterThan(0.99);
    expect(readFileSync(join(cwd, 'out.svg'), 'utf8')).toMatch(/^<svg /);
  });

  it('says what is wrong with a scenario, and where', async () => {
    const cwd = folder({ 'bad.json': { traffic: [{ model: 'ib/nope' }] } });
    expect((await runCli(['simulate', '--scenario', 'bad.json'], { cwd })).output).toContain(
      'traffic[0].model: no tier named "ib/nope"; known: ib/cheap',
    );
    expect((await runCli(['simulate'], { cwd })).output).toContain('--scenario FILE is wanted');
    expect((await runCli(['simulate', '--scenario', 'gone.yaml'], { cwd })).output).toContain(
      'gone.yaml: it cannot be read',
    );
  });
});

describe('inferbridge what-if', () => {
  it('replays the log against another configuration: cost, latency and mix before and after', async () => {
    const gateway = await startGateway({
      config: {
        providers: vendors(parts.upstream.url),
        tiers: { own: { targets: ['openai:gpt-6.1-sol', 'groq:openai/gpt-oss-20b'] } },
      },
    });
    const user = await account(gateway, ['openai', 'groq']);
    parts.upstream.script('openai', completion('a'));
    for (let i = 0; i < 12; i++) await user.chat({ model: 'own' });
    parts.upstream.script('openai', refusal(500));
    parts.upstream.script('groq', completion('b'));
    for (let i = 0; i < 8; i++) await user.chat({ model: 'own' });
    await gateway.stop();
    const other = { tiers: { own: { targets: ['groq:openai/gpt-oss-20b', 'openai:gpt-6.1-sol'] } } };
    const cwd = folder({ 'other.json': other });
    const logs = join(gateway.dir, 'data/logs.sqlite');
    const { code, output } = await runCli(
      ['what-if', '--config', 'other.json', '--logs', logs, '--since', '1h', '--json', 'out.json'],
      { cwd },
    );
    expect(output).toMatch(/requests +20 +20\n/);
    expect(code).toBe(0);
    const told = JSON.parse(readFileSync(join(cwd, 'out.json'), 'utf8')) as {
      before: { mix: object; cost_usd: number; fallback_share: number };
      after: { mix: object; cost_usd: number; success_rate: number; fallback_share: number };
      guessed: object;
    };
    expect(told.before).toMatchObject({
      mix: { 'openai:gpt-6.1-sol': 12, 'groq:openai/gpt-oss-20b': 8 },
      fallback_share: 0.4,
    });
    expect(told.after).toMatchObject({
      mix: { 'groq:openai/gpt-oss-20b': 20 },
      success_rate: 1,
      fallback_share: 0,
    });
    expect(told.after.cost_usd).toBeLessThan(told.before.cost_usd);
    expect(told.guessed).toEqual({});
    await gateway.close();
  });

  it('reads a log, and leaves alone what is none', async () => {
    const cwd = folder({ 'other.json': {} });
    writeFileSync(join(cwd, 'notes.txt'), 'not a database at all '.repeat(400));
    const before = readFileSync(join(cwd, 'notes.txt'));
    const { code, output } = await runCli(['what-if', '--config', 'other.json', '--logs', 'notes.txt'], {
      cwd,
    });
    expect(output).toMatch(/notes\.txt cannot be read \(SQLITE_NOTADB\); it is damaged, or no database/);
    expect(code).toBe(1);
    expect(readdirSync(cwd).sort()).toEqual(['notes.txt', 'other.json']);
    expect(readFileSync(join(cwd, 'notes.txt'))).toEqual(before);
  });

  it('says of the log’s own configuration what was: the same success, the same cost', async () => {
    const tiers = {
      own: { targets: ['openai:gpt-6.1-sol', 'groq:openai/gpt-oss-20b'] },
      gone: { targets: ['openai:gpt-6.1-sol'] },
    };
    const gateway = await startGateway({ config: { providers: vendors(parts.upstream.url), tiers } });
    const user = await account(gateway, ['openai', 'groq']);
    parts.upstream.script('openai', completion('a'));
    const image = [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'what is this? '.repeat(3_000) },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
        ],
      },
    ];
    for (let i = 0; i < 6; i++) await user.chat({ model: i % 2 ? 'own' : 'gone', messages: image });
    parts.upstream.script('openai', refusal(400, { message: 'you are wrong' }));
    for (let i = 0; i < 4; i++) await user.chat({ model: 'own' });
    await gateway.stop();
    const cwd = folder({ 'same.json': { tiers }, 'less.json': { tiers: { own: tiers.own } } });
    const logs = join(gateway.dir, 'data/logs.sqlite');
    const replayed = async (config: string) => {
      const { output } = await runCli(['what-if', '--config', config, '--logs', logs, '--json', '-'], {
        cwd,
      });
      return JSON.parse(output) as {
        before: { cost_usd: number };
        after: { success_rate: number; requests: number; cost_usd: number };
        left_out: object;
      };
    };
    const same = await replayed('same.json');
    expect(same).toMatchObject({
      after: { success_rate: 1, requests: 6 },
      left_out: { "the caller's own: invalid_request": 4 },
    });
    expect(same.after.cost_usd / same.before.cost_usd).toBeCloseTo(1, 1);
    expect(await replayed('less.json')).toMatchObject({
      after: { requests: 3 },
      left_out: { 'no tier gone in that configuration': 3 },
    });
    await gateway.close();
  });

  it('says where there is nothing to replay', async () => {
    const cwd = folder({ 'other.json': {} });
    expect((await runCli(['what-if', '--config', 'other.json'], { cwd })).output).toContain(
      'logs.sqlite is not there; name the log of a gateway with --logs FILE',
    );
    expect(
      (await runCli(['what-if', '--config', 'other.json', '--since', 'monday'], { cwd })).output,
    ).toContain('--since: 24h, 7d or an ISO 8601 time is wanted');
  });
});

describe('inferbridge doctor', () => {
  const configOf = (more: object = {}) => ({
    providers: {
      ...vendors(parts.upstream.url),
      groq: { baseUrl: `${parts.upstream.url}/groq/v1`, apiKeys: ['gsk-good', 'gsk-bad'] },
    },
    ...more,
  });

  it('checks configuration, stores, keys and clock, and fails where one of them does', async () => {
    const cwd = folder({ 'inferbridge.config.json': configOf() });
    await parts.upstream.clear();
    parts.upstream.script('groq', { status: 200, body: '{"object":"list","data":[]}' });
    const well = await runCli(['doctor'], { cwd });
    expect(well.output).toMatch(/^ok +configuration +\/.*inferbridge.config.json$/m);
    expect(well.output).toMatch(/^ok +groq, key 2 +answered in \d+ ms$/m);
    expect(well.output).toMatch(/^ok +clock +agrees with the providers$/m);
    expect(well.code).toBe(0);
    expect(existsSync(join(cwd, 'data'))).toBe(false);
    const keys = (await parts.upstream.seen('groq')).map(({ headers }) => headers['authorization']);
    expect(keys.sort()).toEqual(['Bearer gsk-bad', 'Bearer gsk-good']);
    parts.upstream.script('groq', refusal(401));
    const ill = await runCli(['doctor'], { cwd });
    expect(ill.output).toMatch(/^fail +groq, key 1 +the key was refused: is it right, and not revoked\?$/m);
    expect(ill.code).toBe(1);
    expect(ill.output).not.toMatch(/gsk-/);
  });

  it('says which line of the configuration is wrong', async () => {
    const cwd = folder({ 'inferbridge.config.json': { tiers: { t: { targets: ['nobody:m'] } } } });
    const { code, output } = await runCli(['doctor'], { cwd });
    expect(output).toMatch(/^fail +configuration +tiers\.t\.targets\[0\]: no provider named "nobody"/m);
    expect(code).toBe(1);
  });

  it('opens the stores of a gateway that has run, and each stored key where it is asked to', async () => {
    const gateway = await startGateway({ config: configOf() });
    await account(gateway, ['openai']);
    parts.upstream.script('groq', { status: 200, body: '{"object":"list","data":[]}' });
    parts.upstream.script('openai', { status: 200, body: '{"object":"list","data":[]}' });
    await gateway.stop();
    const { output } = await runCli(['doctor', '--stored-keys'], { cwd: gateway.dir });
    expect(output).toMatch(/^ok +accounts +1 users, 1 provider keys$/m);
    expect(output).toMatch(/^ok +encryption key +reads every stored key$/m);
    expect(output).toMatch(/^ok +openai, a user's key [0-9a-f]{8} +answered in/m);
    rmSync(join(gateway.dir, 'data/encryption.key'));
    const lost = await runCli(['doctor'], { cwd: gateway.dir });
    expect(lost.output).toMatch(/^fail +encryption key +there are stored keys, but no encryption key/m);
    expect(existsSync(join(gateway.dir, 'data/encryption.key'))).toBe(false);
    await gateway.close();
  });

  it('reports a damaged log as it lies, and touches nothing', async () => {
    const gateway = await startGateway({ config: configOf() });
    await account(gateway, ['openai']);
    parts.upstream.script('groq', { status: 200, body: '{"object":"list","data":[]}' });
    await gateway.stop();
    const logs = join(gateway.dir, 'data/logs.sqlite');
    writeFileSync(logs, 'junk '.repeat(5_000));
    // what SQLite puts beside a database that is read is not it
    const stores = () => readdirSync(join(gateway.dir, 'data')).filter((name) => !/-(wal|shm)$/.test(name));
    const names = stores();
    const { code, output } = await runCli(['doctor'], { cwd: gateway.dir });
    expect(output).toMatch(/^fail +stores +.*logs\.sqlite cannot be read/m);
    expect(code).toBe(1);
    expect(stores()).toEqual(names);
    expect(readFileSync(logs, 'utf8')).toMatch(/^junk /);
    await gateway.close();
  });

  it('says which tiers it could not try', async () => {
    const tiers = {
      picky: { strategy: ['conditional', { when: [{ tags: { t: 'x' } }] }], targets: ['openai:gpt-6-luna'] },
    };
    const cwd = folder({ 'inferbridge.config.json': { tags: { t: 'metadata.t' }, tiers } });
    const { output } = await runCli(['doctor', '--chaos'], { cwd });
    expect(output).toContain('ib/embed: not tried, it is for embeddings');
    expect(output).toMatch(/picky: not tried, conditional has no target of picky/);
  });

  it('scores the fault list against every tier: two providers hold all of it, one does not', async () => {
    const tiers = {
      double: {
        targets: ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b'],
        timeouts: { firstContentMs: 4_000 },
      },
      single: { targets: ['openai:gpt-6-luna'] },
    };
    const cwd = folder({ 'inferbridge.config.json': { tiers } });
    const { code, output } = await runCli(['doctor', '--chaos'], { cwd });
    const card = (tier: string) =>
      output.slice(output.indexOf(`${tier}, while`)).split(/\n\n(?=\S)/)[0] ?? '';
    for (const fault of ['500', '429, no hint', '401, key refused', 'not JSON', 'never answers'])
      expect(card('double')).toMatch(
        new RegExp(`^  ${fault} +answered by groq, [\\d.]+ s +answered by groq, [\\d.]+ s$`, 'm'),
      );
    expect(card('double')).toMatch(
      /^ {2}cut in the middle +answered by groq, .* +an error event, no \[DONE\]/m,
    );
    expect(card('single')).toMatch(/^ {2}401, key refused +error: bad_credential/m);
    expect(output).toContain('a tier with targets of a second provider holds more');
    expect(code).toBe(1);
  });
});
