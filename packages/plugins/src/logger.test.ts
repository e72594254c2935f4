import {
  type Call,
  createCall,
  GatewayError,
  type Handler,
  pipeline,
  type Reply,
  type Usage,
} from '@inferbridge/core';
import { type Act, scripted, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { type CallRecord, logger } from './logger.ts';
import { router } from './router.ts';
import { priority } from './strategies/priority.ts';

type Acts = readonly [Act, ...Act[]];
const WALL = Date.UTC(2026, 0, 1);

function setUp(
  scripts: readonly Acts[],
  options: { stream?: boolean; signal?: AbortSignal; handler?: Handler } = {},
) {
  const clock = virtualClock(WALL);
  const records: CallRecord[] = [];
  const targets = scripts.map((acts, i) => scripted(`${'abc'[i]}:m`, acts, { clock, residency: 'eu' }));
  const route = router({ fast: priority(targets) }, { host: { clock, random: () => 0 } });
  const gateway = pipeline()
    .use('logger', logger({ sink: (record) => records.push(record), clock }))
    .to(options.handler ?? route);
  const ask = (): Promise<Reply> =>
    gateway.chat(
      { model: 'fast', messages: [{ role: 'user', content: 'hi' }], stream: options.stream ?? false },
      { clock, id: 'call-1', ...(options.signal && { signal: options.signal }) },
    );
  return { clock, records, ask };
}
async function read(reply: Reply) {
  if (reply.kind === 'stream') for await (const frame of reply.frames) frame.chunks();
}

describe('logger', () => {
  it('tells everything about a call that went well, once', async () => {
    const { clock, records, ask } = setUp([[{ say: 'hi', afterMs: 40 }]]);
    await clock.advance(5);
    const asking = ask();
    await clock.advance(40);
    await asking;
    expect(records).toEqual([
      {
        id: 'call-1',
        at: WALL + 5,
        asked: 'fast',
        status: 'success',
        error: null,
        provider: 'a',
        model: 'm',
        residency: 'eu',
        stream: false,
        usage: null,
        cost: null,
        latencyMs: 40,
        arm: null,
        attempts: [expect.objectContaining({ provider: 'a', outcome: 'ok', latencyMs: 40 })],
      },
    ]);
  });

  it.each<[string, readonly Acts[], CallRecord['status']]>([
    ['the first one answers', [[{ say: 'hi' }], [{ say: 'hi' }]], 'success'],
    ['the second one answers', [[{ fail: 'unreachable' }], [{ say: 'hi' }]], 'fallback_success'],
    ['the same one answers at last', [[{ fail: 'unreachable' }, { say: 'hi' }]], 'success'],
    ['nobody answers', [[{ fail: 'bad_credential' }]], 'error'],
    ['the caller is wrong', [[{ fail: 'invalid_request' }]], 'error'],
  ])('says how it ended where %s', async (_, scripts, status) => {
    const { clock, records, ask } = setUp(scripts);
    const asking = ask().catch(() => {});
    await clock.advance(1_000);
    await asking;
    expect(records.map((record) => record.status)).toEqual([status]);
  });

  it('does not call a race’s loser a fallback', async () => {
    const clock = virtualClock();
    const records: CallRecord[] = [];
    const targets = [
      scripted('a:m', [{ hang: true }], { clock }),
      scripted('b:m', [{ say: 'hi' }], { clock }),
    ];
    const strategy = priority([]).strategy;
    const tier = {
      targets,
      strategy: (...[choices]: Parameters<typeof strategy>) => ({
        together: choices.map(({ plan }) => plan),
      }),
    };
    const gateway = pipeline()
      .use('logger', logger({ sink: (record) => records.push(record), clock }))
      .to(router({ fast: tier }, { host: { clock, random: () => 0 } }));
    await gateway.chat({ model: 'fast', messages: [{ role: 'user', content: 'hi' }] }, { clock });
    await clock.advance(0);
    expect(records).toMatchObject([
      { status: 'success', provider: 'b', attempts: [{ outcome: 'aborted' }, { outcome: 'ok' }] },
    ]);
  });

  it('says that the cache has answered', async () => {
    const inner = setUp([[{ say: 'hi' }]]);
    const reply = await inner.ask();
    const { records, ask } = setUp([], { handler: async () => ({ ...reply, cached: 'hit' }) });
    await ask();
    expect(records).toMatchObject([{ status: 'cache_hit', attempts: [] }]);
  });

  it('tells of a failure with its class and every attempt, and rethrows it', async () => {
    const { records, ask } = setUp([[{ fail: 'bad_credential' }], [{ fail: 'quota_exhausted' }]]);
    const error = await ask().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ class: 'quota_exhausted' });
    expect(records).toMatchObject([
      {
        status: 'error',
        error: {
          class: 'quota_exhausted',
          message: 'every candidate failed: a:m refused the key; b:m out of quota',
        },
        provider: null,
        model: null,
        residency: null,
        attempts: [{ outcome: 'bad_credential' }, { outcome: 'quota_exhausted' }],
      },
    ]);
  });

  it('calls what a stage throws without a class internal', async () => {
    const { records, ask } = setUp([], { handler: () => Promise.reject(new TypeError('a bug')) });
    await expect(ask()).rejects.toBeInstanceOf(GatewayError);
    expect(records).toMatchObject([
      { status: 'error', error: { class: 'internal', message: 'an unexpected error' } },
    ]);
  });
});

describe('logger of a stream', () => {
  it('waits for its end', async () => {
    const { clock, records, ask } = setUp([[{ say: 'one two', betweenMs: 10 }]], { stream: true });
    const asking = ask();
    await clock.advance(20);
    const reading = read(await asking);
    expect(records).toEqual([]);
    await clock.advance(100);
    await reading;
    expect(records).toMatchObject([{ status: 'success', stream: true, latencyMs: 40 }]);
  });

  it('tells of one that died in the middle as an error, and who served it', async () => {
    const { records, ask } = setUp([[{ say: 'one two', thenFail: 'unreachable' }]], { stream: true });
    await read(await ask()).catch(() => {});
    expect(records).toMatchObject([{ status: 'error', error: { class: 'unreachable' }, provider: 'a' }]);
  });

  it('tells of one that its reader left, once', async () => {
    const { records, ask } = setUp([[{ say: 'one two three' }]], { stream: true });
    const reply = await ask();
    if (reply.kind === 'stream') for await (const _ of reply.frames) break;
    expect(records).toHaveLength(1);
    expect(records[0]?.attempts).toMatchObject([{ outcome: 'aborted' }]);
  });

  it('tells of one whose client has gone as client_closed', async () => {
    const gone = new AbortController();
    const { records, ask } = setUp([[{ say: 'one two three' }]], { stream: true, signal: gone.signal });
    const reply = await ask();
    gone.abort(new GatewayError('client_closed', 'the client has gone'));
    if (reply.kind === 'stream') await reply.frames[Symbol.asyncIterator]().return?.();
    expect(records).toMatchObject([{ status: 'error', error: { class: 'client_closed' } }]);
  });

  it('knows the usage and the cost that came last', async () => {
    const usage: Usage = {
      inputTokens: 1,
      outputTokens: 2,
      cachedTokens: 0,
      cacheWriteTokens: 0,
      reasoningTokens: 0,
    };
    let known: Usage | null = null;
    const inner = setUp([[{ say: 'one two' }]], { stream: true });
    const reply = await inner.ask();
    const { records, ask } = setUp([], {
      handler: async () => ({ ...reply, usage: () => known, cost: () => 3 }),
    });
    const mine = await ask();
    known = usage;
    await read(mine);
    expect(records).toMatchObject([{ usage, cost: 3 }]);
  });
});

describe('a sink that throws', () => {
  const broken = logger({
    sink: () => {
      throw new Error('disk full');
    },
    clock: virtualClock(),
  });
  const callOf = (): Call => createCall({ model: 'm', messages: [] }, { clock: virtualClock() });

  it('costs a good answer nothing', async () => {
    const reply = await setUp([[{ say: 'hi' }]]).ask();
    expect(await broken(callOf(), async () => reply)).toBe(reply);
  });

  it('hides no failure', async () => {
    const failure = new GatewayError('overloaded', 'busy');
    await expect(broken(callOf(), () => Promise.reject(failure))).rejects.toBe(failure);
  });
});
