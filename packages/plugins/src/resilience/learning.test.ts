import { createCall, layered, type Target } from '@inferbridge/core';
import { type Act, scripted, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { breaker } from './breaker.ts';
import { learning } from './learning.ts';

const clockAndTarget = (acts: readonly [Act, ...Act[]]) => {
  const clock = virtualClock();
  const upstream = scripted('p:m', acts, { clock });
  return { clock, upstream, target: layered(upstream, [learning({ clock })]) };
};
const callOf = (stream = false) =>
  createCall({ model: 'm', messages: [{ role: 'user', content: 'hi' }], stream });

async function ask(target: Target, stream = false) {
  const call = callOf(stream);
  const permit = target.acquire(call);
  if ('blocked' in permit) return permit;
  const reply = await target.handle(call, permit).catch(() => null);
  if (reply?.kind === 'stream') for await (const _ of reply.frames);
  return reply;
}

async function times(clock: ReturnType<typeof virtualClock>, target: Target, count: number, eachMs: number) {
  for (let i = 0; i < count; i++) {
    const asking = ask(target);
    await clock.advance(eachMs);
    await asking;
  }
}

describe('learning', () => {
  it('knows nothing at first, a median after five answers, a 95th percentile after twenty', async () => {
    const { clock, target } = clockAndTarget([{ say: 'hi', afterMs: 100 }]);
    expect(target.facts(callOf())).toMatchObject({
      latencyMs: null,
      slowMs: null,
      ewmaMs: null,
      inFlight: 0,
    });
    await times(clock, target, 4, 100);
    expect(target.facts(callOf()).latencyMs).toBeNull();
    await clock.advance(6_000);
    await times(clock, target, 1, 100);
    await clock.advance(6_000);
    expect(target.facts(callOf())).toMatchObject({ latencyMs: 100, slowMs: null });
    await times(clock, target, 15, 100);
    await clock.advance(6_000);
    expect(target.facts(callOf())).toMatchObject({ latencyMs: 100, slowMs: 100, errorRate: 0 });
  });

  it('takes the slow ones of twenty for its percentile', async () => {
    const acts = Array.from({ length: 40 }, (_, i) => ({ say: 'hi', afterMs: i < 37 ? 100 : 2_000 }));
    const { clock, target } = clockAndTarget(acts as unknown as readonly [Act, ...Act[]]); // forty
    await times(clock, target, 40, 2_000);
    await clock.advance(6_000);
    expect(target.facts(callOf())).toMatchObject({ latencyMs: 100, slowMs: 2_000 });
  });

  it('keeps streams and whole answers apart', async () => {
    const { clock, target } = clockAndTarget([{ say: 'one two three', betweenMs: 50 }]);
    for (let i = 0; i < 5; i++) {
      const asking = ask(target, true);
      await clock.advance(1_000);
      await asking;
    }
    await clock.advance(6_000);
    const streamed = target.facts(callOf(true)).latencyMs ?? 0;
    expect(streamed).toBeGreaterThan(0);
    expect(target.facts(callOf(false)).latencyMs).toBeNull();
  });

  it('follows a rise at once, a fall slowly, and forgets a peak that nobody looks at', async () => {
    const { clock, target } = clockAndTarget([
      { say: 'hi', afterMs: 100 },
      { say: 'hi', afterMs: 1_000 },
      { say: 'hi', afterMs: 100 },
    ]);
    await times(clock, target, 1, 100);
    await times(clock, target, 1, 1_000);
    expect(target.facts(callOf()).ewmaMs).toBe(1_000);
    await times(clock, target, 1, 100);
    const falling = target.facts(callOf()).ewmaMs ?? 0;
    expect(falling).toBeGreaterThan(900);
    await clock.advance(300_000);
    expect(target.facts(callOf()).ewmaMs).toBeLessThan(10);
  });

  it('counts what is in flight, and what fails', async () => {
    const { clock, target } = clockAndTarget([{ fail: 'server_error', afterMs: 50 }, { say: 'hi' }]);
    const asking = ask(target);
    await clock.advance(10);
    expect(target.facts(callOf()).inFlight).toBe(1);
    await clock.advance(40);
    await asking;
    expect(target.facts(callOf())).toMatchObject({ inFlight: 0, errorRate: 0.1 });
    await ask(target);
    expect(target.facts(callOf()).errorRate).toBeCloseTo(0.09);
  });

  it('does not hold the caller’s own mistakes against a target', async () => {
    const { target } = clockAndTarget([{ fail: 'invalid_request' }]);
    await ask(target);
    expect(target.facts(callOf()).errorRate).toBeNull();
  });

  it('counts a panic permit, and none that was refused', async () => {
    const clock = virtualClock();
    const upstream = scripted('p:m', [{ fail: 'server_error' }, { hang: true }], { clock });
    const target = layered(upstream, [
      learning({ clock }),
      breaker({ clock, random: () => 0.5, failures: 1 }),
    ]);
    await ask(target);
    const call = callOf();
    const blocked = target.acquire(call);
    expect(target.facts(call)).toMatchObject({ inFlight: 0, blocked: { blocked: 'open' } });
    const permit = 'blocked' in blocked ? blocked.insist?.() : null;
    expect(target.facts(call).inFlight).toBe(1);
    if (permit && !('blocked' in permit))
      permit.settle({ outcome: 'ok', retryAfterMs: null, firstContentMs: 5, latencyMs: 5 });
    expect(target.facts(call).inFlight).toBe(0);
  });

  it('says nothing any more of what happened ten minutes ago', async () => {
    const { clock, target } = clockAndTarget([{ say: 'hi', afterMs: 100 }]);
    await times(clock, target, 20, 100);
    await clock.advance(601_000);
    expect(target.facts(callOf())).toMatchObject({ latencyMs: null, slowMs: null });
  });
});
