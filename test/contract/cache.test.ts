import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, account, events } from '../support/account.ts';
import { completion, refusal, streamed } from '../support/answers.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { vendors } from '../support/standard.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { startTimed, type TimedGateway } from './clock.ts';

const HELLO = { whole: completion('Hello from it.'), stream: streamed('Hello from it.') };
const CACHE = { 'x-inferbridge-cache': 'true' };
const TIERS = {
  one: { targets: ['openai:gpt-6-luna'] },
  two: { targets: ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b'], retries: 0 },
};
let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());

const config = (more: object = {}) => ({ providers: vendors(upstream.url), tiers: TIERS, ...more });

async function ask(user: Account, headers: Record<string, string> = {}, body: object = {}) {
  const response = await user.chat({ model: 'one', ...body }, { ...CACHE, ...headers });
  const told = (await response.json()) as { inferbridge?: Record<string, unknown>; id?: string };
  return { status: response.status, ...told, block: told.inferbridge ?? {} };
}

describe('how long an answer is kept', () => {
  let gateway: TimedGateway;
  let now = 0;
  beforeAll(async () => {
    gateway = await startTimed({ config: config() });
  });
  afterAll(() => gateway.close());

  const later = async (seconds: number) => {
    now += seconds;
    await gateway.ahead(now);
  };
  const hits = async (ttl: string | null, seconds: readonly number[]) => {
    const user = await account(gateway, ['openai']);
    upstream.script('openai', HELLO);
    const headers = ttl === null ? {} : { 'x-inferbridge-cache-ttl': ttl };
    await ask(user, headers);
    const found: unknown[] = [];
    for (const step of seconds) {
      await later(step);
      found.push((await ask(user, headers)).block['cache_hit']);
    }
    return found;
  };

  it.each([
    ['an hour where nobody says', null, [3_500, 150]],
    ['as long as is asked', '600', [550, 100]],
    ['a minute at least', '1', [50, 60]],
    ['a minute at least, also where less than nothing is asked', '-5', [50, 60]],
    ['a day at most', '999999', [86_300, 200]],
  ] as const)('is %s', async (_, ttl, steps) => {
    expect(await hits(ttl, steps)).toEqual([true, false]);
  });

  it('after that an expired answer stands in when every candidate fails, for a caller who takes stale ones', async () => {
    const user = await account(gateway, ['openai', 'groq']);
    upstream.script('openai', HELLO, refusal(500));
    upstream.script('groq', refusal(500));
    const stale = { 'x-inferbridge-stale': 'true' };
    const first = await ask(user, stale, { model: 'two' });
    await later(4_000);
    const again = await ask(user, stale, { model: 'two' });
    expect(again).toMatchObject({ status: 200, id: first.id, block: { stale: true, provider: 'cache' } });
    expect((await ask(user, {}, { model: 'two' })).status).toBe(502);
    expect((await user.logs())[1]).toMatchObject({ status: 'cache_hit', cost_usd: '0.000000' });
  });

  it('and with Cache-Control: no-store none stands in', async () => {
    const user = await account(gateway, ['openai']);
    upstream.script('openai', HELLO, refusal(500));
    const stale = { 'x-inferbridge-stale': 'true' };
    expect((await ask(user, stale)).status).toBe(200);
    expect((await ask(user, { ...stale, 'cache-control': 'no-store' })).status).toBe(502);
  });
});

it('where the operator allows stale answers nobody has to ask for them', async () => {
  const gateway = await startTimed({ config: config({ cache: { staleSeconds: 600, always: true } }) });
  const user = await account(gateway, ['openai']);
  upstream.script('openai', HELLO, refusal(500));
  const plain = async () => {
    const response = await user.chat({ model: 'one' });
    return { status: response.status, text: await response.text() };
  };
  await plain();
  await gateway.ahead(3_700);
  expect(await plain()).toMatchObject({ status: 200, text: expect.stringContaining('"stale":true') });
  await gateway.ahead(4_300);
  expect((await plain()).status).toBe(502);
  await gateway.close();
});

describe('whose an answer is', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({
      config: config({ cache: { scope: 'shared', store: 'memory' }, selfHosted: { privateAddresses: true } }),
    });
  });
  afterAll(() => gateway.close());

  it('everybody’s, where the operator says so', async () => {
    const [ada, bob] = [await account(gateway, ['openai']), await account(gateway, ['openai'])];
    upstream.script('openai', HELLO);
    await ask(ada);
    expect((await ask(bob)).block).toMatchObject({ cache_hit: true, model: 'openai:gpt-6-luna' });
  });

  it('its owner’s all the same, where the address is the user’s own', async () => {
    const own = async () => {
      const user = await account(gateway);
      const body = {
        provider: 'self_hosted',
        api_key: 'k',
        base_url: `${upstream.url}/own/v1`,
        declared_region: 'eu',
      };
      await gateway.fetch('/v1/keys', { method: 'POST', key: user.key, body: JSON.stringify(body) });
      return user;
    };
    upstream.script('own', HELLO);
    const override = { 'x-inferbridge-override-model': 'self_hosted:llama' };
    const [ada, bob] = [await own(), await own()];
    expect((await ask(ada, override)).block['cache_hit']).toBe(false);
    expect((await ask(ada, override)).block['cache_hit']).toBe(true);
    expect((await ask(bob, override)).block['cache_hit']).toBe(false);
  });
});

describe('an entry', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({ config: config({ cache: { store: 'memory' } }) });
  });
  afterAll(() => gateway.close());

  it.each([
    { user: 'somebody' },
    { metadata: { a: 'b' } },
    { stream: false },
    { stream_options: { include_usage: true }, stream: true },
  ])('is found although the request says %j', async (more) => {
    const user = await account(gateway, ['openai']);
    upstream.script('openai', HELLO);
    await ask(user);
    const response = await user.chat({ model: 'one', ...more }, CACHE);
    expect(await response.text()).toContain('"cache_hit":true');
  });

  it.each([{ n: 2 }, { temperature: 0.1 }, { seed: 1 }, { top_k: 5 }, { model: 'openai:gpt-6-sol' }])(
    'is another where the request says %j',
    async (more) => {
      const user = await account(gateway, ['openai']);
      upstream.script('openai', HELLO);
      await ask(user);
      expect((await ask(user, {}, more)).block['cache_hit']).toBe(false);
    },
  );

  it('of a stream is there only behind its [DONE], and comes back as SSE', async () => {
    const user = await account(gateway, ['openai']);
    const sse = (HELLO.stream as { sse: string[] }).sse.slice(0, 2);
    upstream.script('openai', { sse, end: 'end' }, HELLO);
    const stream = async () => events(await user.chat({ model: 'one', stream: true }, CACHE));
    expect(JSON.stringify(await stream())).toContain('"error"');
    const [first, second] = [await stream(), await stream()];
    expect(
      [JSON.stringify(first), JSON.stringify(second)].map((text) => text.includes('"cache_hit":true')),
    ).toEqual([false, true]);
    expect(second.at(-1)).toBe('[DONE]');
    const ids = [...first, ...second].flatMap((event) => (event === '[DONE]' ? [] : [event['id']]));
    expect(new Set(ids).size).toBe(1);
  });
});
