import {
  type ChatChunk,
  createHost,
  frameOf,
  GatewayError,
  modelTarget,
  type Provider,
  pipeline,
  virtualClock,
} from '@inferbridge/core';
import { scripted } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { type CallRecord, logger } from './logger.ts';
import { createHealthGate } from './resilience/health-gate.ts';
import { resilience } from './resilience/index.ts';
import { router } from './router.ts';
import { priority, race } from './strategies/index.ts';

const clock = virtualClock();
const host = createHost({
  clock,
  random: () => 0.5,
  transport: () => Promise.reject(new TypeError('nobody')),
});
const targetOf = (provider: Provider) =>
  modelTarget({ provider, model: 'm', credential: { id: 'k', secret: '' }, host });
const never = new Promise<never>(() => {});
const deaf: readonly Provider[] = [
  { name: 'deaf', chat: () => never },
  {
    name: 'deaf',
    // biome-ignore lint/correctness/useYield: it never gets so far
    async *chat() {
      await never;
    },
  },
];

const ask = (tier: Parameters<typeof priority>[0], how = priority, signal?: AbortSignal, stream = true) => {
  const records: CallRecord[] = [];
  const gateway = pipeline()
    .use('logger', logger({ sink: (record) => records.push(record), clock }))
    .to(
      router(
        { t: how(tier) },
        { host, layers: resilience({ ...host, timers: { firstContentMs: 2_000, totalMs: 4_000 } }) },
      ),
    );
  const asking = gateway
    .chat(
      { model: 't', stream, messages: [{ role: 'user', content: 'hi' }] },
      { clock, deadlineMs: 20_000, ...(signal && { signal }) },
    )
    .then(async (reply) => {
      if (reply.kind === 'stream') for await (const _ of reply.frames);
      return reply.by.provider;
    })
    .catch((error: unknown) => error);
  return { asking, records };
};

const hanging = async function* (first: readonly ReturnType<typeof frameOf>[]) {
  yield* first;
  await never;
  return undefined;
};
const said = frameOf({
  id: 'x',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta: { content: 'a' }, finish_reason: null }],
});

describe('frames that hang', () => {
  it('before their first content make room for the next', async () => {
    const provider: Provider = { name: 'deaf', chat: async () => ({ kind: 'stream', frames: hanging([]) }) };
    const { asking } = ask([targetOf(provider), scripted('well:m', [{ say: 'hi' }], { clock })]);
    await clock.advance(30_000);
    expect(await asking).toBe('well');
  });

  it('behind it end as a stream that broke', async () => {
    const provider: Provider = {
      name: 'deaf',
      chat: async () => ({ kind: 'stream', frames: hanging([said]) }),
    };
    const { asking, records } = ask([targetOf(provider)]);
    await clock.advance(120_000);
    expect(await asking).toMatchObject({ class: 'timeout' });
    expect(records).toMatchObject([{ status: 'error', attempts: [{ outcome: 'timeout' }] }]);
  });

  it.each([
    [true, 0],
    [true, 1],
    [false, 0],
    [false, 1],
  ])('close their source, streaming: %s, after %i chunks', async (stream, left) => {
    let closed = 0;
    const chat = (): AsyncIterable<ChatChunk> => {
      const chunks = said.chunks().slice(0, left);
      return {
        [Symbol.asyncIterator]: () => ({
          async next() {
            const value = chunks[0];
            if (left-- > 0 && value) return { done: false as const, value };
            await never;
            return { done: true as const, value: undefined };
          },
          async return() {
            closed += 1;
            return { done: true as const, value: undefined };
          },
        }),
      };
    };
    const targets = [targetOf({ name: 'hand', chat }), scripted('well:m', [{ say: 'hi' }], { clock })];
    const { asking } = ask(targets, priority, undefined, stream);
    await clock.advance(30_000);
    await asking;
    expect(closed).toBe(1);
  });

  it('of a provider whose iterator is written by hand end well, whatever its return does', async () => {
    const last = {
      ...said.chunks()[0],
      choices: [{ index: 0, delta: { content: 'b' }, finish_reason: 'stop' }],
    };
    const byHand = (): AsyncIterable<ChatChunk> => {
      const chunks = [...said.chunks(), last as ChatChunk];
      return {
        [Symbol.asyncIterator]: () => ({
          next: async () => {
            const value = chunks.shift();
            return value ? { done: false as const, value } : { done: true as const, value: undefined };
          },
          return: () => {
            throw new Error('never call me');
          },
        }),
      };
    };
    const { asking, records } = ask([targetOf({ name: 'hand', chat: byHand })]);
    await clock.advance(10);
    expect(await asking).toBe('hand');
    expect(records).toMatchObject([{ status: 'success' }]);
  });
});

describe.each(deaf)('a provider that knows nothing of signals', (provider) => {
  it('is given up when its time is over, and the next one answers', async () => {
    const { asking, records } = ask([targetOf(provider), scripted('well:m', [{ say: 'hi' }], { clock })]);
    await clock.advance(30_000);
    expect(await asking).toBe('well');
    expect(records).toMatchObject([
      { status: 'fallback_success', attempts: [{ outcome: 'timeout' }, { outcome: 'ok' }] },
    ]);
  });

  it('holds nobody who has left, and stands in the log as a race’s loser', async () => {
    const gone = new AbortController();
    const left = ask([targetOf(provider)], priority, gone.signal);
    await clock.advance(10);
    gone.abort(new GatewayError('client_closed', 'gone'));
    await clock.advance(10);
    expect(await left.asking).toMatchObject({ class: 'client_closed' });
    expect(left.records).toMatchObject([{ attempts: [{ outcome: 'aborted' }] }]);
    const raced = ask([targetOf(provider), scripted('well:m', [{ say: 'hi' }], { clock })], race);
    await clock.advance(200);
    expect(await raced.asking).toBe('well');
    expect(raced.records).toMatchObject([{ attempts: [{ outcome: 'aborted' }, { outcome: 'ok' }] }]);
  });
});

describe('panic', () => {
  it('goes through a health check that fails to the breaker behind it', async () => {
    const gate = createHealthGate({ clock });
    const upstream = scripted('p:m', [{ fail: 'server_error' }, { say: 'back' }], { clock });
    const layers = [gate.layer, ...resilience({ ...host, breaker: { failures: 1 } })];
    const gateway = pipeline().to(router({ t: priority([upstream]) }, { host, layers }));
    const request = { model: 't', messages: [{ role: 'user' as const, content: 'hi' }] };
    const first = gateway.chat(request, { clock, deadlineMs: 100 }).catch(() => null);
    await clock.advance(100);
    await first;
    gate.report('p', 'scripted', false);
    gate.report('p', 'scripted', false);
    const second = gateway.chat(request, { clock });
    await clock.advance(10);
    expect((await second).by.provider).toBe('p');
  });
});

describe('a limit on money', () => {
  it('also holds for further tries', async () => {
    const price = () => 1;
    const dear = scripted(
      'dear:m',
      [{ fail: 'rate_limited', details: { retryAfterMs: 500 } }, { say: 'hi' }],
      { clock, price },
    );
    const slow = scripted('slow:m', [{ hang: true }], { clock, price });
    const tier = priority([dear, slow]);
    const layers = resilience({ ...host, timers: { firstContentMs: 300 } });
    const wrapped = {
      ...tier,
      targets: tier.targets.map((target) =>
        'handle' in target ? layers.reduceRight((inner, layer) => layer(inner), target) : target,
      ),
    };
    const gateway = pipeline().to(router(() => ({ name: 't', tier: wrapped, maxUsd: 0.5 }), { host }));
    const asking = gateway
      .chat({ model: 't', stream: true, messages: [{ role: 'user', content: 'hi' }] }, { clock })
      .catch((error: unknown) => error);
    await clock.advance(10_000);
    expect(await asking).toBeInstanceOf(GatewayError);
    expect(dear.calls).toHaveLength(1);
  });
});
