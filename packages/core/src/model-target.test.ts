import { describe, expect, it } from 'vitest';
import { type ChatChunk, chunksOf } from './chat.ts';
import { GatewayError } from './errors.ts';
import { createHost } from './host.ts';
import { modelTarget } from './model-target.ts';
import { createCall } from './pipeline.ts';
import type { ChatAnswer, Provider } from './provider.ts';
import { abandon, type Reply } from './reply.ts';
import type { Settlement } from './target.ts';
import { type Act, scripted, virtualClock } from './testing/index.ts';

const HI = { model: 'asked', messages: [{ role: 'user', content: 'hi' }] };
const setUp = (stream: boolean, signal?: AbortSignal) => {
  const clock = virtualClock();
  const settlements: Settlement[] = [];
  const permit = { settle: (settlement: Settlement) => void settlements.push(settlement) };
  const call = createCall({ ...HI, stream }, { clock, ...(signal && { signal }) });
  return { clock, settlements, permit, call };
};
const ofProvider = (chat: Provider['chat'], clock = virtualClock(), residency?: string) =>
  modelTarget({
    provider: { name: 'p', chat, ...(residency && { residency }) },
    model: 'm',
    credential: { id: 'key-1', secret: 's' },
    host: createHost({ clock, transport: () => Promise.reject(new TypeError('no network')) }),
    price: ({ inputTokens, outputTokens }) => inputTokens * 2 + outputTokens * 3,
  });
async function read(reply: Reply) {
  if (reply.kind === 'embeddings') throw new TypeError('no chat');
  if (reply.kind === 'completion') return String(reply.json().choices[0]?.message.content);
  let text = '';
  for await (const frame of reply.frames)
    for (const chunk of frame.chunks()) text += chunk.choices[0]?.delta.content ?? '';
  return text;
}
const usage = { prompt_tokens: 10, completion_tokens: 4 };
async function* priced(): AsyncGenerator<ChatChunk> {
  const chunks = [...chunksOf('one two', { id: 'c' })];
  yield* chunks;
  yield { ...(chunks[0] as ChatChunk), choices: [], usage }; // chunksOf always gives a first one
}

describe('modelTarget', () => {
  it('folds a stream of chunks where nobody streams', async () => {
    const { call, permit } = setUp(false);
    const reply = await ofProvider(priced).handle(call, permit);
    expect(reply.kind).toBe('completion');
    expect(await read(reply)).toBe('one two');
    if (reply.kind === 'completion')
      expect(JSON.parse(new TextDecoder().decode(reply.bytes))).toEqual(reply.json());
  });

  it('frames chunks where somebody streams', async () => {
    const { call, permit } = setUp(true);
    const reply = await ofProvider(priced).handle(call, permit);
    expect(reply.kind).toBe('stream');
    expect(await read(reply)).toBe('one two');
  });

  it('asks the provider for its own name of the model', async () => {
    const asked: string[] = [];
    const { call, permit } = setUp(false);
    const target = ofProvider((request) => {
      asked.push(request.model);
      return priced();
    });
    await target.handle(call, permit);
    expect(asked).toEqual(['m']);
    expect(call.request.value.model).toBe('asked');
  });

  it('tells who and where it is, and is never blocked by itself', () => {
    const { call } = setUp(false);
    const target = ofProvider(priced, virtualClock(), 'eu');
    expect(target).toMatchObject({
      id: 'p:m',
      provider: 'p',
      model: 'm',
      credential: 'key-1',
      residency: 'eu',
    });
    expect(ofProvider(priced).residency).toBe('global');
    expect(target.facts(call)).toMatchObject({ blocked: null, window: null, residency: 'eu' });
    expect(target.acquire(call)).not.toHaveProperty('blocked');
  });

  it.each([false, true])('notes usage, cost and times in the trail (streaming: %s)', async (stream) => {
    const { call, permit } = setUp(stream);
    const reply = await ofProvider(priced).handle(call, permit);
    await read(reply);
    expect(call.trail).toMatchObject([
      { provider: 'p', model: 'm', outcome: 'ok', status: 200, startedAt: 0, latencyMs: 0, cost: 32 },
    ]);
    expect([reply.usage()?.inputTokens, reply.cost()]).toEqual([10, 32]);
  });

  it('knows no cost where there is no usage', async () => {
    const { call, permit } = setUp(false);
    const reply = await ofProvider(() => chunks('hi')).handle(call, permit);
    expect([reply.usage(), reply.cost()]).toEqual([null, null]);
  });

  it('times the first content and the end', async () => {
    const { clock, call, permit, settlements } = setUp(true);
    const target = scripted('p:m', [{ say: 'one two', afterMs: 50, betweenMs: 10 }], { clock });
    const reading = target.handle(call, permit).then(read);
    await clock.advance(200);
    expect(await reading).toBe('one two');
    expect(call.trail[0]).toMatchObject({ firstContentMs: 70, latencyMs: 90, outcome: 'ok' });
    expect(settlements).toEqual([{ outcome: 'ok', retryAfterMs: null, firstContentMs: 70, latencyMs: 90 }]);
  });

  it('spends what an answer cost from the budget', async () => {
    const { call, permit } = setUp(false);
    call.budget.limit(100);
    await ofProvider(priced).handle(call, permit);
    expect(call.budget.usdLeft()).toBe(68);
  });

  it('calls an answer without choices malformed', async () => {
    const { call, permit } = setUp(false);
    const answer = { id: '', object: '', created: 0, model: '', choices: [] };
    const target = ofProvider(async () => ({
      kind: 'completion',
      bytes: new Uint8Array(),
      json: () => answer,
    }));
    await expect(target.handle(call, permit)).rejects.toMatchObject({ class: 'malformed' });
  });

  it('does not call a failure committed of which nobody has seen anything', async () => {
    const { clock, call, permit } = setUp(false);
    const target = scripted('p:m', [{ say: 'one two', thenFail: 'server_error' }], { clock });
    const error = await target.handle(call, permit).catch((thrown: GatewayError) => thrown);
    expect(error).toMatchObject({ class: 'server_error' });
    expect((error as GatewayError).details.committed ?? false).toBe(false);
  });

  it('marks a failure after the first content as committed', async () => {
    const { clock, call, permit } = setUp(true);
    const target = scripted('p:m', [{ say: 'one two', thenFail: 'server_error' }], { clock });
    const reply = await target.handle(call, permit);
    await expect(read(reply)).rejects.toMatchObject({ class: 'server_error', details: { committed: true } });
    expect(call.trail[0]).toMatchObject({ outcome: 'server_error', why: 'scripted server_error' });
  });
});

async function* chunks(text: string): AsyncGenerator<ChatChunk> {
  yield* chunksOf(text);
}

describe('the permit', () => {
  it.each<[string, boolean, Act, Settlement['outcome']]>([
    ['a whole answer', false, { say: 'hi' }, 'ok'],
    ['a stream read to its end', true, { say: 'one two' }, 'ok'],
    ['a failure', false, { fail: 'overloaded' }, 'overloaded'],
    ['a failure before the first content', true, { fail: 'rate_limited' }, 'rate_limited'],
    ['a failure after it', true, { say: 'one two', thenFail: 'unreachable' }, 'unreachable'],
    ['an answer that dies halfway', false, { say: 'one two', thenFail: 'malformed' }, 'malformed'],
  ])('is settled once by %s', async (_, stream, act, outcome) => {
    const { clock, call, permit, settlements } = setUp(stream);
    const target = scripted('p:m', [act], { clock });
    const reply = await target.handle(call, permit).catch(() => null);
    if (reply) await read(reply).catch(() => {});
    if (reply) await abandon(reply);
    expect(settlements.map((settlement) => settlement.outcome)).toEqual([outcome]);
  });

  it('is settled once as aborted by a reader who leaves', async () => {
    const { clock, call, permit, settlements } = setUp(true);
    const reply = await scripted('p:m', [{ say: 'one two' }], { clock }).handle(call, permit);
    await abandon(reply);
    await abandon(reply);
    expect(settlements.map(({ outcome }) => outcome)).toEqual(['aborted']);
  });

  it.each([false, true])(
    'is settled once as aborted by a client who leaves (streaming: %s)',
    async (stream) => {
      const gone = new AbortController();
      const { clock, call, permit, settlements } = setUp(stream, gone.signal);
      const target = scripted('p:m', [{ hang: true }], { clock });
      const failing = target.handle(call, permit).catch((error: unknown) => error);
      await clock.advance(10);
      gone.abort(new GatewayError('client_closed', 'the client has gone'));
      expect(await failing).toMatchObject({ class: 'client_closed' });
      expect(settlements.map(({ outcome }) => outcome)).toEqual(['aborted']);
      expect([clock.pending(), target.inFlight()]).toEqual([0, 0]);
    },
  );

  it('ends a stream that knows nothing of the abort, with the reason of it', async () => {
    const gone = new AbortController();
    const { call, permit } = setUp(true, gone.signal);
    async function* deaf(): AsyncGenerator<ChatChunk> {
      yield* [...chunksOf('one', { id: 'c' })].slice(0, 2);
      await new Promise(() => {});
    }
    const reading = read(await ofProvider(deaf).handle(call, permit));
    setImmediate(() => gone.abort(new GatewayError('timeout', 'nothing more came')));
    await expect(reading).rejects.toMatchObject({ class: 'timeout', message: 'nothing more came' });
  });

  it('is settled though the client had gone before, and nobody is called', async () => {
    const { clock, call, permit, settlements } = setUp(
      false,
      AbortSignal.abort(new GatewayError('client_closed', '')),
    );
    const target = scripted('p:m', [{ say: 'hi' }], { clock });
    await expect(target.handle(call, permit)).rejects.toMatchObject({ class: 'client_closed' });
    expect([settlements.length, target.calls.length]).toEqual([1, 0]);
  });

  it('is settled where a provider throws instead of rejecting', async () => {
    const { call, permit, settlements } = setUp(false);
    const target = ofProvider((): ChatAnswer => {
      throw new TypeError('a bug');
    });
    await expect(target.handle(call, permit)).rejects.toMatchObject({ class: 'internal' });
    expect(settlements.map(({ outcome }) => outcome)).toEqual(['internal']);
  });

  it('hears for how long the upstream wants to be left alone', async () => {
    const { clock, call, permit, settlements } = setUp(false);
    const act: Act = { fail: 'rate_limited', details: { retryAfterMs: 2_000, status: 429 } };
    await scripted('p:m', [act], { clock })
      .handle(call, permit)
      .catch(() => {});
    expect(settlements).toMatchObject([{ outcome: 'rate_limited', retryAfterMs: 2_000 }]);
    expect(call.trail[0]?.status).toBe(429);
  });
});
