import { describe, expect, it } from 'vitest';
import { createPieces } from './pieces.ts';

const bytes = (length: number, from = 0) => Uint8Array.from({ length }, (_, i) => (from + i) % 251);

describe('pieces', () => {
  it.each([
    [0, []],
    [0, [5]],
    [0, [5, 5]],
    [0, [0, 3, 0]],
    [0, [65_536, 1]],
    [0, [65_000, 1_000, 200_000, 1]],
    [0, Array.from({ length: 70_000 }, () => 1)],
    [10, [4, 6]],
    [10, [4]],
    [10, [4, 60]],
  ])('expected %i, are whole again', (expected, lengths) => {
    const pieces = createPieces(expected);
    let at = 0;
    for (const length of lengths) {
      const now = pieces.push(bytes(length, at));
      at += length;
      expect(now).toBe(at);
    }
    expect(Buffer.from(pieces.whole()).equals(Buffer.from(bytes(at)))).toBe(true);
  });

  it('copies nothing where there is one', () => {
    const piece = bytes(5);
    const pieces = createPieces();
    pieces.push(piece);
    expect(pieces.whole()).toBe(piece);
  });

  it('takes about as much memory as there are bytes, however small they come', () => {
    const pieces = createPieces();
    const before = process.memoryUsage();
    for (let n = 0; n < 2_000_000; n++) pieces.push(bytes(1));
    const after = process.memoryUsage();
    expect(pieces.whole().buffer.byteLength).toBeLessThan(5_000_000);
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(60_000_000);
  });
});
