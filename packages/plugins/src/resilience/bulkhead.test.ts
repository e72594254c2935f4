import { createCall, type Permit, type Target } from '@inferbridge/core';
import { scripted, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { bulkhead } from './bulkhead.ts';

const clock = virtualClock();
const call = createCall({ model: 'm', messages: [] }, { clock });
const setUp = (limit?: number) => {
  const layer = bulkhead(limit === undefined ? {} : { limit });
  return { layer, of: (id = 'p:m') => layer(scripted(id, [{ say: 'hi' }], { clock })) };
};
const acquire = (target: Target): Permit => {
  const answer = target.acquire(call);
  if ('blocked' in answer) throw new Error(`blocked: ${answer.why}`);
  return answer;
};
const settle = (permit: Permit) =>
  permit.settle({ outcome: 'ok', retryAfterMs: null, firstContentMs: null, latencyMs: 1 });

describe('bulkhead', () => {
  it('is full at its limit and not before', () => {
    const target = setUp(2).of();
    acquire(target);
    acquire(target);
    expect(target.acquire(call)).toEqual({
      blocked: 'full',
      why: 'it has 2 requests in flight',
      forMs: null,
    });
  });

  it('has room again when one has ended', () => {
    const target = setUp(1).of();
    settle(acquire(target));
    expect(target.acquire(call)).not.toHaveProperty('blocked');
  });

  it('counts all models of a provider together, and providers apart', () => {
    const { of } = setUp(1);
    acquire(of('p:one'));
    expect(of('p:two').acquire(call)).toMatchObject({ blocked: 'full' });
    expect(of('q:one').acquire(call)).not.toHaveProperty('blocked');
  });

  it('tells planners how many are in flight', () => {
    const target = setUp().of();
    const permits = [acquire(target), acquire(target)] as const;
    expect(target.facts(call).inFlight).toBe(2);
    settle(permits[0]);
    settle(permits[1]);
    expect(target.facts(call).inFlight).toBe(0);
  });

  it('tells planners when it is full', () => {
    const target = setUp(1).of();
    expect(target.facts(call).blocked).toBeNull();
    acquire(target);
    expect(target.facts(call).blocked).toMatchObject({ blocked: 'full' });
  });

  it('counts nobody whom the target inside refuses', () => {
    const { layer } = setUp(1);
    const inner = scripted('p:m', [{ say: 'hi' }], { clock });
    const target = layer({ ...inner, acquire: () => ({ blocked: 'cooling', why: 'cooling', forMs: 5 }) });
    expect(target.acquire(call)).toMatchObject({ blocked: 'cooling' });
    expect(target.facts(call).inFlight).toBe(0);
  });

  it('holds 4,096 where nobody says otherwise', () => {
    const target = setUp().of();
    for (let i = 0; i < 4_096; i++) acquire(target);
    expect(target.acquire(call)).toMatchObject({ blocked: 'full' });
  });
});
