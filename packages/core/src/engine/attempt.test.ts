import { describe, expect, it } from 'vitest';
import type { Call } from '../call.ts';
import type { GatewayError } from '../errors.ts';
import { createCall } from '../pipeline.ts';
import type { Plan } from '../plan.ts';
import type { Reply } from '../reply.ts';
import type { Blocked } from '../target.ts';
import { type Act, type ScriptedTarget, scripted, virtualClock } from '../testing/index.ts';
import { run } from './run.ts';

type Acts = readonly [Act, ...Act[]];

function setUp(deadlineMs = 600_000) {
  const clock = virtualClock(Date.UTC(2026, 0, 1));
  const call = createCall({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }, { clock, deadlineMs });
  const one = (id: string, acts: Acts, window?: number) =>
    scripted(id, acts, { clock, ...(window !== undefined && { window }) });
  const inOrder = (targets: readonly ScriptedTarget[]): Plan => ({
    inOrder: targets.map((target) => ({ attempt: { target, facts: target.facts(call) }, why: '' })),
  });
  const go = (plan: Plan): Promise<{ reply?: Reply; error?: GatewayError; at: number }> =>
    run(plan, call, { clock, random: () => 0 }, { retries: 0 }).then(
      (reply) => ({ reply, at: clock.now() }),
      (error) => ({ error, at: clock.now() }),
    );
  return { clock, call, one, inOrder, go };
}
const keptAway = (target: ScriptedTarget, blocked: Blocked): ScriptedTarget => ({
  ...target,
  facts: (call) => ({ ...target.facts(call), blocked }),
  acquire: () => blocked,
});
const outcomes = ({ trail }: Call) => trail.map(({ provider, outcome }) => `${provider} ${outcome}`);

describe('the share of time', () => {
  it('of a candidate that is not the last is 60 % of what is left', async () => {
    const { clock, call, one, inOrder, go } = setUp(10_000);
    const [a, b, c] = [
      one('a:m', [{ hang: true }]),
      one('b:m', [{ hang: true }]),
      one('c:m', [{ say: 'hi' }]),
    ];
    const going = go(inOrder([a, b, c]));
    await clock.advance(10_000);
    expect((await going).reply?.by.provider).toBe('c');
    expect([a, b, c].map(({ calls }) => calls[0]?.at)).toEqual([0, 6_000, 8_400]);
    expect(outcomes(call)).toEqual(['a timeout', 'b timeout', 'c ok']);
    expect(call.trail[0]?.why).toBe('no answer within the 6000 ms that the request had left for it');
  });

  it('of the last one is all of it', async () => {
    const { clock, one, inOrder, go } = setUp(10_000);
    const going = go(inOrder([one('a:m', [{ hang: true }]), one('b:m', [{ hang: true }])]));
    await clock.advance(20_000);
    expect(await going).toMatchObject({ at: 10_000, error: { verdict: 'timeout' } });
    expect(clock.pending()).toBe(0);
  });

  it('counts the last of an inner plan as one that is not the last', async () => {
    const { clock, one, inOrder, go } = setUp(10_000);
    const [a, b] = [one('a:m', [{ hang: true }]), one('b:m', [{ say: 'hi' }])];
    const going = go({ inOrder: [{ together: [inOrder([a])] }, inOrder([b])] });
    await clock.advance(6_000);
    expect((await going).reply?.by.provider).toBe('b');
  });

  it('is what the target sees of the deadline', async () => {
    const { one, inOrder, go } = setUp(10_000);
    const left: number[] = [];
    const seeing = (target: ScriptedTarget): ScriptedTarget => ({
      ...target,
      handle: (call, permit) => {
        left.push(call.budget.timeLeft());
        return target.handle(call, permit);
      },
    });
    await go(inOrder([seeing(one('a:m', [{ fail: 'overloaded' }])), seeing(one('b:m', [{ say: 'hi' }]))]));
    expect(left).toEqual([6_000, 10_000]);
  });
});

describe('a candidate that may not be called', () => {
  const blocked: Blocked = { blocked: 'cooling', why: 'cooling down', forMs: 9_000 };

  it('is passed over and noted with the reason and the time', async () => {
    const { call, one, inOrder, go } = setUp();
    const a = keptAway(one('a:m', [{ say: 'from a' }]), blocked);
    const { reply } = await go(inOrder([a, one('b:m', [{ say: 'from b' }])]));
    expect(reply?.by.provider).toBe('b');
    expect(a.calls).toHaveLength(0);
    expect(call.trail).toMatchObject([
      {
        provider: 'a',
        model: 'm',
        outcome: 'skipped',
        why: 'cooling down',
        until: Date.UTC(2026, 0, 1) + 9_000,
        status: null,
        latencyMs: null,
        usage: null,
        cost: null,
      },
      { provider: 'b', outcome: 'ok' },
    ]);
  });

  it('has no time in the trail where nobody knows it', async () => {
    const { call, one, inOrder, go } = setUp();
    const full: Blocked = { blocked: 'full', why: 'it is full', forMs: null };
    await go(inOrder([keptAway(one('a:m', [{ say: 'x' }]), full), one('b:m', [{ say: 'hi' }])]));
    expect(call.trail[0]).toMatchObject({ why: 'it is full', until: null });
  });

  it('is asked for a permit when its turn has come, whatever the plan thought', async () => {
    const { one, inOrder, go } = setUp();
    const a = one('a:m', [{ say: 'from a' }]);
    const planned: ScriptedTarget = { ...a, facts: (call) => ({ ...a.facts(call), blocked }) };
    expect((await go(inOrder([planned]))).reply?.by.provider).toBe('a');
  });

  it('counts in the verdict with what keeps it away', async () => {
    const { one, inOrder, go } = setUp();
    const { error } = await go(inOrder([keptAway(one('a:m', [{ say: 'x' }]), blocked)]));
    expect(error).toMatchObject({ verdict: 'rate_limited', details: { retryAfterMs: 9_000 } });
    expect(error?.message).toBe(
      'every candidate failed: a:m not called, cooling down until 2026-01-01T00:00:09Z',
    );
  });
});

describe('after a prompt was too long', () => {
  const tooLong: Acts = [{ fail: 'context_length', details: { status: 400 } }];
  const answer: Acts = [{ say: 'hi' }];

  it('asks only who has a larger window', async () => {
    const { call, one, inOrder, go } = setUp();
    const targets = [
      one('a:m', tooLong, 100),
      one('b:m', answer, 50),
      one('c:m', answer, 100),
      one('d:m', answer, 200),
    ];
    expect((await go(inOrder(targets))).reply?.by.provider).toBe('d');
    expect(targets.map(({ calls }) => calls.length)).toEqual([1, 0, 0, 1]);
    expect(outcomes(call)).toEqual(['a context_length', 'b skipped', 'c skipped', 'd ok']);
    expect(call.trail[1]?.why).toBe('its context window is no larger than one that was too small');
  });

  it.each<[number | undefined, number | undefined]>([
    [undefined, 50],
    [100, undefined],
  ])('asks where a window is not known (%s, then %s)', async (first, second) => {
    const { one, inOrder, go } = setUp();
    expect(
      (await go(inOrder([one('a:m', tooLong, first), one('b:m', answer, second)]))).reply?.by.provider,
    ).toBe('b');
  });

  it('remembers every window that was too small', async () => {
    const { one, inOrder, go } = setUp();
    const targets = [one('a:m', tooLong, 300), one('b:m', tooLong, 400), one('c:m', answer, 350)];
    expect((await go(inOrder(targets))).error?.class).toBe('context_length');
    expect(targets.map(({ calls }) => calls.length)).toEqual([1, 1, 0]);
  });

  it('ends as too long where nobody has a larger one', async () => {
    const { one, inOrder, go } = setUp();
    const { error } = await go(inOrder([one('a:m', tooLong, 100), one('b:m', answer, 80)]));
    expect(error).toMatchObject({ class: 'context_length', verdict: 'context_length' });
    expect(error?.message).toContain('a:m cannot take a prompt this long (400); b:m');
  });
});

describe('the money of a request', () => {
  it('lets nobody begin once it is spent', async () => {
    const { call, one, inOrder, go } = setUp();
    call.budget.limit(1);
    const spending = one('a:m', [{ fail: 'overloaded' }]);
    const a: ScriptedTarget = {
      ...spending,
      handle: (given, permit) => {
        given.budget.spend(1);
        return spending.handle(given, permit);
      },
    };
    const b = one('b:m', [{ say: 'hi' }]);
    expect((await go(inOrder([a, b]))).error?.class).toBe('server_error');
    expect(b.calls).toHaveLength(0);
  });
});
