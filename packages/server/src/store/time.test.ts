import { describe, expect, it } from 'vitest';
import { firstIdAt, isoMicros, micros, timeOrderedId } from './time.ts';

const AT = Date.UTC(2026, 10, 20, 12, 30, 15, 123) * 1000 + 456;

describe('times', () => {
  it('are microseconds, the fraction kept', () => {
    expect(micros(1_767_225_600_000.25)).toBe(1_767_225_600_000_250);
    expect(Number.isInteger(micros(0.1 + 0.2))).toBe(true);
  });

  it.each([
    [AT, '2026-11-20T12:30:15.123456Z'],
    [0, '1970-01-01T00:00:00.000000Z'],
    [1, '1970-01-01T00:00:00.000001Z'],
    [999_999, '1970-01-01T00:00:00.999999Z'],
  ])('%i is shown as %s', (at, expected) => {
    expect(isoMicros(at)).toBe(expected);
  });
});

describe('ids', () => {
  it('are UUIDs of version 7', () => {
    expect(timeOrderedId(AT)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(Number.parseInt(timeOrderedId(AT).replaceAll('-', '').slice(0, 12), 16)).toBe(
      Math.floor(AT / 1000),
    );
  });

  it('sort as their times do, microsecond by microsecond', () => {
    const ids = Array.from({ length: 3_000 }, (_, i) => timeOrderedId(AT + i));
    expect(ids.toSorted()).toEqual(ids);
  });

  it('differ although their time is the same', () => {
    expect(new Set(Array.from({ length: 1_000 }, () => timeOrderedId(AT))).size).toBe(1_000);
  });

  it('lie between the first of their time and the first of the next', () => {
    for (let at = AT; at < AT + 2_000; at++) {
      const id = timeOrderedId(at);
      expect(firstIdAt(at) <= id).toBe(true);
      expect(id < firstIdAt(at + 1)).toBe(true);
    }
  });
});
