import { describe, expect, it } from 'vitest';
import type { Call } from '../call.ts';
import { GatewayError } from '../errors.ts';
import { createCall } from '../pipeline.ts';
import type { Plan } from '../plan.ts';
import { abandon, type Reply } from '../reply.ts';
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

describe('the deadline', () => {
  it('ends a request of which nobody has said anything, exactly then', async () => {
    const { clock, go, quiet, counts } = setUp([[{ hang: true }]], { deadlineMs: 1_000 });
    const ended = go().then(({ error }) => ({ error, at: clock.now() }));
    await clock.advance(5_000);
    expect(await ended).toMatchObject({ at: 1_000, error: { class: 'timeout', verdict: 'timeout' } });
    expect(counts()).toEqual([1]);
    expect(quiet()).toEqual({ timers: 0, running: [0] });
  });

  it('lets nobody begin after it', async () => {
    const { clock, go, counts } = setUp([[{ hang: true }], [{ hang: true }], [{ hang: true }]], {
      deadlineMs: 0,
    });
    const going = go();
    await clock.advance(10);
    expect((await going).error?.class).toBe('timeout');
    expect(counts()).toEqual([1, 0, 0]);
  });
});

describe('an abort from outside', () => {
  const shapes: [string, (leaves: readonly Plan[]) => Plan][] = [
    ['in order', (inOrder) => ({ inOrder })],
    ['together', (together) => ({ together })],
    ['staggered', (staggered) => ({ staggered, afterMs: 5 })],
    ['nested', ([a, ...rest]) => ({ staggered: [{ inOrder: [a as Plan] }, { together: rest }], afterMs: 5 })],
  ];
  it.each(shapes)('reaches every running target and leaves nothing behind (%s)', async (_, shape) => {
    const gone = new AbortController();
    const { clock, targets, call, quiet } = setUp([[{ hang: true }], [{ hang: true }], [{ hang: true }]], {
      signal: gone.signal,
    });
    const plan = shape(targets.map((target) => leaf(target, call)));
    const going = watch(run(plan, call, { clock, random: () => 0 }));
    await clock.advance(20);
    const begun = targets.filter(({ calls }) => calls.length > 0).length;
    gone.abort(new GatewayError('client_closed', 'the client has gone'));
    await clock.advance(0);
    expect((await going).error).toMatchObject({ class: 'client_closed', message: 'the client has gone' });
    expect(quiet()).toEqual({ timers: 0, running: [0, 0, 0] });
    expect(targets.reduce((sum, target) => sum + target.aborted(), 0)).toBe(begun);
    expect(outcomes(call)).toHaveLength(begun);
    expect(call.trail.every(({ outcome }) => outcome === 'aborted')).toBe(true);
  });

  it('before the start lets nobody be called', async () => {
    const signal = AbortSignal.abort(new GatewayError('client_closed', 'gone'));
    const { go, counts, quiet } = setUp([[{ say: 'hi' }], [{ say: 'hi' }]], { signal });
    expect((await go()).error?.class).toBe('client_closed');
    expect(counts()).toEqual([0, 0]);
    expect(quiet().timers).toBe(0);
  });

  it('ends a stream that is being read', async () => {
    const gone = new AbortController();
    const { clock, go, quiet, call } = setUp([[{ say: 'one two three', betweenMs: 10 }]], {
      stream: true,
      signal: gone.signal,
    });
    const going = go();
    await clock.advance(20);
    const failing = read((await going).reply).catch((error: unknown) => error);
    gone.abort(new GatewayError('client_closed', 'gone'));
    expect(await failing).toMatchObject({ class: 'client_closed', details: { committed: true } });
    expect(quiet()).toEqual({ timers: 0, running: [0] });
    expect(outcomes(call)).toEqual(['a aborted']);
  });

  it('by abandoning the reply ends the upstream too', async () => {
    const { go, quiet, call } = setUp([[{ say: 'one two three' }]], { stream: true });
    const { reply } = await go();
    if (reply) await abandon(reply);
    expect(quiet()).toEqual({ timers: 0, running: [0] });
    expect(outcomes(call)).toEqual(['a aborted']);
  });
});
