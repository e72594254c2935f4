import { type Blocked, createCall, type ErrorClass, type Permit, type Target } from '@inferbridge/core';
import { scripted, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { type CooldownOptions, cooldown } from './cooldown.ts';

function setUp(options: Omit<CooldownOptions, 'clock'> = {}) {
  const clock = virtualClock();
  const layer = cooldown({ clock, ...options });
  const call = createCall({ model: 'm', messages: [] }, { clock });
  const target = (id = 'p:m', credential = 'key') =>
    layer(scripted(id, [{ say: 'hi' }], { clock, credential }));
  return { clock, call, target };
}
type Setting = ReturnType<typeof setUp>;
const acquire = (target: Target, { call }: Setting): Permit => {
  const answer = target.acquire(call);
  if ('blocked' in answer) throw new Error(`blocked: ${answer.why}`);
  return answer;
};
const settle = (permit: Permit, outcome: 'ok' | 'aborted' | ErrorClass, retryAfterMs: number | null = null) =>
  permit.settle({ outcome, retryAfterMs, firstContentMs: null, latencyMs: 1 });
const end = (
  target: Target,
  setting: Setting,
  outcome: 'ok' | 'aborted' | ErrorClass,
  retryAfterMs: number | null = null,
) => settle(acquire(target, setting), outcome, retryAfterMs);
const blockedFor = (target: Target, { call }: Setting): Blocked | null => {
  const answer = target.acquire(call);
  return 'blocked' in answer ? answer : null;
};

describe('cooldown', () => {
  it('leaves a limited target alone for as long as its upstream asked, and no longer', async () => {
    const setting = setUp();
    const target = setting.target();
    end(target, setting, 'rate_limited', 2_000);
    expect(blockedFor(target, setting)).toEqual({
      blocked: 'cooling',
      why: 'cooling down after a rate limit',
      forMs: 2_000,
    });
    await setting.clock.advance(1_999);
    expect(blockedFor(target, setting)?.forMs).toBe(1);
    await setting.clock.advance(1);
    expect(blockedFor(target, setting)).toBeNull();
  });

  it('tells planners the same as it tells the engine', () => {
    const setting = setUp();
    const target = setting.target();
    expect(target.facts(setting.call).blocked).toBeNull();
    end(target, setting, 'rate_limited', 2_000);
    expect(target.facts(setting.call).blocked).toMatchObject({ blocked: 'cooling', forMs: 2_000 });
  });

  it('guesses a second where the upstream says nothing, and doubles that up to a minute', async () => {
    const setting = setUp();
    const target = setting.target();
    const guesses: (number | null | undefined)[] = [];
    for (let i = 0; i < 8; i++) {
      end(target, setting, 'rate_limited');
      const forMs = blockedFor(target, setting)?.forMs;
      guesses.push(forMs);
      await setting.clock.advance(forMs ?? 0);
    }
    expect(guesses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('guesses from the start again after a success', async () => {
    const setting = setUp({ firstMs: 500 });
    const target = setting.target();
    end(target, setting, 'rate_limited');
    await setting.clock.advance(500);
    end(target, setting, 'ok');
    end(target, setting, 'rate_limited');
    expect(blockedFor(target, setting)?.forMs).toBe(500);
  });

  it.each([
    [9_000, 2_000],
    [2_000, 9_000],
  ])('takes the later of two times (%s, then %s)', (first, second) => {
    const setting = setUp();
    const target = setting.target();
    const permits = [acquire(target, setting), acquire(target, setting)] as const;
    settle(permits[0], 'rate_limited', first);
    settle(permits[1], 'rate_limited', second);
    expect(blockedFor(target, setting)?.forMs).toBe(9_000);
  });

  it('goes on cooling when a request that began before the limit ends well', () => {
    const setting = setUp();
    const target = setting.target();
    const early = acquire(target, setting);
    end(target, setting, 'rate_limited', 30_000);
    settle(early, 'ok');
    expect(blockedFor(target, setting)?.forMs).toBe(30_000);
  });

  it('holds a limit for that credential and model only', () => {
    const setting = setUp();
    end(setting.target('p:m', 'key'), setting, 'rate_limited', 2_000);
    expect(blockedFor(setting.target('p:m', 'key'), setting)?.blocked).toBe('cooling');
    expect(blockedFor(setting.target('p:other', 'key'), setting)).toBeNull();
    expect(blockedFor(setting.target('p:m', 'other'), setting)).toBeNull();
    expect(blockedFor(setting.target('q:m', 'key'), setting)).toBeNull();
  });

  it.each<[ErrorClass, Blocked['blocked'], number]>([
    ['bad_credential', 'bad_credential', 600_000],
    ['quota_exhausted', 'quota_exhausted', 300_000],
  ])('holds %s for the whole credential and no other', async (outcome, blocked, forMs) => {
    const setting = setUp();
    end(setting.target('p:m', 'key'), setting, outcome);
    expect(blockedFor(setting.target('p:other', 'key'), setting)).toMatchObject({ blocked, forMs });
    expect(blockedFor(setting.target('p:m', 'other'), setting)).toBeNull();
    await setting.clock.advance(forMs);
    expect(blockedFor(setting.target('p:other', 'key'), setting)).toBeNull();
  });

  it('takes its times from its options', () => {
    const setting = setUp({ quotaMs: 10, credentialMs: 20 });
    end(setting.target('p:m', 'a'), setting, 'quota_exhausted');
    end(setting.target('p:m', 'b'), setting, 'bad_credential');
    expect(blockedFor(setting.target('p:m', 'a'), setting)?.forMs).toBe(10);
    expect(blockedFor(setting.target('p:m', 'b'), setting)?.forMs).toBe(20);
  });

  it('says the reason that lasts longest where there are two', () => {
    const setting = setUp();
    const target = setting.target();
    const permits = [acquire(target, setting), acquire(target, setting)] as const;
    settle(permits[0], 'rate_limited', 1_000_000);
    settle(permits[1], 'bad_credential');
    expect(blockedFor(target, setting)?.blocked).toBe('cooling');
  });

  it.each<'aborted' | ErrorClass>(['server_error', 'timeout', 'unreachable', 'invalid_request', 'aborted'])(
    'does not mind %s',
    (outcome) => {
      const setting = setUp();
      const target = setting.target();
      end(target, setting, outcome, 5_000);
      expect(blockedFor(target, setting)).toBeNull();
    },
  );

  it('passes on how the attempt ended, and what the target inside answers', () => {
    const { call } = setUp();
    const clock = virtualClock();
    const told: string[] = [];
    const inner = scripted('p:m', [{ say: 'hi' }], { clock });
    const layer = cooldown({ clock });
    const hearing = layer({
      ...inner,
      acquire: () => ({ settle: ({ outcome }) => void told.push(outcome) }),
    });
    const permit = hearing.acquire(call);
    if ('settle' in permit) settle(permit, 'timeout');
    expect(told).toEqual(['timeout']);
    const full: Blocked = { blocked: 'full', why: 'full', forMs: null };
    expect(layer({ ...inner, acquire: () => full }).acquire(call)).toEqual(full);
  });
});
