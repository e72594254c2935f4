import { describe, expect, it } from 'vitest';
import {
  type Blocked,
  isBlocked,
  type Layer,
  layered,
  type Permit,
  type Settlement,
  settling,
} from './target.ts';
import { scripted, virtualClock } from './testing/index.ts';

const settlement: Settlement = { outcome: 'ok', retryAfterMs: null, firstContentMs: 1, latencyMs: 2 };

describe('layered', () => {
  it('puts the first layer outermost', () => {
    const mark =
      (name: string): Layer =>
      (target) => ({ ...target, model: `${name}(${target.model})` });
    const target = scripted('p:m', [{ say: 'hi' }], { clock: virtualClock() });
    expect(layered(target, [mark('a'), mark('b')]).model).toBe('a(b(m))');
  });
});

describe('settling', () => {
  it('tells the outer one before the inner one, once each', () => {
    const told: string[] = [];
    const permit = settling({ settle: () => void told.push('inner') }, () => void told.push('outer'));
    if (isBlocked(permit)) throw new Error('blocked');
    permit.settle(settlement);
    expect(told).toEqual(['outer', 'inner']);
  });

  it('leaves a refusal as it is', () => {
    const blocked: Blocked = { blocked: 'full', why: 'full', forMs: null };
    expect(settling(blocked, () => {})).toBe(blocked);
  });

  it('hears of a permit that was insisted on', () => {
    const told: Settlement[] = [];
    const inner: Permit = { settle() {} };
    const answer = settling({ blocked: 'open', why: 'open', forMs: 5, insist: () => inner }, (s) =>
      told.push(s),
    );
    if (!isBlocked(answer)) throw new Error('not blocked');
    const permit = answer.insist?.();
    if (!permit || isBlocked(permit)) throw new Error('no permit');
    permit.settle(settlement);
    expect(told).toEqual([settlement]);
  });
});
