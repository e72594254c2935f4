import { describe, expect, it } from 'vitest';
import type { Call } from '../call.ts';
import { GatewayError } from '../errors.ts';
import { createCall } from '../pipeline.ts';
import type { Plan } from '../plan.ts';
import type { Reply } from '../reply.ts';
import type { Blocked, Permit } from '../target.ts';
import { type Act, type ScriptedTarget, scripted, virtualClock } from '../testing/index.ts';
import { run } from './run.ts';
import type { RunOptions } from './state.ts';

const clockAt = () => virtualClock(Date.UTC(2026, 0, 1));
type Clock = ReturnType<typeof clockAt>;
const callOf = (clock: Clock, deadlineMs = 600_000, signal?: AbortSignal) =>
  createCall(
    { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
    { clock, deadlineMs, ...(signal && { signal }) },
  );
const go = (
  targets: readonly ScriptedTarget[],
  call: Call,
  clock: Clock,
  options: RunOptions = {},
): Promise<{ reply?: Reply; error?: GatewayError; at: number }> => {
  const plan: Plan = {
    inOrder: targets.map((target) => ({ attempt: { target, facts: target.facts(call) }, why: '' })),
  };
  return run(plan, call, { clock, random: () => 0.5 }, options).then(
    (reply) => ({ reply, at: clock.now() }),
    (error) => ({ error, at: clock.now() }),
  );
};
const times = ({ calls }: ScriptedTarget) => calls.map(({ at }) => at);
/** Blocked until a moment, then free; `insist` where breakers would allow it. */
const held = (
  target: ScriptedTarget,
  clock: Clock,
  until: number,
  more: Partial<Blocked> = {},
): ScriptedTarget => {
  const blocked = (): Blocked | null =>
    clock.now() >= until ? null : { blocked: 'cooling', why: 'is held', forMs: until - clock.now(), ...more };
  return {
    ...target,
    facts: (call) => ({ ...target.facts(call), blocked: blocked() }),
    acquire: (call) => blocked() ?? target.acquire(call),
  };
};
const FAIL: Act = { fail: 'server_error' };
const SAY: Act = { say: 'hi' };

describe('a cool-down', () => {
  it.each([
    ['is waited for where it is short', 5_000, [5_000]],
    ['is not waited for where it is long', 5_001, []],
  ])('%s', async (_, until, called) => {
    const clock = clockAt();
    const plain = scripted('a:m', [SAY], { clock });
    const going = go([held(plain, clock, until)], callOf(clock), clock);
    await clock.advance(5_000);
    const { reply, error } = await going;
    expect(times(plain)).toEqual(called);
    if (called.length > 0) expect(reply?.by.provider).toBe('a');
    else expect(error).toMatchObject({ class: 'rate_limited', details: { retryAfterMs: until } });
    expect(clock.pending()).toBe(0);
  });

  it('that ends first is waited for first', async () => {
    const clock = clockAt();
    const [a, b] = [scripted('a:m', [SAY], { clock }), scripted('b:m', [SAY], { clock })];
    const call = callOf(clock);
    const going = go([held(a, clock, 3_000), held(b, clock, 1_000)], call, clock);
    await clock.advance(3_000);
    expect(await going).toMatchObject({ at: 1_000, reply: { by: { provider: 'b' } } });
    expect(call.trail.map(({ outcome, waitedMs }) => [outcome, waitedMs])).toEqual([
      ['skipped', 0],
      ['skipped', 0],
      ['ok', 1_000],
    ]);
  });

  it.each([
    [2_000, [0, 2_000]],
    [5_001, [0]],
  ])('that an upstream asks for (%s ms) is kept to', async (retryAfterMs, called) => {
    const clock = clockAt();
    const a = scripted('a:m', [{ fail: 'rate_limited', details: { retryAfterMs } }, SAY], { clock });
    const going = go([a], callOf(clock), clock);
    await clock.advance(10_000);
    await going;
    expect(times(a)).toEqual(called);
  });

  it('is not waited for beyond the deadline', async () => {
    const clock = clockAt();
    const plain = scripted('a:m', [SAY], { clock });
    const { error, at } = await go([held(plain, clock, 3_000)], callOf(clock, 3_000), clock);
    expect([error?.class, at, plain.calls.length]).toEqual(['rate_limited', 0, 0]);
  });

  it.each<Blocked['blocked']>(['full', 'bad_credential', 'quota_exhausted'])(
    'is not what %s is',
    async (blocked) => {
      const clock = clockAt();
      const plain = scripted('a:m', [SAY], { clock });
      await go([held(plain, clock, 100, { blocked })], callOf(clock), clock);
      expect(plain.calls).toHaveLength(0);
    },
  );
});

describe('panic', () => {
  const open = (target: ScriptedTarget, clock: Clock, failedAt: number) => {
    const insist = (): Permit => ({ settle() {} });
    return held(target, clock, 1e9, { blocked: 'open', why: 'its breaker is open', failedAt, insist });
  };

  it('calls the one that failed longest ago where breakers keep everybody away', async () => {
    const clock = clockAt();
    const targets = ['a:m', 'b:m', 'c:m'].map((id) => scripted(id, [SAY], { clock }));
    const behind = targets.map((target, i) => open(target, clock, [300, 100, 200][i] ?? 0));
    expect((await go(behind, callOf(clock), clock)).reply?.by.provider).toBe('b');
    expect(targets.map(({ calls }) => calls.length)).toEqual([0, 1, 0]);
  });

  it('makes one attempt and no more', async () => {
    const clock = clockAt();
    const targets = ['a:m', 'b:m', 'c:m'].map((id) => scripted(id, [FAIL], { clock }));
    const going = go(
      targets.map((target, i) => open(target, clock, i)),
      callOf(clock),
      clock,
    );
    await clock.advance(60_000);
    expect((await going).error?.class).toBe('server_error');
    expect(targets.map(({ calls }) => calls.length)).toEqual([1, 0, 0]);
  });

  it('gives up at once where there is no permit even for who insists', async () => {
    const clock = clockAt();
    const a = scripted('a:m', [SAY], { clock });
    const gone = new AbortController();
    let asked = 0;
    const insist = (): Blocked => {
      if (++asked === 20) gone.abort(new GatewayError('client_closed', 'or this would never end'));
      return { blocked: 'full', why: 'it is full', forMs: null };
    };
    const behind = held(a, clock, 1e9, { blocked: 'open', why: 'its breaker is open', insist });
    const { error } = await go([behind], callOf(clock, 9_000, gone.signal), clock);
    expect([error?.class, asked, a.calls.length]).toEqual(['overloaded', 1, 0]);
  });

  it('calls nobody whom something else keeps away too', async () => {
    const clock = clockAt();
    const a = scripted('a:m', [SAY], { clock });
    const { error } = await go([held(a, clock, 1e9, { blocked: 'bad_credential' })], callOf(clock), clock);
    expect([error?.class, a.calls.length]).toEqual(['bad_credential', 0]);
  });

  it('passes over the one that only cools down for long', async () => {
    const clock = clockAt();
    const [a, b] = [scripted('a:m', [SAY], { clock }), scripted('b:m', [SAY], { clock })];
    await go([held(a, clock, 60_000), open(b, clock, 5)], callOf(clock), clock);
    expect([a.calls.length, b.calls.length]).toEqual([0, 1]);
  });

  it('comes after a short wait for one that is free soon', async () => {
    const clock = clockAt();
    const [a, b] = [scripted('a:m', [SAY], { clock }), scripted('b:m', [SAY], { clock })];
    const going = go([open(a, clock, 5), held(b, clock, 400)], callOf(clock), clock);
    await clock.advance(400);
    expect((await going).reply?.by.provider).toBe('b');
    expect(a.calls).toHaveLength(0);
  });
});
