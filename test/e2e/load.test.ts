import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, account, PROMPT } from '../support/account.ts';
import { completion, message, messageStream, streamed } from '../support/answers.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { held, INSPECTED, rest } from '../support/held.ts';
import { post } from '../support/post.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let primary: Upstream;
let secondary: Upstream;
let gateway: TestGateway;
let user: Account;
const agent = new Agent({
  connections: 2_000,
  pipelining: 1,
  keepAliveTimeout: 1_000,
  keepAliveMaxTimeout: 1_000,
});

beforeAll(async () => {
  primary = await startUpstream();
  secondary = await startUpstream();
  gateway = await startGateway({
    nodeArgs: INSPECTED,
    config: {
      providers: {
        openai: { baseUrl: `${primary.url}/openai/v1` },
        anthropic: { baseUrl: `${secondary.url}/anthropic/v1` },
      },
    },
  });
  user = await account(gateway, ['openai', 'anthropic']);
});
afterAll(async () => {
  await agent.close();
  await gateway.close();
  await primary.close();
  await secondary.close();
});

const ask = (stream = false): Promise<{ status: number; text: string }> =>
  post(
    `${gateway.url}/v1/chat/completions`,
    { agent, key: user.key },
    JSON.stringify({ model: 'ib/balanced', messages: PROMPT, stream }),
  );

describe('a primary that dies under load', () => {
  it('costs none of 200 requests in flight an error', async () => {
    primary.script('openai', {
      ...(completion('From the first.') as { status: 200; body: string }),
      afterMs: 1_500,
    });
    secondary.script('anthropic', message('From the second.'));
    const asking = Array.from({ length: 200 }, () => ask());
    for (let i = 0; i < 100 && (await primary.inFlight()) < 200; i++) await pause(20);
    expect(await primary.inFlight()).toBe(200);
    await primary.kill();
    const answers = await Promise.all(asking);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(answers.every(({ text }) => text.includes('From the second.'))).toBe(true);
    const { data } = (await (
      await gateway.fetch('/v1/logs?limit=1000&status=fallback_success', { key: user.key })
    ).json()) as { data: object[] };
    expect(data).toHaveLength(200);
  });

  it('nor 200 streams that have no content yet', async () => {
    primary = await startUpstream(primary.port);
    user = await account(gateway, ['openai', 'anthropic']);
    primary.script('openai', {
      sse: [
        'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n',
      ],
      end: 'hang',
    });
    secondary.script('anthropic', messageStream('From the second.'));
    const asking = Array.from({ length: 200 }, () => ask(true));
    for (let i = 0; i < 100 && (await primary.inFlight()) < 200; i++) await pause(20);
    await primary.kill();
    const answers = await Promise.all(asking);
    expect(
      answers.filter(
        ({ status, text }) => status !== 200 || !text.includes('[DONE]') || text.includes('"error"'),
      ),
    ).toEqual([]);
  });
});

describe('many requests', () => {
  const SEQUENTIAL = Number(process.env['LOAD_SEQUENTIAL'] ?? 10_000);
  const CONCURRENT = Number(process.env['LOAD_CONCURRENT'] ?? 2_000);

  it(`${SEQUENTIAL} one after another and ${CONCURRENT} at once leave memory, sockets and timers where they were`, async () => {
    primary = await startUpstream(primary.port);
    user = await account(gateway, ['openai', 'anthropic']);
    const round = async (sequential: number, concurrent: number) => {
      const bad: string[] = [];
      const note = ({ status, text }: { status: number; text: string }) => {
        if (status !== 200) bad.push(`${status} ${text}`);
      };
      primary.script('openai', { whole: completion('Hello.'), stream: streamed('Hello there, all of you.') });
      for (let i = 0; i < sequential; i++) note(await ask());
      for (let i = 0; i < sequential / 20; i++) note(await ask(true));
      await Promise.all(Array.from({ length: concurrent }, (_, i) => ask(i % 2 === 0).then(note)));
      return bad;
    };
    await round(SEQUENTIAL / 5, CONCURRENT);
    await rest(gateway);
    const before = await held(gateway);
    expect((await round(SEQUENTIAL, CONCURRENT)).slice(0, 3)).toEqual([]);
    await rest(gateway, { sockets: before.sockets + 10, files: before.files + 10 });
    const after = await held(gateway);
    expect(after.timers).toBeLessThanOrEqual(before.timers + 5);
    expect(after.sockets).toBeLessThanOrEqual(before.sockets + 10);
    expect(after.files).toBeLessThanOrEqual(before.files + 10);
    expect((after.heap - before.heap) / 1e6).toBeLessThan(15);
    expect(
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) / 1024,
    ).toBeLessThan(600);
  }, 180_000);
});
