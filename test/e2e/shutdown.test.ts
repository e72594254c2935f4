import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { account, events, PROMPT } from '../support/account.ts';
import { completion, streamed } from '../support/answers.ts';
import { startGateway } from '../support/gateway.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { startUpstream } from '../support/upstream.ts';

it('on SIGTERM lets open requests and streams finish, refuses new ones, exits 0 and loses no row', async () => {
  const upstream = await startUpstream();
  const config = { providers: { openai: { baseUrl: `${upstream.url}/openai/v1` } } };
  const gateway = await startGateway({ config });
  const user = await account(gateway, ['openai']);
  upstream.script('openai', completion('Quick.'));
  for (let i = 0; i < 40; i++) await user.chat({}).then((response) => response.text());
  upstream.script('openai', streamed('One two three four five six.', 150));
  const stream = user.chat({ stream: true }).then(events);
  upstream.script('openai', streamed('One two three four five six.', 150), {
    ...(completion('Slow.') as { status: 200; body: string }),
    afterMs: 600,
  });
  await pause(200);
  const whole = user.chat({}).then((response) => response.json());
  await pause(150);
  const stopped = gateway.stop();
  await pause(100);
  await expect(gateway.fetch('/live')).rejects.toThrow();
  expect((await stream).at(-1)).toBe('[DONE]');
  expect(JSON.stringify(await whole)).toMatch(/Slow\.|One two/);
  expect(await stopped).toBe(0);

  const again = await startGateway({ config, dir: gateway.dir });
  const { data } = (await (await again.fetch('/v1/logs?limit=1000', { key: user.key })).json()) as {
    data: object[];
  };
  expect(data).toHaveLength(42);
  await again.close();
  await upstream.close();
});

it('on SIGTERM loses not even the row of a client that leaves while the others are let finish', async () => {
  const upstream = await startUpstream();
  const config = { providers: { openai: { baseUrl: `${upstream.url}/openai/v1` } } };
  const gateway = await startGateway({ config });
  const user = await account(gateway, ['openai']);
  upstream.script('openai', { hang: true });
  const leave = new AbortController();
  const asking = user.chat({}, {}, leave.signal).catch(() => null);
  await pause(300);
  const stopped = gateway.stop();
  await pause(200);
  leave.abort();
  await asking;
  expect(await stopped).toBe(0);
  const again = await startGateway({ config, dir: gateway.dir });
  const { data } = (await (await again.fetch('/v1/logs', { key: user.key })).json()) as { data: object[] };
  expect(data).toMatchObject([{ status: 'error', error: expect.stringContaining('client_closed') }]);
  await again.close();
  await upstream.close();
});

it('pages through rows newest first, each once, and counts them', async () => {
  const upstream = await startUpstream();
  const gateway = await startGateway({
    config: { providers: { openai: { baseUrl: `${upstream.url}/openai/v1` } } },
  });
  const user = await account(gateway, ['openai']);
  upstream.script('openai', completion('Hi.'));
  for (let i = 0; i < 25; i++)
    await user.chat({}, { 'x-request-id': `r-${i}` }).then((response) => response.text());
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page = (await (
      await gateway.fetch(`/v1/logs?limit=10${cursor ? `&cursor=${cursor}` : ''}`, { key: user.key })
    ).json()) as { data: { request_id: string }[]; next_cursor: string | null };
    seen.push(...page.data.map(({ request_id }) => request_id));
    cursor = page.next_cursor;
  } while (cursor);
  expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => `r-${24 - i}`));
  const stats = (await (await gateway.fetch('/v1/stats', { key: user.key })).json()) as object;
  expect(stats).toMatchObject({
    totals: {
      requests: 25,
      cost_usd: '0.000875',
      input_tokens: 250,
      output_tokens: 125,
      cache_hits: 0,
      cache_hit_rate: 0,
    },
    by_mode: { 'ib/balanced': { requests: 25 } },
    by_provider: { openai: { requests: 25, cost_usd: '0.000875' } },
    by_residency: { global: { requests: 25 } },
    by_status: { success: { requests: 25 } },
    pricing: { last_updated: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) },
  });
  await gateway.close();
  await upstream.close();
});

it('keeps users and keys over a SIGKILL, and starts again with a damaged request log', async () => {
  const upstream = await startUpstream();
  const config = { providers: { openai: { baseUrl: `${upstream.url}/openai/v1` } } };
  const gateway = await startGateway({ config });
  const user = await account(gateway, ['openai']);
  upstream.script('openai', completion('Hi.'));
  await user.chat({}).then((response) => response.text());
  await gateway.kill('SIGKILL');
  const { writeFileSync, readdirSync } = await import('node:fs');
  const { join } = await import('node:path');
  for (const suffix of ['', '-wal', '-shm'])
    writeFileSync(
      join(gateway.dir, 'data', `logs.sqlite${suffix}`),
      'this is no database, and long enough to be read as one. '.repeat(100),
    );
  const again = await startGateway({ config, dir: gateway.dir });
  const response = await again.fetch('/v1/chat/completions', {
    method: 'POST',
    key: user.key,
    body: JSON.stringify({ model: 'ib/balanced', messages: PROMPT }),
  });
  expect(response.status).toBe(200);
  expect(again.output()).toContain('moved aside');
  expect(readdirSync(join(gateway.dir, 'data')).some((name) => name.includes('damaged'))).toBe(true);
  await again.close();
  await upstream.close();
});

it('on SIGTERM waits for no connection on which nothing was asked', async () => {
  const gateway = await startGateway();
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  const since = performance.now();
  expect(await gateway.stop()).toBe(0);
  expect(performance.now() - since).toBeLessThan(5_000);
  socket.destroy();
  await gateway.close();
});

it.skipIf(!hasRedis()).each([
  ['the cache', { cache: true }, {}],
  ['limits', {}, { limits: true }],
])('on SIGTERM ends while a Redis that keeps %s stands still', async (_, cached, limited) => {
  const [upstream, redis] = [await startUpstream(), await startRedis()];
  upstream.script('openai', completion('Hello.'));
  const gateway = await startGateway({
    config: {
      providers: { openai: { baseUrl: `${upstream.url}/openai/v1` } },
      ...('cache' in cached && { cache: { store: redis.url } }),
      limits: { signupsPerMinute: 100_000, rpm: 1_000, ...('limits' in limited && { store: redis.url }) },
    },
  });
  const user = await account(gateway, ['openai']);
  const ask = () => user.chat({}, { 'x-inferbridge-cache': 'true' });
  expect((await ask()).status).toBe(200);
  redis.freeze();
  expect((await ask()).status).toBe(200);
  const since = performance.now();
  expect(await gateway.stop()).toBe(0);
  expect(performance.now() - since).toBeLessThan(15_000);
  redis.thaw();
  await gateway.close();
  await redis.close();
  await upstream.close();
});
