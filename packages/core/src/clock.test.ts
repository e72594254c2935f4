import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { linked, sleep } from './clock.ts';
import { virtualClock } from './testing/index.ts';

const never = () => new AbortController().signal;

describe('sleep', () => {
  it('resolves when its time is up and not before', async () => {
    const clock = virtualClock();
    let awake = false;
    const sleeping = sleep(clock, 100, never()).then(() => (awake = true));
    await clock.advance(99);
    expect(awake).toBe(false);
    await clock.advance(1);
    await sleeping;
    expect(clock.now()).toBe(100);
  });

  it('rejects with the reason as soon as the signal aborts and leaves no timer', async () => {
    const clock = virtualClock();
    const controller = new AbortController();
    const sleeping = sleep(clock, 100, controller.signal).catch((error: unknown) => error);
    await clock.advance(10);
    controller.abort('enough');
    expect(await sleeping).toBe('enough');
    expect(clock.now()).toBe(10);
    expect(clock.pending()).toBe(0);
  });

  it('sets no timer where the signal has aborted already', async () => {
    const clock = virtualClock();
    await expect(sleep(clock, 100, AbortSignal.abort('gone'))).rejects.toBe('gone');
    expect(clock.pending()).toBe(0);
  });

  it('takes its listener off the signal when it wakes', async () => {
    const clock = virtualClock();
    const { signal } = new AbortController();
    const sleeping = sleep(clock, 5, signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await clock.advance(5);
    await sleeping;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('linked', () => {
  it('aborts with its parent and for the same reason', () => {
    const parent = new AbortController();
    const child = linked(parent.signal);
    expect(child.signal.aborted).toBe(false);
    parent.abort('why');
    expect(child.signal.reason).toBe('why');
  });

  it('is aborted from the start where the parent is', () => {
    expect(linked(AbortSignal.abort('before')).signal.reason).toBe('before');
  });

  it('leaves the parent alone when it aborts itself', () => {
    const parent = new AbortController();
    linked(parent.signal).abort('mine');
    expect(parent.signal.aborted).toBe(false);
  });
});

describe('virtualClock', () => {
  it('rings timers in the order of their times, each at its own time', async () => {
    const clock = virtualClock(1_000);
    const rung: [string, number][] = [];
    clock.setTimeout(() => rung.push(['late', clock.now()]), 20);
    clock.setTimeout(() => rung.push(['early', clock.now()]), 10);
    const gone = clock.setTimeout(() => rung.push(['gone', clock.now()]), 15);
    clock.clearTimeout(gone);
    await clock.advance(30);
    expect(rung).toEqual([
      ['early', 10],
      ['late', 20],
    ]);
    expect(clock.wall()).toBe(1_030);
  });

  it('rings what a ringing timer sets within the same advance', async () => {
    const clock = virtualClock();
    const rung: number[] = [];
    const again = () => {
      rung.push(clock.now());
      clock.setTimeout(again, 10);
    };
    clock.setTimeout(again, 10);
    await clock.advance(35);
    expect(rung).toEqual([10, 20, 30]);
    expect(clock.pending()).toBe(1);
  });
});
