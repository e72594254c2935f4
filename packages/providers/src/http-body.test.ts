import { describe, expect, it } from 'vitest';
import { createBody, gather } from './http-body.ts';

function valve() {
  const seen: string[] = [];
  return {
    seen,
    pause: () => void seen.push('pause'),
    resume: () => void seen.push('resume'),
    leave: () => void seen.push('leave'),
  };
}

const piece = (length: number, fill = 120) => new Uint8Array(length).fill(fill);
const KIB = 1024;

describe('createBody', () => {
  it('gives out the pieces in their order and ends', async () => {
    const body = createBody(valve());
    body.push(piece(2, 1));
    body.push(piece(3, 2));
    body.end();
    const seen: number[][] = [];
    for await (const bytes of body.pieces) seen.push([...bytes]);
    expect(seen).toEqual([[1, 1, 2, 2, 2]]); // what came together goes on together
  });

  it('puts together no more than 64 KB', async () => {
    const body = createBody(valve());
    for (const length of [60 * KIB, 5 * KIB, 50 * KIB]) body.push(piece(length));
    body.end();
    const seen: number[] = [];
    for await (const bytes of body.pieces) seen.push(bytes.length);
    expect(seen).toEqual([60 * KIB, 55 * KIB]);
  });

  it('wakes a reader that came first', async () => {
    const body = createBody(valve());
    const waiting = body.pieces[Symbol.asyncIterator]().next();
    body.push(piece(1, 7));
    expect(await waiting).toEqual({ done: false, value: piece(1, 7) });
  });

  it('pauses once above the mark and resumes once below half of it', async () => {
    const shut = valve();
    const body = createBody(shut);
    for (let i = 0; i < 8; i++) body.push(piece(64 * KIB));
    expect(shut.seen).toEqual(['pause']);
    const reader = body.pieces[Symbol.asyncIterator]();
    for (let i = 0; i < 6; i++) await reader.next();
    expect(shut.seen).toEqual(['pause']);
    await reader.next();
    await reader.next();
    expect(shut.seen).toEqual(['pause', 'resume']);
  });

  it('does not pause for what a reader has taken already', async () => {
    const shut = valve();
    const body = createBody(shut);
    const reader = body.pieces[Symbol.asyncIterator]();
    for (let i = 0; i < 20; i++) {
      body.push(piece(64 * KIB));
      await reader.next();
    }
    expect(shut.seen).toEqual([]);
  });

  it('gives out what came before a failure, then the failure', async () => {
    const body = createBody(valve());
    body.push(piece(1));
    body.fail(new Error('gone'));
    body.push(piece(1));
    const reader = body.pieces[Symbol.asyncIterator]();
    expect((await reader.next()).value).toEqual(piece(1));
    await expect(reader.next()).rejects.toThrow('gone');
  });

  it('is not harmed by a failure behind its end', async () => {
    const body = createBody(valve());
    body.end();
    body.fail(new Error('too late'));
    expect(await body.pieces[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  });

  it('tells the valve when the reader leaves early, and only then', async () => {
    const early = valve();
    const left = createBody(early);
    left.push(piece(1));
    for await (const _ of left.pieces) break;
    expect(early.seen).toEqual(['leave']);
    const late = valve();
    const read = createBody(late);
    read.end();
    for await (const _ of read.pieces);
    await read.pieces[Symbol.asyncIterator]().return?.();
    expect(late.seen).toEqual([]);
  });
});

describe('bytes', () => {
  it('joins all pieces', async () => {
    const body = createBody(valve());
    body.push(piece(2, 1));
    body.push(piece(2, 2));
    body.end();
    expect([...(await body.bytes())]).toEqual([1, 1, 2, 2]);
  });

  it('is empty for an empty body', async () => {
    const body = createBody(valve());
    body.end();
    expect((await body.bytes()).length).toBe(0);
  });

  it('takes exactly the limit, refuses a byte more, and leaves then', async () => {
    const fits = createBody(valve());
    fits.push(piece(10));
    fits.end();
    expect((await fits.bytes(10)).length).toBe(10);
    const shut = valve();
    const over = createBody(shut);
    over.push(piece(10));
    over.push(piece(1));
    await expect(over.bytes(10)).rejects.toMatchObject({
      class: 'malformed',
      details: { code: 'upstream_too_large' },
    });
    expect(shut.seen).toEqual(['leave']);
  });

  it('passes on what the source throws', async () => {
    async function* broken() {
      yield piece(1);
      throw new Error('half way');
    }
    await expect(gather(broken())).rejects.toThrow('half way');
  });
});
