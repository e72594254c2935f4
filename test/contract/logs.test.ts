import { describe, expect, it } from 'vitest';
import { account, type LogRow } from '../support/account.ts';
import { completion, refusal, streamed } from '../support/answers.ts';
import { startGateway } from '../support/gateway.ts';
import { standard, vendors } from '../support/standard.ts';
import { startTimed } from './clock.ts';
import { asking, fields, MICROS, SIX_DECIMALS } from './wire.ts';

const TIERS = {
  one: { targets: ['openai:gpt-6-luna'], retries: 0 },
  two: { targets: ['openai:gpt-6-luna', 'mistral:mistral-medium-latest'], retries: 0 },
};
const parts = standard({ config: (url) => ({ providers: vendors(url), tiers: TIERS }) });
const HELLO = { whole: completion('Hello.'), stream: streamed('Hello.') };
const logs = (key: string) => asking(() => parts.gateway, key);

const DOCUMENTED = [
  'id',
  'request_id',
  'mode',
  'provider',
  'model',
  'input_tokens',
  'output_tokens',
  'latency_ms',
  'cost_usd',
  'cache_hit',
  'status',
  'error',
  'residency_requested',
  'residency_actual',
  'created_at',
  // beyond
  'attempts',
  'strategy',
  'arm',
  'stream',
  'tools',
  'images',
  'attempts_cost_usd',
];

/** One row of each status, oldest first. */
async function oneOfEach() {
  const user = await account(parts.gateway, ['openai', 'mistral']);
  const cached = { 'x-inferbridge-cache': 'true' };
  parts.upstream.script('openai', HELLO, refusal(500), refusal(500));
  parts.upstream.script('mistral', HELLO);
  await user.chat(
    { model: 'one' },
    { ...cached, 'x-request-id': 'row-1', 'x-inferbridge-residency': 'global' },
  );
  await user.chat({ model: 'one' }, { ...cached, 'x-request-id': 'row-2' });
  await user.chat({ model: 'two', seed: 1 }, { 'x-request-id': 'row-3' });
  await user.chat({ model: 'one', seed: 2 }, { 'x-request-id': 'row-4' });
  return user;
}

describe('a row', () => {
  it('has every documented field, and one of four statuses', async () => {
    const rows = await (await oneOfEach()).logs();
    expect(rows.map(({ request_id: id, status }) => `${id} ${status}`)).toEqual([
      'row-4 error',
      'row-3 fallback_success',
      'row-2 cache_hit',
      'row-1 success',
    ]);
    for (const row of rows) {
      expect(fields(row)).toEqual(expect.arrayContaining([...DOCUMENTED].sort()));
      expect(row['created_at']).toMatch(MICROS);
      expect(row.cost_usd).toMatch(SIX_DECIMALS);
      expect(Number.isInteger(row['latency_ms'])).toBe(true);
    }
    const [failed, fallen, hit, served] = rows;
    expect(served).toMatchObject({
      mode: 'one',
      provider: 'openai',
      model: 'gpt-6-luna',
      input_tokens: 10,
      output_tokens: 5,
      cache_hit: false,
      error: null,
      residency_requested: 'global',
      residency_actual: 'global',
      strategy: 'priority',
      arm: null,
      stream: false,
      tools: false,
      images: false,
    });
    expect(hit).toMatchObject({ provider: 'cache', cache_hit: true, cost_usd: '0.000000' });
    expect(fallen).toMatchObject({ provider: 'mistral', residency_requested: null, residency_actual: 'eu' });
    expect(failed).toMatchObject({ provider: null, error: expect.stringContaining('openai:gpt-6-luna') });
    expect(new Set(rows.map(({ id }) => id)).size).toBe(4);
  });

  it('of a hit has the residency that its block has: cache', async () => {
    const [hit] = await (await oneOfEach()).logs('?status=cache_hit');
    expect(hit).toMatchObject({ provider: 'cache', residency_actual: 'cache' });
  });

  it('tells every candidate: provider, model, outcome, status, wait, latency, and why it was skipped', async () => {
    const user = await account(parts.gateway, ['openai', 'mistral']);
    parts.upstream.script('openai', refusal(401, { message: 'bad' }));
    parts.upstream.script('mistral', HELLO);
    for (let i = 0; i < 2; i++) await user.chat({ model: 'two', seed: i });
    const [second, first] = await user.logs();
    expect(first?.attempts).toMatchObject([
      { provider: 'openai', model: 'gpt-6-luna', outcome: 'bad_credential', status: 401, waited_ms: 0 },
      { provider: 'mistral', model: 'mistral-medium-latest', outcome: 'ok', status: 200, why: null },
    ]);
    expect(second?.attempts[0]).toMatchObject({
      provider: 'openai',
      outcome: 'skipped',
      why: expect.any(String),
    });
    for (const attempt of first?.attempts ?? [])
      expect(attempt).toHaveProperty('latency_ms', expect.any(Number));
  });
});

describe('GET /v1/logs', () => {
  it('is at most a hundred rows, newest first, with a cursor; every row once', async () => {
    const user = await account(parts.gateway, ['openai']);
    parts.upstream.script('openai', HELLO);
    for (let i = 0; i < 105; i++)
      await (await user.chat({ model: 'one' }, { 'x-request-id': `n${i}` })).text();
    const { body: first } = await logs(user.key)('GET', '/v1/logs');
    expect(fields(first)).toEqual(['data', 'next_cursor']);
    expect(first.data).toHaveLength(100);
    const { body: rest } = await logs(user.key)('GET', `/v1/logs?cursor=${first.next_cursor}`);
    expect(rest.next_cursor).toBeNull();
    const ids = [...first.data, ...rest.data].map(({ request_id: id }: LogRow) => id);
    expect(ids).toEqual(Array.from({ length: 105 }, (_, i) => `n${104 - i}`));
    expect((await logs(user.key)('GET', '/v1/logs?limit=1000')).body.data).toHaveLength(105);
  });

  it('gives a page of exactly the limit a cursor, and the page after it may be empty', async () => {
    const user = await oneOfEach();
    const { body: page } = await logs(user.key)('GET', '/v1/logs?limit=4');
    expect(page.next_cursor).toEqual(expect.any(String));
    const { body: after } = await logs(user.key)('GET', `/v1/logs?limit=4&cursor=${page.next_cursor}`);
    expect(after).toEqual({ data: [], next_cursor: null });
    expect((await logs(user.key)('GET', '/v1/logs?limit=5')).body.next_cursor).toBeNull();
  });

  it.each([
    ['status=cache_hit', ['row-2']],
    ['status=fallback_success', ['row-3']],
    ['provider=mistral', ['row-3']],
    ['provider=cache', ['row-2']],
    ['mode=one', ['row-4', 'row-2', 'row-1']],
    ['request_id=row-3', ['row-3']],
    ['mode=one&status=error', ['row-4']],
    ['request_id=row', []],
  ])('filters by %s', async (query, ids) => {
    const rows = await (await oneOfEach()).logs(`?${query}`);
    expect(rows.map(({ request_id: id }) => id)).toEqual(ids);
  });

  it('begins at a time with an offset', async () => {
    const user = await oneOfEach();
    const rows = await user.logs();
    const since = String(rows[1]?.['created_at']);
    expect(await user.logs(`?since=${since}`)).toHaveLength(2);
    const shifted = new Date(Date.parse(since) + 5.5 * 3_600_000).toISOString().replace('Z', '%2B05:30');
    expect((await user.logs(`?since=${shifted}`)).length).toBeGreaterThanOrEqual(2);
    expect(await user.logs('?since=2099-01-01T00:00:00-08:00')).toEqual([]);
  });
});

it('rows older than the retention are pruned, younger ones are not', async () => {
  const config = { providers: vendors(parts.upstream.url), tiers: TIERS };
  const old = await startTimed({ config, aheadSeconds: -31 * 86_400 });
  const user = await account(old, ['openai']);
  parts.upstream.script('openai', HELLO);
  await user.chat({ model: 'one' }, { 'x-request-id': 'too-old' });
  await old.ahead(-29 * 86_400);
  await user.chat({ model: 'one' }, { 'x-request-id': 'old' });
  expect(await user.logs()).toHaveLength(2);
  await old.stop();
  const now = await startGateway({ dir: old.dir, config });
  const rows = async () => {
    const { body } = await asking(() => now, user.key)('GET', '/v1/logs');
    return body.data.map(({ request_id: id }: LogRow) => id);
  };
  await expect.poll(rows, { timeout: 5_000 }).toEqual(['old']);
  await now.close();
});

it('a log that is larger than it may be loses its oldest rows, not its newest', async () => {
  const config = { providers: vendors(parts.upstream.url), tiers: TIERS };
  const first = await startGateway({ config });
  const user = await account(first, ['openai']);
  parts.upstream.script('openai', refusal(400, { message: 'no' }));
  for (let i = 0; i < 30; i++)
    await Promise.all(
      Array.from({ length: 50 }, (_, j) =>
        user.chat({ model: `openai:${`${i * 50 + j}-`.padEnd(240, 'x')}` }),
      ),
    );
  const rows = async (gateway: typeof first, limit: number) => {
    const { body } = await asking(() => gateway, user.key)('GET', `/v1/logs?limit=${limit}`);
    return body.data as LogRow[];
  };
  const [newest] = await rows(first, 1);
  expect(await rows(first, 1_000)).toHaveLength(1_000);
  await first.stop();
  const small = await startGateway({ dir: first.dir, config: { ...config, logFileMaxBytes: 1_048_576 } });
  await expect.poll(async () => (await rows(small, 1_000)).length, { timeout: 10_000 }).toBeLessThan(1_000);
  expect((await rows(small, 1))[0]?.['id']).toBe(newest?.['id']);
  await small.close();
});
