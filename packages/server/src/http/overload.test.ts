import type { Log } from '@inferbridge/core';
import { virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { watchOverload } from './overload.ts';

function setUp() {
  const clock = virtualClock();
  const said: string[] = [];
  const note = (_: unknown, text?: string) => void said.push(text ?? '');
  const state = { delay: 0, heap: 0, stopped: 0 };
  const overload = watchOverload({
    clock,
    log: { info: note, warn: note, error: note } as Log,
    readings: {
      delayMs: () => state.delay,
      heapShare: () => state.heap,
      stop: () => void (state.stopped += 1),
    },
  });
  /** What it says every half second. */
  const over = async (ms: number) => {
    const whys = [];
    for (let at = 0; at < ms; at += 500) {
      await clock.advance(500);
      whys.push(overload.why() !== null);
    }
    return whys;
  };
  return { clock, said, state, overload, over };
}

describe('overload', () => {
  it('is an event loop that lags for two seconds, and is over when it does no more', async () => {
    const { state, over, overload, said } = setUp();
    state.delay = 250;
    expect(await over(5_000)).not.toContain(true);
    state.delay = 251;
    expect(await over(3_000)).toEqual([false, false, false, true, true, true]);
    expect(overload.why()).toBe('its event loop lags');
    state.delay = 250;
    expect(await over(500)).toEqual([false]);
    expect(said).toEqual(['new calls are turned away: its event loop lags', 'calls are taken again']);
  });

  it('is not a loop that lags now and then', async () => {
    const { state, over } = setUp();
    for (let i = 0; i < 10; i++) {
      state.delay = 2_000;
      expect(await over(1_500)).not.toContain(true);
      state.delay = 10;
      await over(500);
    }
  });

  it('is a heap that is nearly full for a second', async () => {
    const { state, over, overload } = setUp();
    state.heap = 0.92;
    expect(await over(2_000)).not.toContain(true);
    state.heap = 0.93;
    expect(await over(1_500)).toEqual([false, true, true]);
    expect(overload.why()).toBe('its memory is nearly full');
    state.heap = 0.5;
    expect(await over(500)).toEqual([false]);
  });

  it('leaves nothing behind', () => {
    const { clock, overload, state } = setUp();
    overload.stop();
    expect([clock.pending(), state.stopped]).toEqual([0, 1]);
  });
});
