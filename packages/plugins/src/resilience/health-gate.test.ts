import { createCall, layered } from '@inferbridge/core';
import { scripted, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { createHealthGate } from './health-gate.ts';

const setUp = () => {
  const clock = virtualClock();
  const gate = createHealthGate({ clock });
  const of = (id: string, credential = 'k') =>
    layered(scripted(id, [{ say: 'hi' }], { clock, credential }), [gate.layer]);
  const call = createCall({ model: 'm', messages: [] }, { clock });
  return { clock, gate, of, call };
};

describe('health gate', () => {
  it('closes for all models of a credential after two failed checks in a row, and opens with a good one', () => {
    const { gate, of, call } = setUp();
    const [a, b] = [of('p:a'), of('p:b')];
    gate.report('p', 'k', false);
    expect(a.facts(call).blocked).toBeNull();
    gate.report('p', 'k', false);
    for (const target of [a, b]) {
      expect(target.facts(call).blocked).toMatchObject({
        blocked: 'unhealthy',
        why: 'its health check fails',
      });
      expect(target.acquire(call)).toMatchObject({ blocked: 'unhealthy' });
    }
    gate.report('p', 'k', true);
    expect(a.acquire(call)).not.toHaveProperty('blocked');
    expect(a.facts(call).blocked).toBeNull();
  });

  it('holds nothing against another credential or provider', () => {
    const { gate, of, call } = setUp();
    gate.report('p', 'k', false);
    gate.report('p', 'k', false);
    expect(of('p:a', 'other').facts(call).blocked).toBeNull();
    expect(of('q:a').facts(call).blocked).toBeNull();
  });

  it('lets one through that insists: nobody else may be left', () => {
    const { gate, of, call } = setUp();
    gate.report('p', 'k', false);
    gate.report('p', 'k', false);
    const answer = of('p:a').acquire(call);
    expect('blocked' in answer && answer.insist?.()).toHaveProperty('settle');
  });

  it('remembers when it was last used', async () => {
    const { clock, gate, of, call } = setUp();
    expect(gate.lastUsedAt('p', 'k')).toBeNull();
    await clock.advance(70);
    of('p:a').acquire(call);
    expect(gate.lastUsedAt('p', 'k')).toBe(70);
  });
});
