import { describe, expect, it } from 'vitest';
import { createBudget } from '../budget.ts';
import type { Call } from '../call.ts';
import { type ErrorClass, GatewayError } from '../errors.ts';
import { createCall } from '../pipeline.ts';
import type { Plan } from '../plan.ts';
import type { Reply } from '../reply.ts';
import { type Act, type ScriptedTarget, scripted, virtualClock } from '../testing/index.ts';
import { createRetryBudget } from './retry-budget.ts';
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
const FAIL: Act = { fail: 'server_error' };
const SAY: Act = { say: 'hi' };

describe('the same target again', () => {
  it('is tried where nobody else can be called, after a growing time', async () => {
    const clock = clockAt();
    const a = scripted('a:m', [FAIL, FAIL, SAY], { clock });
    const call = callOf(clock);
    const going = go([a], call, clock);
    await clock.advance(375);
    expect((await going).reply?.by.provider).toBe('a');
    expect(times(a)).toEqual([0, 125, 375]);
    expect(call.trail.map(({ outcome, waitedMs }) => [outcome, waitedMs])).toEqual([
      ['server_error', 0],
      ['server_error', 125],
      ['ok', 250],
    ]);
  });

  it.each([
    [undefined, 3],
    [0, 1],
    [1, 2],
  ])('is tried at most twice, or as often as `retries` says (%s: %s calls)', async (retries, calls) => {
    const clock = clockAt();
    const a = scripted('a:m', [FAIL], { clock });
    const going = go([a], callOf(clock), clock, retries === undefined ? {} : { retries });
    await clock.advance(60_000);
    expect((await going).error?.class).toBe('server_error');
    expect(a.calls).toHaveLength(calls);
    expect(clock.pending()).toBe(0);
  });

  it('comes after every other candidate', async () => {
    const clock = clockAt();
    const targets = [scripted('a:m', [FAIL, SAY], { clock }), scripted('b:m', [FAIL], { clock })];
    const call = callOf(clock);
    const going = go(targets, call, clock);
    await clock.advance(1_000);
    await going;
    expect(call.trail.map(({ provider }) => provider)).toEqual(['a', 'b', 'a']);
  });

  it('is tried twice at most over the whole request, however many candidates there are', async () => {
    const clock = clockAt();
    const targets = ['a:m', 'b:m', 'c:m'].map((id) => scripted(id, [FAIL], { clock }));
    const going = go(targets, callOf(clock), clock);
    await clock.advance(60_000);
    await going;
    expect(targets.flatMap(times)).toHaveLength(5);
  });

  it.each<[ErrorClass, number]>([
    ['rate_limited', 3],
    ['overloaded', 3],
    ['unreachable', 3],
    ['malformed', 3],
    ['timeout', 1],
    ['quota_exhausted', 1],
    ['bad_credential', 1],
    ['model_not_found', 1],
    ['unsupported', 1],
    ['context_length', 1],
    ['invalid_request', 1],
  ])('after %s is called %s times in all', async (fail, calls) => {
    const clock = clockAt();
    const a = scripted('a:m', [{ fail }], { clock });
    const going = go([a], callOf(clock), clock);
    await clock.advance(60_000);
    expect((await going).error?.class).toBe(
      fail === 'overloaded' || fail === 'unreachable' || fail === 'malformed' ? 'server_error' : fail,
    );
    expect(a.calls).toHaveLength(calls);
  });

  it('spends from the whole request’s budget', async () => {
    const clock = clockAt();
    const a = scripted('a:m', [FAIL], { clock });
    const call = { ...callOf(clock), budget: createBudget(clock, { retries: 1 }) };
    const going = go([a], call, clock);
    await clock.advance(60_000);
    await going;
    expect(a.calls).toHaveLength(2);
  });

  it('is not tried where the time left is less than it usually takes', async () => {
    const clock = clockAt();
    const plain = scripted('a:m', [FAIL, SAY], { clock });
    const a = { ...plain, facts: (call: Call) => ({ ...plain.facts(call), latencyMs: 900 }) };
    const { error, at } = await go([a], callOf(clock, 1_000), clock);
    expect([error?.class, at, a.calls.length]).toEqual(['server_error', 0, 1]);
  });

  it('ends at once when the client leaves while it waits', async () => {
    const clock = clockAt();
    const gone = new AbortController();
    const a = scripted('a:m', [FAIL, SAY], { clock });
    const going = go([a], callOf(clock, 9_000, gone.signal), clock);
    await clock.advance(100);
    gone.abort(new GatewayError('client_closed', 'gone'));
    await clock.advance(0);
    expect(await going).toMatchObject({ at: 100, error: { class: 'client_closed' } });
    expect([a.calls.length, clock.pending()]).toEqual([1, 0]);
  });
});

describe('the retry budget', () => {
  it('keeps a target from being tried again where it is used up', async () => {
    const clock = clockAt();
    const a = scripted('a:m', [FAIL], { clock });
    const going = go([a], callOf(clock), clock, {
      retryBudget: createRetryBudget({ clock, floor: 1, share: 0 }),
    });
    await clock.advance(60_000);
    await going;
    expect(a.calls).toHaveLength(2);
  });

  it('is not touched by moving on to another candidate', async () => {
    const clock = clockAt();
    const targets = [scripted('a:m', [FAIL], { clock }), scripted('b:m', [SAY], { clock })];
    const retryBudget = createRetryBudget({ clock, floor: 0, share: 0 });
    expect((await go(targets, callOf(clock), clock, { retryBudget })).reply?.by.provider).toBe('b');
  });

  it('counts a request as ordinary traffic once, however often it is tried', async () => {
    const clock = clockAt();
    const noted: string[] = [];
    const retryBudget = { note: (provider: string) => void noted.push(provider), take: () => true };
    const going = go([scripted('a:m', [FAIL], { clock })], callOf(clock), clock, { retryBudget });
    await clock.advance(60_000);
    await going;
    expect(noted).toEqual(['a']);
  });

  it.each([0, 2])('is asked only for tries that are made (%s of them)', async (retries) => {
    const clock = clockAt();
    let taken = 0;
    const retryBudget = { note() {}, take: () => ++taken > 0 };
    const a = scripted('a:m', [FAIL], { clock });
    const going = go([a], callOf(clock), clock, { retryBudget, retries });
    await clock.advance(60_000);
    await going;
    expect([a.calls.length - 1, taken]).toEqual([retries, retries]);
  });
});
