import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Account, account } from '../support/account.ts';
import { completion, streamed } from '../support/answers.ts';
import { startGateway } from '../support/gateway.ts';
import { oneTarget } from '../support/standard.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { startTimed } from './clock.ts';
import { asking, fields } from './wire.ts';

const HELLO = { whole: completion('Hello.'), stream: streamed('Hello.') };
let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
  upstream.script('openai', HELLO);
});
afterAll(() => upstream.close());

const config = (limits: object) => ({
  ...oneTarget(upstream.url),
  limits: { signupsPerMinute: 100_000, inFlight: 10_000, ...limits },
});
const text = (characters: number) => [{ role: 'user', content: 'x'.repeat(characters) }];
const statusOf = async (user: Account, body: object = {}, headers = {}) => {
  const response = await user.chat({ model: 'one', ...body }, headers);
  await response.text();
  return response.status;
};

it('there are none unless the configuration sets them', async () => {
  const gateway = await startGateway({ config: config({}) });
  const user = await account(gateway, ['openai']);
  const statuses = await Promise.all(
    Array.from({ length: 70 }, () => statusOf(user, { messages: text(8_000) })),
  );
  expect(new Set(statuses)).toEqual(new Set([200]));
  await gateway.close();
});

it('a 429 has the documented words, limit_type, Retry-After and both limits; nobody is called', async () => {
  const gateway = await startGateway({ config: config({ rpm: 2, tpm: 1_000 }) });
  for (const [kind, messages, first] of [
    ['rpm', text(4), 2],
    ['tpm', text(2_400), 1],
  ] as const) {
    const user = await account(gateway, ['openai']);
    for (let i = 0; i < first; i++) expect(await statusOf(user, { messages })).toBe(200);
    const before = (await upstream.seen()).length;
    for (const stream of [false, true]) {
      const over = await user.chat({ model: 'one', messages, stream });
      const { error } = (await over.json()) as { error: Record<string, unknown> };
      expect(over.status).toBe(429);
      const seconds = over.headers.get('retry-after') ?? '';
      expect(seconds).toMatch(/^(5\d|6[01])$/);
      expect(error).toMatchObject({
        message: `rate limit exceeded — try again in ${seconds} seconds`,
        type: 'rate_limit_error',
        limit_type: kind,
      });
      expect(fields(error)).toEqual(['code', 'limit_type', 'message', 'param', 'type']);
      expect(over.headers.get('x-ratelimit-limit-rpm')).toBe('2');
      expect(over.headers.get('x-ratelimit-limit-tpm')).toBe('1000');
    }
    expect((await upstream.seen()).length).toBe(before);
  }
  await gateway.close();
});

it('the window slides: what is sixty seconds old counts no more', async () => {
  const gateway = await startTimed({ config: config({ rpm: 2 }) });
  const user = await account(gateway, ['openai']);
  const at = async (seconds: number) => {
    await gateway.ahead(seconds);
    return statusOf(user);
  };
  expect([await at(0), await at(40), await at(50), await at(62), await at(70), await at(102)]).toEqual([
    200, 200, 429, 200, 429, 200,
  ]);
  await gateway.close();
});

it('tokens are estimated as characters by four', async () => {
  const gateway = await startGateway({ config: config({ tpm: 1_000 }) });
  const user = await account(gateway, ['openai']);
  expect(await statusOf(user, { messages: text(3_600) })).toBe(200);
  expect(await statusOf(user, { messages: text(600) })).toBe(429);
  expect(await statusOf(user, { messages: text(200) })).toBe(200);
  await gateway.close();
});

it('each user has their own; only model calls count, of every dialect', async () => {
  const gateway = await startGateway({ config: config({ rpm: 3 }) });
  const [ada, bob] = [await account(gateway, ['openai']), await account(gateway, ['openai'])];
  const call = asking(() => gateway, ada.key);
  const body = { model: 'one', messages: text(4) };
  for (let i = 0; i < 5; i++) {
    for (const path of ['/v1/keys', '/v1/logs', '/v1/stats', '/v1/models', '/v1/users/me'])
      expect((await call('GET', path)).status).toBe(200);
    expect((await call('POST', '/v1/route/explain', body)).status).toBe(200);
    expect((await call('POST', '/v1/messages/count_tokens', body)).status).toBe(200);
  }
  const asked = [
    await call('POST', '/v1/chat/completions', body),
    await call('POST', '/v1/messages', { ...body, max_tokens: 5 }),
    await call('POST', '/v1/responses', { model: 'one', input: 'x' }),
    await call('POST', '/v1/chat/completions', body),
    await call('POST', '/v1/messages', { ...body, max_tokens: 5 }),
    await call('POST', '/v1/responses', { model: 'one', input: 'x' }),
    await call('POST', '/v1/embeddings', { model: 'openai:text-embedding-3-small', input: 'x' }),
  ];
  expect(asked.map(({ status }) => status === 429)).toEqual([false, false, false, true, true, true, true]);
  expect(await statusOf(bob)).toBe(200);
  await gateway.close();
});

it('cache hits count towards requests, not towards tokens or money', async () => {
  const cached = { 'x-inferbridge-cache': 'true' };
  const priced = {
    baseUrl: `${upstream.url}/openai/v1`,
    prices: { 'gpt-6-luna': { input: 1_000, output: 0 } },
  };
  // ten tokens are a cent, so the answer costs one; two fit the budget
  for (const [limits, last] of [
    [{ tpm: 20, usdPerDay: 0.02 }, 200],
    [{ rpm: 4 }, 429],
  ] as const) {
    const gateway = await startGateway({ config: { ...config(limits), providers: { openai: priced } } });
    const user = await account(gateway, ['openai']);
    for (let i = 0; i < 4; i++)
      expect(await statusOf(user, { messages: text(40), max_tokens: 1 }, cached)).toBe(200);
    expect(await statusOf(user, { messages: text(40), max_tokens: 1 }, cached)).toBe(last);
    await gateway.close();
  }
});

it('a request that is larger than the whole limit is told so, and that trying again is pointless', async () => {
  const gateway = await startGateway({ config: config({ tpm: 100 }) });
  try {
    const user = await account(gateway, ['openai']);
    const over = await user.chat({ model: 'one', messages: text(1_000) });
    const { error } = (await over.json()) as { error: { message: string } };
    expect(over.status).toBe(429);
    expect(error.message).toMatch(
      /^rate limit exceeded: this request alone has about 250 tokens — try again in \d+ seconds$/,
    );
    expect(over.headers.get('x-should-retry')).toBe('false');
  } finally {
    await gateway.close();
  }
});
