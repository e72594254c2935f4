import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '@inferbridge/core';
import { virtualClock } from '@inferbridge/core/testing';
import SQLite from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import { type ClosableCache, openCacheFile } from './cache-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'inferbridge-cache-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
let files = 0;
const HOUR = 3_600_000;

/** A file of its own, and whoever opens it; everything is closed in the end. */
function setUp({ maxBytes = 64 * 1_048_576, file = join(dir, `${files++}`, 'cache.sqlite') } = {}) {
  const clock = virtualClock(Date.now());
  const said: string[] = [];
  const note = (_: unknown, text?: string) => void said.push(text ?? '');
  const log = { info: note, warn: note, error: note } as Log;
  const open = () => openCacheFile({ file, maxBytes, clock, log });
  const all = () => readdirSync(join(file, '..')).map((name) => join(file, '..', name));
  const bytes = () => all().reduce((sum, path) => sum + statSync(path).size, 0);
  const holds = (word: string) => all().some((path) => readFileSync(path).includes(word));
  return { clock, file, said, open, all, bytes, holds };
}
/** As a request does: what fails is done without. */
const tried = async <T>(work: Promise<T>): Promise<T | 'failed'> => {
  try {
    return await work;
  } catch {
    return 'failed';
  }
};
/** Is it of use again within a few tries? */
const heals = async (store: ClosableCache): Promise<boolean> => {
  for (let i = 0; i < 5; i++) {
    await tried(store.setMany?.([{ key: `probe-${i}`, value: 'x', ttl: HOUR }]) ?? Promise.resolve());
    if ((await tried(store.get(`probe-${i}`))) === 'x') return true;
  }
  return false;
};

describe('a cache in a file', () => {
  it('is there again when it is opened again, until its time', async () => {
    const { open } = setUp();
    const first = open();
    await first.set('a', 'text\nwith lines, "quotes", é and \u{1f600}', HOUR);
    await first.setMany?.([
      { key: 'b', value: 'B', ttl: HOUR },
      { key: 'short', value: 'S', ttl: 20 },
    ]);
    await first.close();
    await new Promise((resolve) => setTimeout(resolve, 25)); // Keyv looks at the machine's own clock
    const again = open();
    expect(await again.get('a')).toBe('text\nwith lines, "quotes", é and \u{1f600}');
    expect(await again.getMany?.(['b', 'none', 'short'])).toEqual(['B', undefined, undefined]);
    await again.close();
  });

  it('is for its owner’s eyes alone', async () => {
    const { open, file } = setUp();
    const store = open();
    await store.set('a', 'A', HOUR);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700);
    await store.close();
  });

  it('forgets what begins so, and nothing else', async () => {
    const { open, holds } = setUp();
    const store = open();
    const keys = ['abc:1', 'abc:2', 'abcd', 'ab', 'abd:1', 'b', 'ABC:3', 'x-abc:'];
    await store.setMany?.(keys.map((key) => ({ key, value: `secret of ${key}.`, ttl: HOUR })));
    await store.forget?.('abc:');
    const kept = (await store.getMany?.(keys))?.map((value) => typeof value === 'string');
    expect(kept).toEqual([false, false, true, true, true, true, true, true]);
    expect([holds('secret of abc:1.'), holds('secret of abd:1.')]).toEqual([false, true]);
    await store.close();
  });

  it('forgets many, slice by slice', async () => {
    const { open, clock } = setUp();
    const store = open();
    const keys = Array.from({ length: 1_700 }, (_, i) => `u:${i}`);
    await store.setMany?.([...keys, 'v:1'].map((key) => ({ key, value: 'x', ttl: HOUR })));
    let over = false;
    const forgetting = store.forget?.('u:').then(() => (over = true));
    for (let i = 0; i < 100 && !over; i++) await clock.advance(20);
    await forgetting;
    expect((await store.getMany?.([...keys, 'v:1']))?.filter(Boolean)).toEqual(['x']);
    await store.close();
  });

  it('overwrites what has expired, also in the log of writes', async () => {
    const { open, clock, holds, all } = setUp();
    const store = open();
    await store.set('a', 'an old secret', 30_000);
    await store.set('b', 'a secret that stays', HOUR);
    await store.set('c', 'y'.repeat(200_000), HOUR);
    expect(holds('an old secret')).toBe(true);
    await clock.advance(61_000);
    expect([holds('an old secret'), holds('a secret that stays')]).toEqual([false, true]);
    expect(all().filter((path) => path.endsWith('-wal') && statSync(path).size > 0)).toEqual([]);
    expect(await store.get('b')).toBe('a secret that stays');
    await store.close();
    expect(clock.pending()).toBe(0);
  });

  const filling = async (rows: number) => {
    const { open, bytes } = setUp({ maxBytes: 1_048_576 });
    const store = open();
    for (let i = 10; i < 60; i++) {
      const batch = Array.from({ length: rows }, (_, n) => ({
        key: `k${i}-${n}`,
        value: `${i}`.repeat(8_000),
        ttl: HOUR + i,
      }));
      await store.setMany?.(batch);
      expect(await store.get(`k${i}-0`)).toBe(`${i}`.repeat(8_000));
      expect(bytes()).toBeLessThan(8 * 1_048_576);
    }
    expect(await store.get('k10-0')).toBeUndefined();
    await store.close();
    expect(bytes()).toBeLessThanOrEqual(1_048_576);
  };

  it('keeps going when it is full, and stays as large as it may be', () => filling(3));

  it('keeps going also where much comes at once', () => filling(30));

  it('refuses what is larger than the whole of it, and goes on', async () => {
    const { open } = setUp({ maxBytes: 1_048_576 });
    const store = open();
    await store.set('small', 's', HOUR);
    expect(await tried(store.set('huge', 'h'.repeat(2_000_000), HOUR))).toBe('failed');
    expect(await heals(store)).toBe(true);
    await store.close();
  });
});

describe('a file that is', () => {
  const trouble: readonly (readonly [string, (file: string) => void])[] = [
    ['overwritten with junk', (file) => writeFileSync(file, 'junk'.repeat(20_000))],
    ['emptied', (file) => truncateSync(file, 0)],
    ['cut in its middle', (file) => truncateSync(file, Math.floor(statSync(file).size / 2))],
    ['cut to a piece of a page', (file) => truncateSync(file, 1_000)],
    ['deleted', (file) => rmSync(file)],
  ];
  const filled = async (store: ClosableCache) => {
    const rows = Array.from({ length: 200 }, (_, i) => ({
      key: `k${i}`,
      value: `v${i}`.repeat(500),
      ttl: HOUR,
    }));
    await store.setMany?.(rows);
  };

  it.each(trouble)('%s while it is open: requests go on, and it is of use again', async (_, spoil) => {
    const { open, file } = setUp();
    const store = open();
    await filled(store);
    const other = new SQLite(file);
    other.pragma('wal_checkpoint(TRUNCATE)');
    other.close();
    spoil(file);
    for (let i = 0; i < 200; i++) {
      const value = await tried(store.get(`k${i}`));
      expect(['failed', undefined, `v${i}`.repeat(500)]).toContain(value);
    }
    expect(await heals(store)).toBe(true);
    await filled(store);
    expect(await store.get('k7')).toBe('v7'.repeat(500));
    await store.close();
  });

  it.each(trouble)('%s between two runs is of use to the second, and to the third', async (_, spoil) => {
    const { open, file } = setUp();
    const first = open();
    await filled(first);
    await first.close();
    spoil(file);
    const second = open();
    expect(await heals(second)).toBe(true);
    await second.set('after', 'A', HOUR);
    await second.close();
    const third = open();
    expect(await third.get('after')).toBe('A');
    await third.close();
  });

  it('damaged is begun anew once, and what is written then stays', async () => {
    const { open, file, said } = setUp();
    const store = open();
    await filled(store);
    writeFileSync(file, 'junk'.repeat(20_000));
    await Promise.all(Array.from({ length: 20 }, (_, i) => tried(store.get(`k${i}`))));
    expect(await heals(store)).toBe(true);
    expect(said.filter((text) => text.includes('begins anew')).length).toBeLessThanOrEqual(2);
    await store.set('after', 'A', HOUR);
    await store.close();
    const again = open();
    expect(await again.get('after')).toBe('A');
    await again.close();
  });

  it('locked by somebody else fails fast, and is of use when it is free', async () => {
    const { open, file } = setUp();
    const store = open();
    await filled(store);
    const other = new SQLite(file);
    other.exec('BEGIN EXCLUSIVE');
    const at = performance.now();
    expect(await tried(store.set('a', 'A', HOUR))).toBe('failed');
    expect(performance.now() - at).toBeLessThan(100);
    expect(await store.get('k1')).toBe('v1'.repeat(500));
    other.exec('COMMIT');
    other.close();
    await store.set('a', 'A', HOUR);
    expect(await store.get('a')).toBe('A');
    await store.close();
  });

  const blocked: readonly (readonly [string, (file: string) => () => void])[] = [
    [
      'locked',
      (file) => {
        const other = new SQLite(file);
        other.exec('CREATE TABLE other (x); BEGIN EXCLUSIVE');
        return () => void other.close();
      },
    ],
    [
      'a folder',
      (file) => {
        mkdirSync(file);
        return () => rmSync(file, { recursive: true });
      },
    ],
  ];
  it.each(blocked)('%s when it is opened fails fast, and nothing breaks', async (_, block) => {
    const { open, file } = setUp();
    mkdirSync(join(file, '..'), { recursive: true });
    const free = block(file);
    const store = open();
    const at = performance.now();
    expect(await tried(store.get('a'))).toBe('failed');
    expect(performance.now() - at).toBeLessThan(100);
    await store.close();
    free();
  });
  // @keyv/sqlite connects once: what it could not open then is never opened, and cache-file.ts:86 renews damage alone
  it.each(blocked)('%s when it is opened is of use when it is free', async (_, block) => {
    const { open, file } = setUp();
    mkdirSync(join(file, '..'), { recursive: true });
    const free = block(file);
    const store = open();
    await tried(store.get('a'));
    free();
    const healed = await heals(store);
    await store.close();
    expect(healed).toBe(true);
  });
});
