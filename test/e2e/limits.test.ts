import { describe, expect, it } from 'vitest';
import { type Account, account } from '../support/account.ts';
import { completion, streamed } from '../support/answers.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { vendors } from '../support/standard.ts';
import { type Act, startUpstream, type Upstream } from '../support/upstream.ts';

const HELLO = { whole: completion('Hello.'), stream: streamed('Hello.') };
/** A dollar for a thousand tokens of input, none for output. */
const PRICES = { 'gpt-6-luna': { input: 1_000, output: 0 } };

const together = async (upstream: Upstream, limits: object, redis: string | null) => {
  const providers = vendors(upstream.url);
  const gateway = await startGateway({
    config: {
      providers: { ...providers, openai: { ...providers['openai'], prices: PRICES } },
      tiers: { one: { targets: ['openai:gpt-6-luna'] } },
      limits: { signupsPerMinute: 100_000, inFlight: 10_000, ...limits, ...(redis && { store: redis }) },
    },
  });
  return gateway;
};
const statuses = async (asked: readonly Promise<Response>[]) => {
  const counts: Record<number, number> = {};
  for (const response of await Promise.all(asked)) {
    counts[response.status] = (counts[response.status] ?? 0) + 1;
    await response.text();
  }
  return counts;
};
const many = (user: Account, count: number, body: object = {}) =>
  statuses(Array.from({ length: count }, (_, i) => user.chat({ model: 'one', seed: i, ...body })));

const kinds: readonly (readonly [string, boolean])[] = [
  ['this process', false],
  ['Redis', true],
];
if (!hasRedis()) console.warn('no redis-server on this machine: limits in Redis are not tested');

describe.each(kinds)('limits kept in %s', (_, inRedis) => {
  const run = async (
    limits: object,
    test: (gateway: TestGateway, upstream: Upstream) => Promise<void>,
    tries = 3,
  ): Promise<void> => {
    const upstream = await startUpstream();
    const redis = inRedis ? await startRedis() : null;
    const gateway = await together(upstream, limits, redis?.url ?? null);
    upstream.script('openai', HELLO);
    try {
      await test(gateway, upstream);
    } catch (error) {
      // on a machine that is busy with something else Redis can be late: then it lets through, and says so
      if (tries === 1 || !gateway.output().includes('the store of limits was late')) throw error;
      return run(limits, test, tries - 1);
    } finally {
      await gateway.close();
      await redis?.close();
      await upstream.close();
    }
  };

  it.skipIf(inRedis && !hasRedis())(
    'requests a minute: as many as there are, then 429 before anybody is called',
    () =>
      run({ rpm: 5 }, async (gateway, upstream) => {
        const user = await account(gateway, ['openai']);
        expect(await many(user, 12)).toEqual({ 200: 5, 429: 7 });
        const over = await user.chat({ model: 'one' });
        const body = (await over.json()) as { error: { message: string } };
        expect(body).toMatchObject({
          error: { type: 'rate_limit_error', limit_type: 'rpm', code: 'rate_limit_exceeded' },
        });
        const seconds = Number(over.headers.get('retry-after'));
        expect(body.error.message).toBe(`rate limit exceeded — try again in ${seconds} seconds`);
        expect(seconds).toBeGreaterThan(50);
        expect(seconds).toBeLessThanOrEqual(61);
        expect(over.headers.get('x-ratelimit-limit-rpm')).toBe('5');
        expect(await upstream.seen('openai')).toHaveLength(5);
        const other = await account(gateway, ['openai']);
        expect((await other.chat({ model: 'one' })).status).toBe(200);
        expect((await user.logs())[0]).toMatchObject({ status: 'error', mode: 'one', attempts: [] });
      }),
  );

  it.skipIf(inRedis && !hasRedis())('tokens a minute: hits give theirs back, and count as requests', () =>
    run({ tpm: 100, rpm: 6 }, async (gateway) => {
      const user = await account(gateway, ['openai']);
      const messages = [{ role: 'user', content: 'x'.repeat(160) }];
      const ask = (headers = {}, body = {}) => user.chat({ model: 'one', messages, ...body }, headers);
      for (let i = 0; i < 4; i++) expect((await ask({ 'x-inferbridge-cache': 'true' })).status).toBe(200);
      expect((await ask({}, { seed: 1 })).status).toBe(200);
      const over = await ask({}, { seed: 2 });
      expect(over.status).toBe(429);
      expect(await over.json()).toMatchObject({ error: { limit_type: 'tpm' } });
      expect(over.headers.get('x-ratelimit-limit-tpm')).toBe('100');
      const large = await ask({}, { messages: [{ role: 'user', content: 'x'.repeat(1_000) }] });
      expect(await large.json()).toMatchObject({ error: { message: expect.stringContaining('250 tokens') } });
    }),
  );

  it.skipIf(inRedis && !hasRedis())('money: a hundred at once against a budget for ten admit ten', () =>
    run({ usdPerDay: 0.1 }, async (gateway) => {
      const user = await account(gateway, ['openai']);
      // ten tokens are a cent: as expected, and as the upstream reports them
      const messages = [{ role: 'user', content: 'x'.repeat(40) }];
      expect(await many(user, 100, { messages, max_tokens: 1 })).toEqual({ 200: 10, 429: 90 });
      const over = await user.chat({ model: 'one', messages });
      expect(over.headers.get('x-should-retry')).toBe('false');
      expect(await over.json()).toMatchObject({
        error: { limit_type: 'usd', code: 'budget_exceeded', message: expect.stringContaining('$0.10') },
      });
    }),
  );

  it.skipIf(inRedis && !hasRedis())(
    'money and tokens: what is answered from the cache, or shared, is free',
    () =>
      run({ usdPerDay: 0.02, tpm: 25 }, async (gateway, upstream) => {
        const user = await account(gateway, ['openai']);
        const messages = [{ role: 'user', content: 'x'.repeat(40) }];
        const cached = { 'x-inferbridge-cache': 'true' };
        const ask = (seed: number) => user.chat({ model: 'one', messages, max_tokens: 1, seed }, cached);
        upstream.script('openai', { ...HELLO, whole: { ...completion('Hello.'), afterMs: 200 } as Act });
        expect(await statuses(Array.from({ length: 30 }, () => ask(1)))).toEqual({ 200: 30 });
        expect(await statuses([ask(2)])).toEqual({ 200: 1 });
        expect(await statuses([ask(3)])).toEqual({ 429: 1 });
        expect(await statuses([ask(1), ask(2), ask(1)])).toEqual({ 200: 3 });
        expect(await upstream.seen('openai')).toHaveLength(2);
      }),
  );

  it.skipIf(inRedis && !hasRedis())(
    'money: what was reserved and not spent comes back; a fresh process goes on from the log',
    () =>
      run({ usdPerMonth: 0.03 }, async (gateway, upstream) => {
        const user = await account(gateway, ['openai']);
        const messages = [{ role: 'user', content: 'x'.repeat(80) }]; // two cents expected, one spent
        expect(await many(user, 2, { messages })).toEqual({ 200: 1, 429: 1 });
        expect(await many(user, 1, { messages })).toEqual({ 200: 1 });
        expect(await many(user, 1, { messages })).toEqual({ 429: 1 });
        if (inRedis) return;
        await gateway.stop();
        const again = await startGateway({
          dir: gateway.dir,
          config: {
            providers: {
              ...vendors(upstream.url),
              openai: { ...vendors(upstream.url)['openai'], prices: PRICES },
            },
            tiers: { one: { targets: ['openai:gpt-6-luna'] } },
            limits: { usdPerMonth: 0.03 },
          },
        });
        const response = await again.fetch('/v1/chat/completions', {
          method: 'POST',
          key: user.key,
          body: JSON.stringify({ model: 'one', messages }),
        });
        expect(response.status).toBe(429);
        await again.stop();
      }),
  );
});

describe('what counts', () => {
  it('as prompt are tools and their calls as well; as money each of n answers', async () => {
    const upstream = await startUpstream();
    const gateway = await together(upstream, { tpm: 200, usdPerDay: 1 }, null);
    upstream.script('openai', HELLO);
    const large = 'x'.repeat(2_000);
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: JSON.stringify({ large }) } };
    const bodies = [
      { tools: [{ type: 'function', function: { name: 'f', description: large } }] },
      {
        messages: [
          { role: 'user', content: 'x' },
          { role: 'assistant', tool_calls: [call] },
          { role: 'tool', tool_call_id: 'c', content: 'y' },
        ],
      },
    ];
    const user = await account(gateway, ['openai']);
    for (const body of bodies) {
      const over = await user.chat({ model: 'one', ...body });
      expect(await over.json()).toMatchObject({ error: { limit_type: 'tpm' } });
      expect(over.headers.get('x-should-retry')).toBe('false');
    }
    await gateway.close();
    await upstream.close();
  });
});

describe.skipIf(!hasRedis())('a store of limits that is gone', () => {
  it('lets everybody through, says so once, and is noticed when it is back', async () => {
    const [upstream, redis] = [await startUpstream(), await startRedis()];
    const gateway = await together(upstream, { rpm: 2 }, redis.url);
    upstream.script('openai', HELLO);
    const user = await account(gateway, ['openai']);
    expect(await many(user, 3)).toEqual({ 200: 2, 429: 1 });
    await redis.kill();
    for (let i = 0; i < 5; i++) expect(await many(user, 1)).toEqual({ 200: 1 });
    expect(gateway.output().match(/the store of limits is not reachable/g)).toHaveLength(1);
    await redis.start();
    let last: Record<number, number> = {};
    for (let i = 0; i < 60 && !last[429]; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      last = await many(user, 1);
    }
    expect(last).toEqual({ 429: 1 });
    expect(gateway.output()).toContain('the store of limits is back');
    redis.freeze();
    const at = performance.now();
    expect(await many(user, 1)).toEqual({ 200: 1 });
    expect(performance.now() - at).toBeLessThan(200);
    redis.thaw();
    await gateway.close();
    await redis.close();
    await upstream.close();
  });
});
