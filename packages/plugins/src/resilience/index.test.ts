import { createCall, layered } from '@inferbridge/core';
import { scripted, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { resilience } from './index.ts';

describe('resilience', () => {
  it('hands its options to each layer, and lets the cool-down answer first', async () => {
    const clock = virtualClock();
    const layers = resilience({
      clock,
      random: () => 0.5,
      cooldown: { firstMs: 700 },
      breaker: { failures: 1, openMs: 50 },
      bulkhead: { limit: 1 },
      timers: { totalMs: 20 },
    });
    const target = layered(scripted('p:m', [{ fail: 'rate_limited' }, { hang: true }], { clock }), layers);
    const call = createCall({ model: 'm', messages: [] }, { clock });
    const ask = async () => {
      const permit = target.acquire(call);
      if ('blocked' in permit) return permit;
      return target.handle(call, permit).catch((error: unknown) => error);
    };
    await ask();
    expect(await ask()).toMatchObject({ blocked: 'cooling', forMs: 700 });
    await clock.advance(700);
    const hanging = ask();
    expect(await ask()).toMatchObject({ blocked: 'full' });
    await clock.advance(20);
    expect(await hanging).toMatchObject({ class: 'timeout' });
    expect(await ask()).toMatchObject({ blocked: 'open', forMs: 50 });
  });

  it('counts nobody as in flight whom a breaker or a cool-down keeps away', async () => {
    const clock = virtualClock();
    const layers = resilience({ clock, random: () => 0.5 });
    const target = layered(scripted('p:m', [{ fail: 'server_error' }], { clock }), layers);
    const call = createCall({ model: 'm', messages: [] }, { clock });
    for (let i = 0; i < 9; i++) {
      const permit = target.acquire(call);
      if (!('blocked' in permit)) await target.handle(call, permit).catch(() => {});
    }
    expect(target.facts(call)).toMatchObject({ inFlight: 0, blocked: { blocked: 'open' } });
  });
});
