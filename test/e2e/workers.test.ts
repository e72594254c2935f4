import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, account } from '../support/account.ts';
import { completion, streamed } from '../support/answers.ts';
import { runCli, startGateway, type TestGateway } from '../support/gateway.ts';
import { oneTarget, vendors } from '../support/standard.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const WORKERS = 3;
let upstream: Upstream;
let gateway: TestGateway;
const config = (more: object = {}) => ({
  workers: WORKERS,
  ...oneTarget(upstream.url),
  ...more,
});
const processes = (pid = gateway.pid): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
/** Each on a connection of its own, so that they spread over the workers. */
const together = (count: number, ask: (i: number) => Promise<Response>) =>
  Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const response = await ask(i);
      return { response, text: await response.text() };
    }),
  );
const statuses = (answers: readonly { response: Response }[]) => {
  const counts: Record<number, number> = {};
  for (const { response } of answers) counts[response.status] = (counts[response.status] ?? 0) + 1;
  return counts;
};
const NEW_CONNECTION = { connection: 'close' };

beforeAll(async () => {
  upstream = await startUpstream();
  upstream.script('openai', { whole: completion('Hello.'), stream: streamed('Hello.') });
  gateway = await startGateway({ config: config() });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

describe('several workers', () => {
  let user: Account;
  beforeAll(async () => {
    user = await account(gateway, ['openai']);
  });
  const ask = (i: number) => user.chat({ model: 'one', seed: i, stream: i % 3 === 0 }, NEW_CONNECTION);

  it('serve on one port, and every row is there for whoever asks next', async () => {
    expect(processes().length).toBeGreaterThanOrEqual(WORKERS);
    const answers = await together(60, ask);
    expect(statuses(answers)).toEqual({ 200: 60 });
    expect(await user.logs()).toHaveLength(60);
  });

  it('count limits together', async () => {
    const limited = await startGateway({
      config: config({ limits: { rpm: 10, signupsPerMinute: 100_000 } }),
    });
    try {
      const one = await account(limited, ['openai']);
      const answers = await together(60, (i) => one.chat({ model: 'one', seed: i }, NEW_CONNECTION));
      expect(statuses(answers)).toEqual({ 200: 10, 429: 50 });
    } finally {
      await limited.close();
    }
  });

  it('know at once of a key that was taken back', async () => {
    const other = await account(gateway, ['openai']);
    expect(statuses(await together(20, () => other.chat({ model: 'one' }, NEW_CONNECTION)))).toEqual({
      200: 20,
    });
    const made = await gateway.fetch('/v1/users/me/keys', { method: 'POST', key: other.key, body: '{}' });
    const { api_key: fresh } = (await made.json()) as { api_key: string };
    const listed = await gateway.fetch('/v1/users/me/keys', { key: fresh });
    const listing = (await listed.json()) as { id: string; last_four: string }[];
    const old = listing.find(({ last_four: end }) => other.key.endsWith(end));
    const gone = await gateway.fetch(`/v1/users/me/keys/${old?.id}`, { method: 'DELETE', key: fresh });
    expect([200, 204]).toContain(gone.status);
    await pause(50);
    expect(statuses(await together(20, () => other.chat({ model: 'one' }, NEW_CONNECTION)))).toEqual({
      401: 20,
    });
  });

  it('find each other’s cached answers', async () => {
    const cached = () =>
      user.chat(
        { model: 'one', temperature: 0, seed: 77 },
        { ...NEW_CONNECTION, 'x-inferbridge-cache': 'true' },
      );
    expect(
      statuses([await cached().then(async (response) => ({ response, text: await response.text() }))]),
    ).toEqual({
      200: 1,
    });
    await pause(600);
    const before = (await upstream.seen('openai')).length;
    expect(statuses(await together(30, cached))).toEqual({ 200: 30 });
    expect((await upstream.seen('openai')).length - before).toBe(0);
  });

  it('are replaced where one dies', async () => {
    const [victim = 0] = processes();
    process.kill(victim, 'SIGKILL');
    for (let i = 0; i < 100 && (processes().includes(victim) || processes().length < WORKERS); i++)
      await pause(50);
    expect(processes()).not.toContain(victim);
    expect(gateway.output()).toContain('a worker ended; another one is started');
    for (let i = 0; i < 5; i++) {
      await pause(300);
      expect(statuses(await together(20, ask))).toEqual({ 200: 20 });
    }
  });

  it('delete an account and all that is its', async () => {
    const other = await account(gateway, ['openai']);
    await together(10, () =>
      other.chat({ model: 'one', seed: 5 }, { ...NEW_CONNECTION, 'x-inferbridge-cache': 'true' }),
    );
    expect((await gateway.fetch('/v1/users/me', { method: 'DELETE', key: other.key })).status).toBe(204);
    await pause(50);
    expect(statuses(await together(10, () => other.chat({ model: 'one' }, NEW_CONNECTION)))).toEqual({
      401: 10,
    });
  });

  it('write all rows on SIGTERM, and end with 0', async () => {
    const first = await startGateway({ config: config() });
    const one = await account(first, ['openai']);
    await together(90, (i) => one.chat({ model: 'one', seed: i }, NEW_CONNECTION));
    expect(await first.stop()).toBe(0);
    const again = await startGateway({ dir: first.dir, config: config({ workers: 1 }) });
    const rows = await again.fetch('/v1/logs?limit=1000', { key: one.key });
    expect(((await rows.json()) as { data: unknown[] }).data).toHaveLength(90);
    await again.close();
  });

  it('do not start where the port is taken, and say so', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const { code, output } = await runCli(['start', '--port', String(port)], {
      cwd: gateway.dir,
      env: { INFERBRIDGE_DATA_DIR: `${gateway.dir}/other` },
    });
    taken.close();
    expect([code, output.includes(`port: ${port}`)]).toEqual([1, true]);
  });
});

it('a signal to all processes at once lets open requests finish', async () => {
  const slow = await startUpstream();
  slow.script('openai', { ...(completion('Slow.') as { status: 200; body: string }), afterMs: 1_500 });
  const first = await startGateway({ config: { ...config(), providers: vendors(slow.url) } });
  const one = await account(first, ['openai']);
  const asking = together(9, (i) => one.chat({ model: 'one', seed: i }, NEW_CONNECTION));
  await pause(500);
  for (const pid of processes(first.pid)) process.kill(pid, 'SIGTERM');
  expect(await first.stop()).toBe(0);
  expect(statuses(await asking)).toEqual({ 200: 9 });
  await first.close();
  await slow.close();
});
