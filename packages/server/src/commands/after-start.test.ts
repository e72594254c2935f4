import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { collectAfterStart } from './after-start.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('collects once, after a second without any call', () => {
  const collect = vi.fn();
  let calls = 0;
  let busy = false;
  collectAfterStart({ busy: () => busy, calls: () => calls }, collect);
  vi.advanceTimersByTime(500);
  calls = 1; // it has come and gone between two looks
  vi.advanceTimersByTime(500);
  expect(collect).not.toHaveBeenCalled();
  busy = true;
  vi.advanceTimersByTime(3_000);
  expect(collect).not.toHaveBeenCalled();
  busy = false;
  vi.advanceTimersByTime(1_000);
  expect(collect).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(10_000);
  expect(collect).toHaveBeenCalledTimes(1);
});
