import { describe, expect, it } from 'vitest';
import type { Call } from '../call.ts';
import type { GatewayError } from '../errors.ts';
import { createCall } from '../pipeline.ts';
import type { Allowance, Plan } from '../plan.ts';
import type { Reply } from '../reply.ts';
import { type Act, scripted, virtualClock } from '../testing/index.ts';
import { createRetryBudget } from './retry-budget.ts';
import { run } from './run.ts';
import type { RunOptions } from './state.ts';

type Acts = readonly [Act, ...Act[]];

/** Scripted targets `a:m`, `b:m` …, each 100 ms after the one before. */
function setUp(
  scripts: readonly Acts[],
  more: { cap?: Allowance; afterMs?: number; deadlineMs?: number } = {},
) {
  const { cap, afterMs = 100, ...options } = more;
  const clock = virtualClock();
  const targets = scripts.map((acts, i) => scripted(`${'abcd'[i]}:m`, acts, { clock }));
  const call = createCall({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }, { clock, ...options });
  const staggered = targets.map(
    (target): Plan => ({ attempt: { target, facts: target.facts(call) }, why: '' }),
  );
  const plan: Plan = { staggered, afterMs, ...(cap && { cap }) };
  const go = (options?: RunOptions): Promise<{ reply?: Reply; error?: GatewayError; at: number }> =>
    run(plan, call, { clock, random: () => 0 }, options).then(
      (reply) => ({ reply, at: clock.now() }),
      (error) => ({ error, at: clock.now() }),
    );
  const begun = () => targets.map(({ calls }) => calls.map(({ at }) => at));
  const quiet = () => ({ timers: clock.pending(), running: targets.map((target) => target.inFlight()) });
  return { clock, targets, call, go, begun, quiet };
}
const outcomes = ({ trail }: Call) => trail.map(({ provider, outcome }) => `${provider} ${outcome}`);
/** An allowance that notes when it is asked. */
const capOf = (clock: () => number, answer: boolean) => {
  const asked: number[] = [];
  const cap: Allowance = {
    note() {},
    take: () => {
      asked.push(clock());
      return answer;
    },
  };
  return { asked, cap };
};

describe('run staggered', () => {
  it('leaves the others alone where the first one commits in time', async () => {
    const { clock, go, begun, quiet } = setUp([[{ say: 'from a', afterMs: 99 }], [{ say: 'from b' }]]);
    const going = go();
    await clock.advance(500);
    expect((await going).reply?.by.provider).toBe('a');
    expect(begun()).toEqual([[0], []]);
    expect(quiet()).toEqual({ timers: 0, running: [0, 0] });
  });

  it('starts the next after the time, and the one after that as much later', async () => {
    const { clock, go, begun } = setUp([
      [{ hang: true }],
      [{ hang: true }],
      [{ say: 'from c', afterMs: 50 }],
    ]);
    const going = go();
    await clock.advance(250);
    expect(await going).toMatchObject({ at: 250, reply: { by: { provider: 'c' } } });
    expect(begun()).toEqual([[0], [100], [200]]);
  });

  it('lets a fast copy win over a slow first one, which is aborted', async () => {
    const { clock, go, call, quiet } = setUp([
      [{ say: 'from a', afterMs: 900 }],
      [{ say: 'from b', afterMs: 20 }],
    ]);
    const going = go();
    await clock.advance(120);
    expect(await going).toMatchObject({ at: 120, reply: { by: { provider: 'b' } } });
    expect(outcomes(call)).toEqual(['a aborted', 'b ok']);
    expect(quiet()).toEqual({ timers: 0, running: [0, 0] });
  });

  it('lets the first one win although the copy runs', async () => {
    const { clock, go, call } = setUp([[{ say: 'from a', afterMs: 150 }], [{ hang: true }]]);
    const going = go();
    await clock.advance(150);
    expect((await going).reply?.by.provider).toBe('a');
    expect(outcomes(call)).toEqual(['a ok', 'b aborted']);
  });

  it('starts the next at once where one fails', async () => {
    const { clock, go, begun } = setUp([[{ fail: 'overloaded', afterMs: 30 }], [{ say: 'from b' }]]);
    const going = go();
    await clock.advance(30);
    expect((await going).reply?.by.provider).toBe('b');
    expect(begun()).toEqual([[0], [30]]);
  });

  it('counts the time anew from the last one that began', async () => {
    const { clock, go, begun } = setUp([
      [{ fail: 'overloaded', afterMs: 30 }],
      [{ hang: true }],
      [{ say: 'from c' }],
    ]);
    const going = go();
    await clock.advance(130);
    expect((await going).reply?.by.provider).toBe('c');
    expect(begun()).toEqual([[0], [30], [130]]);
  });

  it('takes a negative time for none', async () => {
    const { clock, go, begun } = setUp([[{ hang: true }], [{ say: 'from b' }]], { afterMs: -5 });
    const going = go();
    await clock.advance(0);
    expect((await going).reply?.by.provider).toBe('b');
    expect(begun()).toEqual([[0], [0]]);
  });

  it('starts nothing new after a terminal failure, and lets the running one finish', async () => {
    const { clock, go, begun } = setUp([
      [{ say: 'from a', afterMs: 300 }],
      [{ fail: 'invalid_request', afterMs: 10 }],
      [{ say: 'from c' }],
    ]);
    const going = go();
    await clock.advance(300);
    expect((await going).reply?.by.provider).toBe('a');
    expect(begun()).toEqual([[0], [100], []]);
  });

  it('starts nothing more once the deadline has passed', async () => {
    const { clock, go, begun, quiet } = setUp([[{ hang: true }], [{ hang: true }], [{ say: 'from c' }]], {
      deadlineMs: 150,
    });
    const going = go();
    await clock.advance(1_000);
    expect(await going).toMatchObject({ at: 150, error: { verdict: 'timeout' } });
    expect(begun()[2]).toEqual([]);
    expect(quiet()).toEqual({ timers: 0, running: [0, 0, 0] });
  });

  it('makes one error of two failures, and nobody is asked without bounds', async () => {
    const { clock, go, begun } = setUp([
      [{ fail: 'bad_credential', afterMs: 150 }],
      [{ fail: 'timeout', afterMs: 20 }],
    ]);
    const going = go();
    await clock.advance(10_000);
    expect(await going).toMatchObject({ at: 150, error: { verdict: 'timeout' } });
    expect(begun()).toEqual([[0], [100]]);
  });
});

describe('the cap of a staggered plan', () => {
  it('is asked when the copy would start, and lets it start', async () => {
    let now = () => 0;
    const { cap, asked } = capOf(() => now(), true);
    const { clock, go, begun } = setUp([[{ hang: true }], [{ say: 'from b' }]], { cap });
    now = () => clock.now();
    const going = go();
    await clock.advance(99);
    expect(asked).toEqual([]);
    await clock.advance(1);
    await going;
    expect([asked, begun()]).toEqual([[100], [[0], [100]]]);
  });

  it('keeps the copy from starting where it has no room', async () => {
    const { cap } = capOf(() => 0, false);
    const { clock, go, begun } = setUp([[{ say: 'from a', afterMs: 500 }], [{ say: 'from b' }]], { cap });
    const going = go();
    await clock.advance(500);
    expect((await going).reply?.by.provider).toBe('a');
    expect(begun()).toEqual([[0], []]);
  });

  it('is not asked where one has failed: that is a fallback', async () => {
    const { cap, asked } = capOf(() => 0, false);
    const { clock, go } = setUp([[{ fail: 'overloaded', afterMs: 10 }], [{ say: 'from b' }]], { cap });
    const going = go();
    await clock.advance(10);
    expect((await going).reply?.by.provider).toBe('b');
    expect(asked).toEqual([]);
  });

  it('costs the retry budget nothing where it refuses', async () => {
    const { cap } = capOf(() => 0, false);
    const { clock, go } = setUp([[{ say: 'from a', afterMs: 500 }], [{ say: 'from b' }]], { cap });
    const retryBudget = createRetryBudget({ clock, floor: 1, share: 0 });
    const going = go({ retryBudget });
    await clock.advance(500);
    await going;
    expect(retryBudget.take('b')).toBe(true);
  });
});

describe('the retry budget of a copy', () => {
  it('is that of the provider that is asked for it', async () => {
    const { clock, go, begun } = setUp([[{ hang: true }], [{ say: 'from b' }]]);
    const retryBudget = createRetryBudget({ clock, floor: 1, share: 0 });
    const going = go({ retryBudget });
    await clock.advance(100);
    await going;
    expect(begun()).toEqual([[0], [100]]);
    expect([retryBudget.take('a'), retryBudget.take('b')]).toEqual([true, false]);
  });

  it('keeps the copy from starting where it is used up, and costs the first one nothing', async () => {
    const { clock, go, begun } = setUp([[{ say: 'from a', afterMs: 500 }], [{ say: 'from b' }]]);
    const going = go({ retryBudget: createRetryBudget({ clock, floor: 0, share: 0 }) });
    await clock.advance(500);
    expect((await going).reply?.by.provider).toBe('a');
    expect(begun()).toEqual([[0], []]);
  });
});
