import { describe, expect, it } from 'vitest';
import type { Call } from '../call.ts';
import type { GatewayError } from '../errors.ts';
import { createCall } from '../pipeline.ts';
import type { Plan } from '../plan.ts';
import type { Reply } from '../reply.ts';
import { type Act, scripted, virtualClock } from '../testing/index.ts';
import { run } from './run.ts';

type Acts = readonly [Act, ...Act[]];

/** Scripted targets `a:m`, `b:m` …, all at once; `shape` may arrange them otherwise. */
function setUp(
  scripts: readonly Acts[],
  stream = false,
  shape = (together: readonly Plan[]): Plan => ({ together }),
) {
  const clock = virtualClock();
  const targets = scripts.map((acts, i) => scripted(`${'abcd'[i]}:m`, acts, { clock }));
  const call = createCall({ model: 'm', messages: [{ role: 'user', content: 'hi' }], stream }, { clock });
  const plan = shape(targets.map((target) => ({ attempt: { target, facts: target.facts(call) }, why: '' })));
  const go = (): Promise<{ reply?: Reply; error?: GatewayError; at: number }> =>
    run(plan, call, { clock, random: () => 0 }).then(
      (reply) => ({ reply, at: clock.now() }),
      (error) => ({ error, at: clock.now() }),
    );
  const counts = () => targets.map(({ calls }) => calls.length);
  const quiet = () => ({ timers: clock.pending(), running: targets.map((target) => target.inFlight()) });
  return { clock, targets, call, go, counts, quiet };
}
async function read(reply: Reply | undefined) {
  let text = '';
  if (reply?.kind === 'completion') text += reply.json().choices[0]?.message.content;
  if (reply?.kind === 'stream')
    for await (const frame of reply.frames)
      for (const chunk of frame.chunks()) text += chunk.choices[0]?.delta.content ?? '';
  return text;
}
const outcomes = ({ trail }: Call) => trail.map(({ provider, outcome }) => `${provider} ${outcome}`);

describe('run together', () => {
  it('starts all at once', async () => {
    const { clock, go, targets } = setUp([
      [{ say: 'a', afterMs: 10 }],
      [{ say: 'b', afterMs: 20 }],
      [{ hang: true }],
    ]);
    const going = go();
    await clock.advance(10);
    await going;
    expect(targets.map(({ calls }) => calls.map(({ at }) => at))).toEqual([[0], [0], [0]]);
  });

  it.each([false, true])(
    'gives the reply of the first to commit and aborts the others (streaming: %s)',
    async (stream) => {
      const { clock, go, targets, call, quiet } = setUp(
        [[{ say: 'from a', afterMs: 50 }], [{ say: 'from b', afterMs: 20 }], [{ hang: true }]],
        stream,
      );
      const going = go();
      await clock.advance(20);
      const { reply, at } = await going;
      expect(at).toBe(20);
      expect(await read(reply)).toBe('from b');
      expect(targets.map((target) => target.aborted())).toEqual([1, 0, 1]);
      expect(outcomes(call)).toEqual(['a aborted', 'b ok', 'c aborted']);
      expect(quiet()).toEqual({ timers: 0, running: [0, 0, 0] });
    },
  );

  it('is not won by a role, only by content', async () => {
    const scripts: Acts[] = [[{ say: 'from a', betweenMs: 30 }], [{ say: 'from b', afterMs: 50 }]];
    const { clock, go } = setUp(scripts, true);
    const going = go();
    await clock.advance(60);
    expect((await going).reply?.by.provider).toBe('b');
  });

  it('lets one win where two commit at the same moment, and lets go of the other', async () => {
    const { clock, go, call, quiet } = setUp(
      [[{ say: 'from a', afterMs: 5 }], [{ say: 'from b', afterMs: 5 }]],
      true,
    );
    const going = go();
    await clock.advance(5);
    expect(await read((await going).reply)).toBe('from a');
    await clock.advance(0);
    expect(outcomes(call)).toEqual(['a ok', 'b aborted']);
    expect(quiet()).toEqual({ timers: 0, running: [0, 0] });
  });

  it('goes on with who is left where one fails', async () => {
    const { clock, go, counts } = setUp([
      [{ fail: 'overloaded', afterMs: 5 }],
      [{ say: 'from b', afterMs: 20 }],
    ]);
    const going = go();
    await clock.advance(20);
    expect(await read((await going).reply)).toBe('from b');
    expect(counts()).toEqual([1, 1]);
  });

  it('lets the running one finish after a terminal failure', async () => {
    const { clock, go, call } = setUp([
      [{ fail: 'invalid_request', afterMs: 5 }],
      [{ say: 'from b', afterMs: 20 }],
    ]);
    const going = go();
    await clock.advance(20);
    expect(await read((await going).reply)).toBe('from b');
    expect(outcomes(call)).toEqual(['a invalid_request', 'b ok']);
  });

  it('starts nothing new after a terminal failure, and ends with it where the running one fails', async () => {
    const { clock, go, counts } = setUp(
      [[{ fail: 'invalid_request', afterMs: 5 }], [{ fail: 'overloaded', afterMs: 20 }], [{ say: 'from c' }]],
      false,
      ([a, b, c]) => ({ together: [a as Plan, { inOrder: [b as Plan, c as Plan] }] }),
    );
    const going = go();
    await clock.advance(30);
    expect((await going).error?.class).toBe('invalid_request');
    expect(counts()).toEqual([1, 1, 0]);
  });

  it('names all where all have failed', async () => {
    const { clock, go, quiet } = setUp([
      [{ fail: 'timeout', afterMs: 9, details: { status: 504 } }],
      [{ fail: 'bad_credential', afterMs: 3, details: { status: 401 } }],
    ]);
    const going = go();
    await clock.advance(10);
    const { error, at } = await going;
    expect(at).toBe(9);
    expect(error).toMatchObject({
      verdict: 'timeout',
      message: 'every candidate failed: b:m refused the key (401); a:m took too long (504)',
    });
    expect(quiet().timers).toBe(0);
  });

  it('does not hold a lost race against anybody', async () => {
    const { clock, go, targets } = setUp(
      [
        [{ say: 'from a', afterMs: 50 }],
        [{ say: 'some of b', thenFail: 'unreachable' }],
        [{ say: 'from c' }],
      ],
      true,
      ([a, b, c]) => ({ inOrder: [{ together: [a as Plan, b as Plan] }, c as Plan] }),
    );
    const { reply } = await go();
    await expect(read(reply)).rejects.toMatchObject({ class: 'unreachable', details: { committed: true } });
    await clock.advance(1_000);
    expect(targets.map(({ calls }) => calls.length)).toEqual([1, 1, 0]);
    expect(targets[0]?.aborted()).toBe(1);
  });

  it('takes whole plans as its branches', async () => {
    const { clock, go, counts } = setUp(
      [
        [{ fail: 'overloaded', afterMs: 5 }],
        [{ say: 'from b', afterMs: 5 }],
        [{ say: 'from c', afterMs: 20 }],
      ],
      false,
      ([a, b, c]) => ({ together: [{ inOrder: [a as Plan, b as Plan] }, c as Plan] }),
    );
    const going = go();
    await clock.advance(20);
    const { reply, at } = await going;
    expect([reply?.by.provider, at]).toEqual(['b', 10]);
    expect(counts()).toEqual([1, 1, 1]);
  });

  it('goes on to what stands behind it where all of its branches fail', async () => {
    const { clock, go, quiet } = setUp(
      [[{ fail: 'overloaded' }], [{ fail: 'unreachable', afterMs: 5 }], [{ say: 'from c' }]],
      false,
      ([a, b, c]) => ({ inOrder: [{ together: [a as Plan, b as Plan] }, c as Plan] }),
    );
    const going = go();
    await clock.advance(5);
    expect(await read((await going).reply)).toBe('from c');
    expect(quiet()).toEqual({ timers: 0, running: [0, 0, 0] });
  });
});
