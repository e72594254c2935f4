import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, account, PROMPT } from '../support/account.ts';
import { completion, streamed } from '../support/answers.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { vendors } from '../support/standard.ts';
import { type Act, startUpstream, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());

const start = (more: object = {}, dir?: string) =>
  startGateway({
    ...(dir !== undefined && { dir }),
    config: {
      providers: vendors(upstream.url),
      tiers: { one: { targets: ['openai:gpt-6-luna'] }, two: { targets: ['anthropic:claude-sonnet-5'] } },
      ...more,
    },
  });
const key = (name: string) => ({ 'idempotency-key': name });
/** Asks, and leaves. */
const askAndLeave = async (user: Account, body: object, headers: Record<string, string>, afterMs: number) => {
  const leave = new AbortController();
  const asking = user
    .chat({ model: 'one', ...body }, headers, leave.signal)
    .then((response) => response.text())
    .catch(() => {});
  await pause(afterMs);
  leave.abort();
  await asking;
  await pause(50);
};
const slow = (ms: number): Act => ({
  whole: { ...completion('x y'), afterMs: ms } as Act,
  stream: { ...streamed('one two three four five six', ms / 8) } as Act,
});
const calls = async () => (await upstream.seen('openai')).length;

describe('a call whose client has left', () => {
  it.each([false, true])(
    'is waited for at SIGTERM; its row and its outcome are there afterwards, streaming: %s',
    async (stream) => {
      upstream.script('openai', slow(2_000));
      const first = await start();
      const user = await account(first, ['openai']);
      const before = await calls();
      await askAndLeave(user, { stream }, key('k1'), 400);
      expect(await first.stop()).toBe(0);
      const again = await start({}, first.dir);
      const told = await again.fetch('/v1/chat/completions', {
        method: 'POST',
        key: user.key,
        headers: key('k1'),
        body: JSON.stringify({ model: 'one', messages: PROMPT, stream }),
      });
      expect([told.status, told.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
      await told.text();
      const logs = await again.fetch('/v1/logs', { key: user.key });
      expect(((await logs.json()) as { data: object[] }).data).toHaveLength(2);
      expect((await calls()) - before).toBe(1);
      await again.close();
    },
  );

  it('holds up no stop for long where its upstream hangs', async () => {
    upstream.script('openai', { hang: true });
    const gateway = await start();
    const user = await account(gateway, ['openai']);
    await askAndLeave(user, {}, key('k1'), 300);
    const since = performance.now();
    expect(await gateway.stop()).toBe(0);
    expect(performance.now() - since).toBeLessThan(30_000);
    await gateway.close();
  });

  it.each([false, true])('counts among those in flight, streaming: %s', async (stream) => {
    upstream.script('openai', slow(5_000));
    const gateway = await start({ limits: { inFlight: 3, signupsPerMinute: 1_000 } });
    const user = await account(gateway, ['openai']);
    for (let i = 0; i < 3; i++) await askAndLeave(user, { stream, seed: i }, key(`k${i}`), 150);
    expect((await user.chat({ model: 'one' })).status).toBe(503);
    await gateway.close();
  });
});

describe('asking again', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await start();
  });
  afterAll(() => gateway.close());

  it('as an SDK does, which is known for its patience, attaches to the call', async () => {
    upstream.script('openai', slow(2_000));
    const user = await account(gateway, ['openai']);
    const before = await calls();
    await askAndLeave(user, {}, key('k1'), 1_000);
    const again = await user.chat({ model: 'one' }, { ...key('k1'), 'x-stainless-retry-count': '1' });
    await again.text();
    await pause(1_500);
    const third = await user.chat({ model: 'one' }, { ...key('k1'), 'x-stainless-retry-count': '2' });
    expect([third.status, third.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    expect((await calls()) - before).toBe(1);
  });

  it('with less time than the call gives up by itself', async () => {
    upstream.script('openai', slow(2_000));
    const user = await account(gateway, ['openai']);
    const before = await calls();
    const first = user.chat({ model: 'one' }, key('k1'));
    await pause(100);
    const since = performance.now();
    const hurried = await user.chat({ model: 'one' }, { ...key('k1'), 'x-stainless-timeout': '0.8' });
    expect(hurried.status).toBe(504);
    expect(performance.now() - since).toBeLessThan(1_500);
    expect((await first).status).toBe(200);
    expect((await calls()) - before).toBe(1);
  });

  it('for a stream, where what came whole has parts that no stream here can tell, is refused', async () => {
    const user = await account(gateway, ['anthropic']);
    const message = {
      ...{
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'claude-sonnet-5',
        stop_reason: 'end_turn',
      },
      content: [
        { type: 'text', text: 'Hello' },
        { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'q' } },
      ],
      ...{ stop_sequence: null, usage: { input_tokens: 10, output_tokens: 5 } },
    };
    upstream.script('anthropic', {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(message),
      afterMs: 400,
    });
    const ask = (stream: boolean) =>
      gateway.fetch('/v1/messages', {
        method: 'POST',
        key: user.key,
        headers: key('m1'),
        body: JSON.stringify({ model: 'two', max_tokens: 100, messages: PROMPT, stream }),
      });
    const first = ask(false);
    await pause(100);
    expect(await (await ask(true)).text()).toContain('cannot be told as a stream');
    expect(JSON.stringify(await (await first).json())).toContain('srvtoolu_1');
    expect(await (await ask(true)).text()).toContain('cannot be told as a stream');
    const whole = await ask(false);
    expect(whole.headers.get('idempotent-replayed')).toBe('true');
    expect(JSON.stringify(await whole.json())).toContain('srvtoolu_1');
  });
});
