import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Account, account } from '../support/account.ts';
import { completion, streamed } from '../support/answers.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { hasRedis, startRedis, type TestRedis } from '../support/redis.ts';
import { vendors } from '../support/standard.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const CACHE = { 'x-inferbridge-cache': 'true' };
const HELLO = { whole: completion('Hello.'), stream: streamed('Hello.') };
/** What a request may take beyond the usual where the cache is in trouble; 40 ms are meant. */
const MOST_MS = 300;
const READING = /the cache is not reachable/g;
const WRITING = /the cache \(writing\) is not reachable/g;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function startAll(cache: (redis: TestRedis | null) => object, redisOptions: string[] | null = null) {
  const upstream = await startUpstream();
  closing.push(upstream.close);
  upstream.script('openai', HELLO);
  const redis = redisOptions && (await startRedis(...redisOptions));
  if (redis) closing.push(redis.close);
  const gateway = await startOne(upstream, cache(redis));
  return { upstream, redis: redis as TestRedis, gateway, user: await account(gateway, ['openai']) }; // where it was asked for
}

async function startOne(upstream: Upstream, cache: object, dir?: string): Promise<TestGateway> {
  const tiers = { one: { targets: ['openai:gpt-6-luna'] } };
  const config = { providers: vendors(upstream.url), tiers, cache };
  const gateway = await startGateway({ config, ...(dir !== undefined && { dir }) });
  closing.push(gateway.close);
  return gateway;
}

/** Asks, whole or streaming; every answer is an answer, and comes soon. */
async function ask(user: Account, seed: number, stream = false): Promise<boolean> {
  const at = performance.now();
  const response = await user.chat({ model: 'one', seed, stream }, CACHE);
  const text = await response.text();
  expect([response.status, text]).toEqual([200, expect.stringContaining('Hello.')]);
  expect(performance.now() - at).toBeLessThan(MOST_MS);
  return text.includes('"cache_hit":true');
}
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** What was kept has been written by then. */
const written = () => wait(300);
async function eventually(what: () => Promise<boolean> | boolean, ms = 8_000): Promise<void> {
  for (const until = performance.now() + ms; performance.now() < until; await wait(100))
    if (await what()) return;
  expect.fail(`not within ${ms} ms: ${what}`);
}
/** As `ask`, of many, one after another and at the same time, new ones and those that were asked before. */
async function askMany(user: Account, from: number): Promise<void> {
  for (let i = 0; i < 6; i++) await ask(user, from + i, i % 2 === 1);
  await Promise.all(Array.from({ length: 6 }, (_, i) => ask(user, from + 6 + i, i % 2 === 1)));
  for (let i = 0; i < 3; i++) await ask(user, i);
}
const count = (gateway: TestGateway, words: RegExp) => gateway.output().match(words)?.length ?? 0;
/** It says once that it is well again, and what is kept from then on is found. */
async function used(gateway: TestGateway, user: Account, words: string): Promise<void> {
  let seed = 1_000;
  await eventually(async () => {
    await ask(user, ++seed);
    return gateway.output().includes(words);
  });
  await eventually(async () => {
    await ask(user, ++seed);
    await written(); // what still waits to be written would be found as well
    return ask(user, seed);
  });
  expect(gateway.output().split(words).length).toBe(2);
}
const inRedis = (redis: TestRedis | null) => ({ store: redis?.url, memoryBytes: 0 });

if (!hasRedis()) console.warn('no redis-server on this machine: the cache in Redis is not tested');

describe.skipIf(!hasRedis())('cached answers in Redis', () => {
  it('outlive the gateway', async () => {
    const { gateway, upstream, redis, user } = await startAll(inRedis, []);
    expect([await ask(user, 1), await ask(user, 2, true)]).toEqual([false, false]);
    await gateway.stop();
    const again = await startOne(upstream, inRedis(redis), gateway.dir);
    const same = {
      ...user,
      chat: (body: object, headers = {}) =>
        again.fetch('/v1/chat/completions', {
          method: 'POST',
          key: user.key,
          headers,
          body: JSON.stringify({ messages: [{ role: 'user', content: 'Say hello.' }], ...body }),
        }),
    };
    expect([await ask(same, 1), await ask(same, 2), await ask(same, 2, true)]).toEqual([true, true, true]);
  });

  it('are shared by two gateways, between users only where the operator says so', async () => {
    const shared = (redis: TestRedis | null) => ({ ...inRedis(redis), scope: 'shared' });
    const { upstream, redis, user } = await startAll(shared, []);
    expect(await ask(user, 1)).toBe(false);
    await written();
    const other = await account(await startOne(upstream, shared(redis)), ['openai']);
    expect([await ask(other, 1), await ask(other, 1, true), await ask(other, 2)]).toEqual([
      true,
      true,
      false,
    ]);
    await written();
    expect(await ask(user, 2)).toBe(true);
    const own = await account(await startOne(upstream, inRedis(redis)), ['openai']);
    expect(await ask(own, 1)).toBe(false);
  });

  it('are missed by nobody while it is killed, and are there when it is back', async () => {
    const { gateway, redis, user } = await startAll(inRedis, []);
    await ask(user, 0);
    await redis.kill();
    await askMany(user, 100);
    await wait(1_100);
    await askMany(user, 200);
    await written();
    expect([count(gateway, READING), count(gateway, WRITING)]).toEqual([1, 1]);
    await redis.start();
    await used(gateway, user, 'the cache is back');
    await used(gateway, user, 'the cache (writing) is back');
    expect([count(gateway, READING), count(gateway, WRITING)]).toEqual([1, 1]);
  });

  it('are missed by nobody while it is frozen', async () => {
    const { gateway, redis, user } = await startAll(inRedis, []);
    await ask(user, 0);
    await written();
    redis.freeze();
    await askMany(user, 100);
    await wait(1_100);
    await askMany(user, 200);
    expect(count(gateway, READING)).toBe(1);
    redis.thaw();
    await used(gateway, user, 'the cache is back');
    expect(await ask(user, 0)).toBe(true);
  });

  it('are missed by nobody where it was not there at the start', async () => {
    const { upstream, redis } = await startAll(() => ({}), []);
    await redis.kill();
    const again = await startOne(upstream, inRedis(redis));
    const other = await account(again, ['openai']);
    await askMany(other, 0);
    await redis.start();
    await used(again, other, 'the cache is back');
  });

  it('are not kept where it is full, and are when there is room', async () => {
    const { gateway, redis, user } = await startAll(inRedis, [
      ...['--maxmemory', '1mb'],
      ...['--maxmemory-policy', 'noeviction'],
    ]);
    await askMany(user, 0);
    await wait(1_200);
    await askMany(user, 100);
    await eventually(() => count(gateway, WRITING) > 0);
    await askMany(user, 200);
    expect([count(gateway, WRITING), count(gateway, READING)]).toEqual([1, 0]);
    redis.cli('config', 'set', 'maxmemory', '100mb');
    await used(gateway, user, 'the cache (writing) is back');
  });

  const junk: readonly (readonly [string, string[]])[] = [
    ['nothing', ['set', '']],
    ['a word', ['set', 'junk']],
    ['no JSON', ['set', '\n{"at":']],
    ['other JSON', ['set', '\n{"at":1}']],
    ['null', ['set', '\nnull']],
    ['what has expired', ['set', '1\n{}']],
    ['a list', ['rpush', 'a']],
    ['a hash', ['hset', 'a', 'b']],
  ];
  const overwritten = async (command: string, values: readonly string[]) => {
    const { gateway, redis, user } = await startAll(inRedis, []);
    await ask(user, 1);
    await written();
    expect(await ask(user, 1)).toBe(true);
    const keys = redis.cli('--scan').trim().split('\n');
    expect(keys.length).toBe(1);
    for (const key of keys) {
      redis.cli('del', key);
      redis.cli(command, key, ...values);
    }
    expect(await ask(user, 1)).toBe(false);
    await written();
    return { again: await ask(user, 1), gateway };
  };

  it.each(junk)('that were overwritten with %s are had again', async (_, [command = '', ...values]) => {
    const { again, gateway } = await overwritten(command, values);
    expect([again, count(gateway, READING)]).toEqual([true, 0]);
  });

  it('that were overwritten with half an entry are had again', async () => {
    const half = { at: 1, fresh: 9e15, until: 9e15, by: {}, said: {} };
    expect((await overwritten('set', [`\n${JSON.stringify(half)}`])).again).toBe(true);
  });
});

describe('cached answers in a file', () => {
  const inFile = () => ({ store: 'sqlite', memoryBytes: 0 });
  const fileOf = ({ dir }: TestGateway) => join(dir, 'data', 'cache.sqlite');

  it('are had again where it is overwritten with junk while the gateway runs', async () => {
    const { gateway, user } = await startAll(inFile);
    await askMany(user, 0);
    await written();
    expect(await ask(user, 1)).toBe(true);
    writeFileSync(fileOf(gateway), 'junk'.repeat(50_000));
    await askMany(user, 100);
    await eventually(async () => {
      await written();
      return ask(user, 1);
    });
    await askMany(user, 200);
    expect(gateway.output()).not.toContain('nobody caught');
  });

  it('are had again where it was overwritten before the start', async () => {
    const { gateway, upstream, user } = await startAll(inFile);
    await ask(user, 1);
    await gateway.stop();
    writeFileSync(fileOf(gateway), 'junk'.repeat(50_000));
    const again = await startOne(upstream, inFile(), gateway.dir);
    const other = await account(again, ['openai']);
    await askMany(other, 0);
    await eventually(async () => {
      await written();
      return ask(other, 1);
    });
  });

  it('are done without where it cannot be opened', async () => {
    const { gateway, upstream } = await startAll(() => ({ store: 'memory' }));
    await gateway.stop();
    mkdirSync(fileOf(gateway));
    const again = await startOne(upstream, inFile(), gateway.dir);
    await askMany(await account(again, ['openai']), 0);
    await wait(1_200);
    await askMany(await account(again, ['openai']), 100);
    await written();
    expect([count(again, READING), count(again, WRITING)]).toEqual([1, 1]);
  });

  const root = process.getuid?.() === 0;
  if (root) console.warn('running as root: a read-only folder is not tested');
  it.skipIf(root)('are done without where their folder is read-only', async () => {
    const { gateway, user } = await startAll(inFile);
    await ask(user, 1);
    chmodSync(join(gateway.dir, 'data'), 0o500);
    await askMany(user, 100);
    chmodSync(join(gateway.dir, 'data'), 0o700);
    await eventually(() => ask(user, 1));
  });
});
