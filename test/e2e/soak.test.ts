import { createConnection } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom } from '@inferbridge/core';
import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, account, PROMPT } from '../support/account.ts';
import { completion, message, messageStream, streamed } from '../support/answers.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { held, INSPECTED, rest } from '../support/held.ts';
import { post } from '../support/post.ts';
import { type Act, startUpstream, type Upstream } from '../support/upstream.ts';

/*
 * Callers of every kind for a while, and providers with every kind of trouble: at the end the process holds what it held
 * before, and the log has told of every call. Half an hour on demand: SOAK_SECONDS=1800 vitest run --project e2e test/e2e/soak
 */
const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 20);
const CALLERS = Number(process.env['SOAK_CALLERS'] ?? 24);
/** The first round grows what is kept for good: caches, tables, compiled code. */
const WARM_SECONDS = Math.min(60, SECONDS / 2);

let primary: Upstream;
let secondary: Upstream;
let gateway: TestGateway;
let user: Account;
/** Nobody waits longer: whatever the providers do, each call is over long before. */
const PATIENCE_MS = 20_000;
const agent = new Agent({
  connections: 500,
  keepAliveTimeout: 1_000,
  keepAliveMaxTimeout: 1_000,
  headersTimeout: PATIENCE_MS,
  bodyTimeout: PATIENCE_MS,
});
/** A whole answer has no timer of its own unless a tier sets one. */
const TIMEOUTS = { headersMs: 400, firstContentMs: 400, idleMs: 2_000 };
const TARGETS = ['openai:gpt-6.1-terra', 'anthropic:claude-sonnet-5-5'];
const random = seededRandom(20_261_121);
const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T; // never empty

const WORDS = 'water waits within wide wells '.repeat(40);
const GOOD: Act = { whole: completion('Hello.'), stream: streamed(`Hello there, all of you. ${WORDS}`) };
const both = (act: Act): Act => ({ whole: act, stream: act });
/** What the first provider does, one after the other; the second one always answers. */
const TROUBLE: readonly Act[] = [
  GOOD,
  GOOD,
  both({ status: 429, body: '{"error":{"message":"slow down"}}', headers: { 'retry-after': '1' } }),
  both({ status: 500, body: '{"error":{"message":"oops"}}' }),
  both({ status: 503, body: 'not JSON at all' }),
  GOOD,
  both({ reset: true }),
  both({ raw: 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"id"' }),
  {
    whole: completion('Late.'),
    stream: {
      sse: ['data: {"id":"x","choices":[{"index":0,"delta":{"content":"half"},"finish_reason":null}]}\n\n'],
      end: 'reset',
    },
  },
  GOOD,
  both({ hang: true }),
  both({ status: 200, body: '{"choices":' }),
  { whole: completion('Slow.'), stream: { ...(streamed(WORDS) as { sse: string[] }), gapMs: 2 } },
  both({ status: 400, body: '{"error":{"message":"no","code":"context_length_exceeded"}}' }),
];

beforeAll(async () => {
  primary = await startUpstream();
  secondary = await startUpstream();
  secondary.script('anthropic', {
    whole: message('From the second.'),
    stream: messageStream(`From the second. ${WORDS}`),
  });
  gateway = await startGateway({
    nodeArgs: INSPECTED,
    config: {
      providers: {
        openai: { baseUrl: `${primary.url}/openai/v1` },
        anthropic: { baseUrl: `${secondary.url}/anthropic/v1` },
      },
      tiers: {
        'ib/balanced': {
          strategy: 'priority',
          targets: TARGETS,
          timeouts: TIMEOUTS,
          breaker: { failures: 20, openMs: 500 },
        },
        'ib/raced': { strategy: 'race', targets: TARGETS, timeouts: TIMEOUTS },
        'ib/hedged': { strategy: ['hedge', { afterMs: 20 }], targets: TARGETS, timeouts: TIMEOUTS },
      },
      faults: {
        rules: [
          { provider: 'openai', fault: 'cut:2', share: 0.02 },
          { provider: 'openai', fault: 'slow:50', share: 0.05 },
        ],
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

let asked = 0;
/** Refused before they were calls: they leave no row. */
let unread = 0;
/** Left by their callers, perhaps before they were calls. */
let left = 0;
const statuses = new Map<number, number>();
const bodyOf = (more: object = {}) =>
  JSON.stringify({
    model: pick(['ib/balanced', 'ib/balanced', 'ib/raced', 'ib/hedged']),
    messages: PROMPT,
    ...more,
  });

/** Asks as an ordinary client does, and notes the status. */
async function ask(path: string, body: string, headers: Record<string, string> = {}): Promise<void> {
  asked += 1;
  const { status } = await post(gateway.url + path, { agent, key: user.key, headers }, body);
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
}

function mistaken(body: string): Promise<void> {
  unread += 1;
  return ask('/v1/chat/completions', body);
}

/** On a bare socket: reads a little, waits, and goes without a word. */
function leave(body: string, waitMs: number): Promise<void> {
  left += 1;
  const { port } = new URL(gateway.url);
  return new Promise((resolve) => {
    const socket = createConnection({ port: Number(port), host: '127.0.0.1' }, () =>
      socket.write(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${user.key}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      ),
    );
    socket.once('data', () => socket.pause());
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    setTimeout(() => socket.resetAndDestroy(), waitMs);
  });
}

const CALLERS_DO: readonly (() => Promise<void>)[] = [
  () => ask('/v1/chat/completions', bodyOf()),
  () => ask('/v1/chat/completions', bodyOf({ stream: true })),
  () => ask('/v1/chat/completions', bodyOf({ stream: true, stream_options: { include_usage: true } })),
  () => ask('/v1/messages', bodyOf({ max_tokens: 50, messages: [{ role: 'user', content: 'Hi' }] })),
  () =>
    ask('/v1/chat/completions', bodyOf({ user: `u${pick([1, 2, 3])}` }), { 'x-inferbridge-cache': 'true' }),
  () => ask('/v1/chat/completions', bodyOf(), { 'x-inferbridge-cache': 'true', 'cache-control': 'no-cache' }),
  () => ask('/v1/chat/completions', bodyOf({ stream: true }), { 'idempotency-key': `k${asked}` }),
  () => mistaken('{"model":'),
  () => mistaken(bodyOf({ temperature: 'hot' })),
  () => ask('/v1/chat/completions', bodyOf(), { 'x-inferbridge-timeout': '1' }),
  () => leave(bodyOf({ stream: true }), 5 + random() * 60),
  () => leave(bodyOf(), random() * 20),
];

async function soak(seconds: number): Promise<void> {
  const until = performance.now() + seconds * 1_000;
  const caller = async () => {
    while (performance.now() < until) await pick(CALLERS_DO)();
  };
  const trouble = async () => {
    while (performance.now() < until) {
      primary.script('openai', pick(TROUBLE));
      await pause(100);
    }
    primary.script('openai', GOOD);
  };
  await Promise.all([trouble(), ...Array.from({ length: CALLERS }, caller)]);
}

describe('callers of every kind, providers with every kind of trouble', () => {
  it(
    `leave the process as it was, after ${SECONDS} seconds`,
    async () => {
      await soak(WARM_SECONDS);
      await rest(gateway);
      const before = await held(gateway);
      await soak(SECONDS);
      await rest(gateway, { sockets: before.sockets + 5, files: before.files + 5 });
      const after = await held(gateway);
      process.stdout.write(
        `soak: ${asked} calls in ${WARM_SECONDS + SECONDS} s, ${JSON.stringify(Object.fromEntries(statuses))}; before ${JSON.stringify(before)}, after ${JSON.stringify(after)}\n`,
      );
      expect(after.sockets).toBeLessThanOrEqual(before.sockets + 5);
      expect(after.files).toBeLessThanOrEqual(before.files + 5);
      expect(after.timers).toBeLessThanOrEqual(before.timers + 5);
      expect((after.heap - before.heap) / 1e6).toBeLessThan(8);
      expect(after.rss / 1e6).toBeLessThan(800); // the cache in front of its store, young objects and the allocator take their share, and keep it
      // nobody is told of anything but what it is: an answer, one's own mistake, or that nobody could answer
      expect(
        [...statuses.keys()].filter((status) => ![200, 400, 422, 429, 502, 503, 504].includes(status)),
      ).toEqual([]);
      expect(statuses.get(200)).toBeGreaterThan(asked / 2);
      expect(gateway.output()).not.toMatch(/failed unexpectedly|nobody caught/);
    },
    (WARM_SECONDS + SECONDS) * 1_000 + 180_000,
  );

  it('is in the log to the last call', async () => {
    const stats = (await (await gateway.fetch('/v1/stats', { key: user.key })).json()) as {
      totals: { requests: number };
    };
    expect(stats.totals.requests).toBeGreaterThanOrEqual(asked - unread);
    expect(stats.totals.requests).toBeLessThanOrEqual(asked - unread + left);
  });
});
