import { describe, expect, it } from 'vitest';
import type { Call } from '../call.ts';
import type { ErrorClass, GatewayError } from '../errors.ts';
import { createCall } from '../pipeline.ts';
import type { Plan } from '../plan.ts';
import type { Reply } from '../reply.ts';
import type { Target } from '../target.ts';
import { type Act, scripted, virtualClock } from '../testing/index.ts';
import { run } from './run.ts';
import type { RunOptions } from './state.ts';

type Acts = readonly [Act, ...Act[]];

/** Scripted targets `a:m`, `b:m` …, tried in order. */
function setUp(
  scripts: readonly Acts[],
  more: { stream?: boolean; deadlineMs?: number; signal?: AbortSignal } = {},
) {
  const { stream = false, ...options } = more;
  const clock = virtualClock();
  const targets = scripts.map((acts, i) => scripted(`${'abcd'[i]}:m`, acts, { clock }));
  const call = createCall(
    { model: 'm', messages: [{ role: 'user', content: 'hi' }], stream },
    { clock, ...options },
  );
  const plan: Plan = { inOrder: targets.map((target) => leaf(target, call)) };
  const go = (options?: RunOptions) => watch(run(plan, call, { clock, random: () => 0 }, options));
  const counts = () => targets.map(({ calls }) => calls.length);
  const quiet = () => ({ timers: clock.pending(), running: targets.map((target) => target.inFlight()) });
  return { clock, targets, call, plan, go, counts, quiet };
}
const leaf = (target: Target, call: Call): Plan => ({
  attempt: { target, facts: target.facts(call) },
  why: 'it stands there',
});
/** The reply or the error, so that nothing is unhandled while the clock moves. */
const watch = (running: Promise<Reply>): Promise<{ reply?: Reply; error?: GatewayError }> =>
  running.then(
    (reply) => ({ reply }),
    (error) => ({ error }),
  );
async function read(reply: Reply | undefined, onto: { text: string } = { text: '' }) {
  if (reply?.kind === 'completion') onto.text += reply.json().choices[0]?.message.content;
  if (reply?.kind === 'stream')
    for await (const frame of reply.frames)
      for (const chunk of frame.chunks()) onto.text += chunk.choices[0]?.delta.content ?? '';
  return onto.text;
}
const outcomes = ({ trail }: Call) => trail.map(({ provider, outcome }) => `${provider} ${outcome}`);

describe('run in order', () => {
  it('asks the first one, and nobody else where it answers', async () => {
    const { go, counts, call } = setUp([[{ say: 'from a' }], [{ say: 'from b' }]]);
    expect(await read((await go()).reply)).toBe('from a');
    expect(counts()).toEqual([1, 0]);
    expect(outcomes(call)).toEqual(['a ok']);
  });

  it.each<ErrorClass>([
    'rate_limited',
    'quota_exhausted',
    'bad_credential',
    'overloaded',
    'server_error',
    'unreachable',
    'timeout',
    'malformed',
    'model_not_found',
    'unsupported',
    'internal',
  ])('goes on to the next after %s', async (name) => {
    const { go, counts, call } = setUp([[{ fail: name }], [{ say: 'from b' }]]);
    const { reply } = await go();
    expect(await read(reply)).toBe('from b');
    expect(reply?.by.provider).toBe('b');
    expect(counts()).toEqual([1, 1]);
    expect(outcomes(call)).toEqual([`a ${name}`, 'b ok']);
  });

  it.each<ErrorClass>([
    'invalid_request',
    'content_policy',
    'deadline',
    'shed',
    'client_closed',
    'unauthenticated',
  ])('ends for good after %s and throws it as it is', async (name) => {
    const { go, counts } = setUp([[{ fail: name, details: { status: 400 } }], [{ say: 'from b' }]]);
    const { error } = await go();
    expect(error).toMatchObject({ class: name, message: `scripted ${name}`, details: { status: 400 } });
    expect(counts()).toEqual([1, 0]);
  });

  it('goes on after refused content only where the tier says so', async () => {
    const { go, counts } = setUp([[{ fail: 'content_policy' }], [{ say: 'from b' }]]);
    expect(await read((await go({ fallbackOn: { content_policy: true } })).reply)).toBe('from b');
    expect(counts()).toEqual([1, 1]);
  });

  it('stays with a terminal failure whatever the tier says of refused content', async () => {
    const { go, counts } = setUp([[{ fail: 'invalid_request' }], [{ say: 'from b' }]]);
    expect((await go({ fallbackOn: { content_policy: true } })).error?.class).toBe('invalid_request');
    expect(counts()).toEqual([1, 0]);
  });

  it('walks the whole chain, however long', async () => {
    const { go, call } = setUp([
      [{ fail: 'overloaded' }],
      [{ fail: 'bad_credential' }],
      [{ fail: 'model_not_found' }],
      [{ say: 'from d' }],
    ]);
    expect(await read((await go()).reply)).toBe('from d');
    expect(outcomes(call)).toEqual(['a overloaded', 'b bad_credential', 'c model_not_found', 'd ok']);
  });

  it('fails as broken on a node without branches', async () => {
    const { clock, call } = setUp([[{ say: 'hi' }]]);
    for (const plan of [{ inOrder: [] }, { together: [] }, { staggered: [], afterMs: 5 }] satisfies Plan[])
      await expect(run(plan, call, { clock, random: () => 0 })).rejects.toMatchObject({ class: 'internal' });
  });

  it('names every candidate in order where all have failed', async () => {
    const { go } = setUp([
      [{ fail: 'bad_credential', details: { status: 401 } }],
      [{ fail: 'quota_exhausted' }],
    ]);
    expect((await go()).error?.message).toBe(
      'every candidate failed: a:m refused the key (401); b:m out of quota',
    );
  });
});

describe('the commit point', () => {
  it('replaces a stream that dies before its first content', async () => {
    const { go } = setUp([[{ fail: 'unreachable', afterMs: 0 }], [{ say: 'all of b' }]], { stream: true });
    expect(await read((await go()).reply)).toBe('all of b');
  });

  it('throws what happens after it to the reader, and asks nobody else', async () => {
    const { go, counts, call, quiet } = setUp(
      [[{ say: 'some of a', thenFail: 'unreachable' }], [{ say: 'all of b' }]],
      {
        stream: true,
      },
    );
    const { reply } = await go();
    const onto = { text: '' };
    await expect(read(reply, onto)).rejects.toMatchObject({
      class: 'unreachable',
      details: { committed: true },
    });
    expect(onto.text).toBe('some of a');
    expect(counts()).toEqual([1, 0]);
    expect(outcomes(call)).toEqual(['a unreachable']);
    expect(quiet()).toEqual({ timers: 0, running: [0, 0] });
  });

  it('does not come before the end where nobody streams', async () => {
    const { go, counts } = setUp([[{ say: 'some of a', thenFail: 'unreachable' }], [{ say: 'all of b' }]]);
    expect(await read((await go()).reply)).toBe('all of b');
    expect(counts()).toEqual([1, 1]);
  });

  it('ends the watch over the time that is left', async () => {
    const { clock, go, quiet } = setUp([[{ say: 'one two three', afterMs: 50, betweenMs: 10 }]], {
      stream: true,
      deadlineMs: 80,
    });
    const going = go();
    await clock.advance(75);
    const reading = read((await going).reply);
    await clock.advance(100);
    expect(await reading).toBe('one two three');
    expect(quiet()).toEqual({ timers: 0, running: [0] });
  });
});
