import { type Blocked, createCall, type ErrorClass, type Permit, type Target } from '@inferbridge/core';
import { scripted, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { type BreakerOptions, breaker } from './breaker.ts';

type End = 'ok' | 'aborted' | ErrorClass;

/** `random` in the middle: open times are exactly what they are said to be. */
function setUp(options: Partial<BreakerOptions> = {}) {
  const clock = virtualClock();
  const layer = breaker({ clock, random: () => 0.5, ...options });
  const call = createCall({ model: 'm', messages: [] }, { clock });
  const of = (id = 'p:m', credential = 'key') => layer(scripted(id, [{ say: 'hi' }], { clock, credential }));
  const target = of();
  const acquire = (from: Target = target): Permit => {
    const answer = from.acquire(call);
    if ('blocked' in answer) throw new Error(`blocked: ${answer.why}`);
    return answer;
  };
  const end = (outcome: End, times = 1, from: Target = target) => {
    for (let i = 0; i < times; i++) settle(acquire(from), outcome);
  };
  const blocked = (from: Target = target): Blocked | null => {
    const answer = from.acquire(call);
    return 'blocked' in answer ? answer : null;
  };
  const state = () => target.facts(call).blocked?.blocked ?? 'closed';
  const insist = (): Permit => {
    const permit = blocked()?.insist?.();
    if (!permit || 'blocked' in permit) throw new Error('no permit');
    return permit;
  };
  return { clock, call, layer, of, target, acquire, end, blocked, state, insist };
}
const settle = (permit: Permit, outcome: End) =>
  permit.settle({ outcome, retryAfterMs: null, firstContentMs: null, latencyMs: 1 });

describe('breaker', () => {
  it('opens at exactly the fifth failure in a row', async () => {
    const { clock, end, blocked, state } = setUp();
    await clock.advance(7);
    end('server_error', 4);
    expect(state()).toBe('closed');
    end('server_error');
    expect(blocked()).toMatchObject({
      blocked: 'open',
      why: 'its breaker is open',
      forMs: 30_000,
      failedAt: 7,
    });
  });

  it('begins to count anew after a success in between', () => {
    const { end, state } = setUp();
    end('server_error', 4);
    end('ok');
    end('server_error', 4);
    expect(state()).toBe('closed');
    end('server_error');
    expect(state()).toBe('open');
  });

  it.each<ErrorClass>(['overloaded', 'server_error', 'unreachable', 'timeout', 'malformed', 'internal'])(
    'counts %s',
    (outcome) => {
      const { end, state } = setUp();
      end(outcome, 5);
      expect(state()).toBe('open');
    },
  );

  it.each<End>([
    'rate_limited',
    'invalid_request',
    'model_not_found',
    'unsupported',
    'context_length',
    'content_policy',
    'quota_exhausted',
    'bad_credential',
    'client_closed',
    'aborted',
  ])('never counts %s', (outcome) => {
    const { end, state } = setUp();
    end(outcome, 40);
    expect(state()).toBe('closed');
  });

  it('does not take an abort from our side for a success', () => {
    const { end, state } = setUp();
    end('server_error', 4);
    end('aborted');
    end('server_error');
    expect(state()).toBe('open');
  });

  it('holds nothing against another credential, model or provider', () => {
    const { end, of, blocked } = setUp();
    end('timeout', 5);
    expect(blocked(of('p:m', 'key'))?.blocked).toBe('open');
    expect(blocked(of('p:m', 'other'))).toBeNull();
    expect(blocked(of('p:other', 'key'))).toBeNull();
    expect(blocked(of('q:m', 'key'))).toBeNull();
  });

  it('takes the number of failures and the open time from its options', () => {
    const { end, blocked } = setUp({ failures: 2, openMs: 100 });
    end('timeout', 2);
    expect(blocked()?.forMs).toBe(100);
  });

  it.each([
    [0, 24_000],
    [0.5, 30_000],
    [1, 36_000],
  ])('spreads the open time by a fifth either way (chance %s)', (chance, forMs) => {
    const { end, blocked } = setUp({ random: () => chance });
    end('timeout', 5);
    expect(blocked()?.forMs).toBeCloseTo(forMs);
  });
});

describe('the ratio of a breaker', () => {
  it('opens it at half of twenty calls, though never five fail in a row', () => {
    const { end, state } = setUp();
    for (let i = 0; i < 9; i++) {
      end('ok');
      end('timeout');
    }
    end('ok');
    expect(state()).toBe('closed');
    end('timeout');
    expect(state()).toBe('open');
  });

  it('does not open it below half', () => {
    const { end, state } = setUp();
    for (let i = 0; i < 30; i++) {
      end('ok', 2);
      end('timeout');
    }
    expect(state()).toBe('closed');
  });

  it('forgets what is older than thirty seconds', async () => {
    const { clock, end, state } = setUp();
    for (let i = 0; i < 9; i++) {
      end('timeout');
      end('ok');
    }
    await clock.advance(30_000);
    end('ok');
    end('timeout');
    expect(state()).toBe('closed');
  });
});

describe('an open breaker', () => {
  it('lets exactly one of fifty through as a probe when its time is up', async () => {
    const { clock, end, target, call } = setUp();
    end('timeout', 5);
    await clock.advance(30_000);
    const answers = Array.from({ length: 50 }, () => target.acquire(call));
    expect(answers.filter((answer) => !('blocked' in answer))).toHaveLength(1);
    expect(answers[0]).not.toHaveProperty('blocked');
    expect(answers[1]).toMatchObject({
      blocked: 'probing',
      why: 'its breaker waits for a probe',
      forMs: null,
    });
  });

  it('closes when the probe succeeds, and has forgotten everything', async () => {
    const { clock, end, state, blocked } = setUp();
    end('timeout', 5);
    await clock.advance(30_000);
    end('ok');
    expect(state()).toBe('closed');
    end('timeout', 4);
    expect(state()).toBe('closed');
    end('timeout');
    expect(blocked()?.forMs).toBe(30_000);
  });

  it('is open twice as long each time its probe fails, up to five minutes', async () => {
    const { clock, end, blocked } = setUp();
    end('timeout', 5);
    const times: (number | null | undefined)[] = [];
    for (let i = 0; i < 6; i++) {
      const forMs = blocked()?.forMs;
      times.push(forMs);
      await clock.advance(forMs ?? 0);
      end('timeout');
    }
    expect(times).toEqual([30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
  });

  it('gives another probe where the first was ended from our side', async () => {
    const { clock, end, acquire, blocked } = setUp();
    end('timeout', 5);
    await clock.advance(30_000);
    settle(acquire(), 'aborted');
    acquire();
    expect(blocked()?.blocked).toBe('probing');
  });

  it('loses no probe to a target that is full inside', async () => {
    const { clock, call, layer } = setUp();
    let full = false;
    const inner = scripted('p:m', [{ say: 'hi' }], { clock });
    const target = layer({
      ...inner,
      acquire: (given) => (full ? { blocked: 'full', why: 'full', forMs: null } : inner.acquire(given)),
    });
    for (let i = 0; i < 5; i++) {
      const permit = target.acquire(call);
      if ('settle' in permit) settle(permit, 'timeout');
    }
    await clock.advance(30_000);
    full = true;
    expect(target.acquire(call)).toMatchObject({ blocked: 'full' });
    full = false;
    expect(target.acquire(call)).not.toHaveProperty('blocked');
  });

  it('stays open though a request that began earlier ends well, or badly', () => {
    const { acquire, end, blocked } = setUp();
    const early = [acquire(), acquire()] as const;
    end('timeout', 5);
    settle(early[0], 'ok');
    settle(early[1], 'timeout');
    expect(blocked()?.forMs).toBe(30_000);
  });

  it('gives a permit to who insists, and closes when that one succeeds', () => {
    const { end, insist, state } = setUp();
    end('timeout', 5);
    settle(insist(), 'ok');
    expect(state()).toBe('closed');
  });

  it('is open no longer because one who insisted failed', async () => {
    const { clock, end, insist, blocked } = setUp();
    end('timeout', 5);
    await clock.advance(10_000);
    settle(insist(), 'timeout');
    expect(blocked()).toMatchObject({ blocked: 'open', forMs: 20_000, failedAt: 10_000 });
  });
});
