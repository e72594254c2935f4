import type { Log } from '@inferbridge/core';
import { settled, type VirtualClock, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { type CacheStore, createEntries, type EntriesOptions } from './entries.ts';
import { type Entry, encode } from './entry.ts';

interface Row {
  readonly value: unknown;
  readonly ttl: number | undefined;
}

/** A store in memory whose answers come after a while. */
function mapStore(delay: () => Promise<void> = async () => {}) {
  const rows = new Map<string, Row>();
  const seen = { reads: 0, writes: 0 };
  const store: CacheStore = {
    async get(key) {
      seen.reads += 1;
      const value = rows.get(key)?.value;
      await delay();
      return value;
    },
    async set(key, value, ttl) {
      seen.writes += 1;
      await delay();
      rows.set(key, { value, ttl });
    },
    delete: async (key) => rows.delete(key),
    forget: async (prefix) => {
      for (const key of [...rows.keys()]) if (key.startsWith(prefix)) rows.delete(key);
    },
  };
  return { rows, seen, store };
}

function setUp({
  clock = virtualClock(),
  ...options
}: Partial<EntriesOptions> & { clock?: VirtualClock } = {}) {
  const said: string[] = [];
  const note = (_: unknown, text?: string) => void said.push(text ?? '');
  const log = { info: note, warn: note, error: note } as Log;
  const entries = createEntries({ clock, log, ...options });
  const entry = (text = 'x', ms = 60_000): Entry => ({
    at: clock.wall(),
    fresh: clock.wall() + ms / 2,
    until: clock.wall() + ms,
    by: { provider: 'p', model: 'm', residency: 'eu' },
    usage: null,
    said: { bytes: Buffer.from(text) },
  });
  /** What is found, and how long that took on the clock. */
  const find = async (...keys: string[]) => {
    const at = clock.now();
    let over = -1;
    const finding = entries.find(keys).finally(() => (over = clock.now()));
    finding.catch(() => {}); // told below
    await settled();
    while (over < 0 && clock.now() < at + 10_000) await clock.advance(1);
    const found = await finding;
    return { ms: over - at, texts: found.map((one) => one && 'bytes' in one.said && String(one.said.bytes)) };
  };
  return { clock, entries, entry, find, said };
}

describe('entries in memory', () => {
  it('are found in the order of the keys', async () => {
    const { entries, entry, find } = setUp();
    entries.keep('a', entry('A'));
    entries.keep('b', entry('B'));
    expect(await find('b', 'none', 'a')).toEqual({ ms: 0, texts: ['B', null, 'A'] });
    expect(await find()).toEqual({ ms: 0, texts: [] });
  });

  it('take no more bytes than they may', async () => {
    const { entries, entry, find } = setUp({ memoryBytes: 100_000 });
    const keys = Array.from({ length: 300 }, (_, i) => `k${i}`);
    for (const [index, key] of keys.entries()) entries.keep(key, entry('x'.repeat(index * 10)));
    const { texts } = await find(...keys);
    const kept = texts.filter((text) => typeof text === 'string');
    const bytes = kept.reduce((sum, text) => sum + encode(entry(text)).length, 0);
    expect(bytes).toBeLessThanOrEqual(100_000);
    expect(bytes).toBeGreaterThan(80_000);
    expect(texts.at(-1)).not.toBeNull();
    entries.keep('huge', entry('x'.repeat(120_000)));
    expect((await find('huge', 'k299')).texts).toMatchObject([null, expect.any(String)]);
  });

  it('may be none', async () => {
    const { entries, entry, find } = setUp({ memoryBytes: 0 });
    entries.keep('a', entry());
    expect((await find('a')).texts).toEqual([null]);
  });

  it('are gone at their own time, not when they are no longer fresh', async () => {
    const { clock, entries, entry, find } = setUp();
    entries.keep('a', entry('A', 1_000));
    await clock.advance(999);
    expect((await find('a')).texts).toEqual(['A']);
    await clock.advance(1);
    expect((await find('a')).texts).toEqual([null]);
  });

  it('of one owner are forgotten, those of others are not', async () => {
    const { store, rows } = mapStore();
    const { clock, entries, entry, find } = setUp({ store });
    for (const key of ['u1:a', 'u2:a', 'u1:b']) entries.keep(key, entry(key));
    await clock.advance(100);
    entries.keep('u1:c', entry());
    await entries.forget('u1:');
    await clock.advance(100);
    expect((await find('u1:a', 'u2:a', 'u1:b', 'u1:c')).texts).toEqual([null, 'u2:a', null, null]);
    expect([...rows.keys()]).toEqual(['u2:a']);
  });
});

describe('entries in a store', () => {
  it('are written behind the request, and found by another process', async () => {
    const { store, rows, seen } = mapStore();
    const { clock, entries, entry } = setUp({ store });
    const kept = entry('A2', 5_000);
    entries.keep('a', entry('A', 5_000));
    entries.keep('a', kept);
    await settled();
    expect(seen.writes).toBe(0);
    await clock.advance(100);
    expect([...rows]).toEqual([['a', { value: encode(kept), ttl: 60_000 - 100 }]]);
    const other = setUp({ store });
    expect((await other.find('a')).texts).toEqual(['A2']);
    await other.find('a');
    expect(seen.reads).toBe(1);
  });

  it('go by their own times there too', async () => {
    const { store, rows } = mapStore();
    const { clock, entries, entry, find } = setUp({ store, memoryBytes: 0 });
    entries.keep('short', entry('S', 50));
    entries.keep('long', entry('L', 1_000));
    await clock.advance(100);
    expect([...rows.keys()]).toEqual(['long']);
    await clock.advance(900);
    expect((await find('long')).texts).toEqual([null]);
  });

  const batching = () => {
    const { store } = mapStore();
    const batches: string[][] = [];
    const setMany = async (rows: { key: string }[]) => void batches.push(rows.map(({ key }) => key));
    return { batches, ...setUp({ store: { ...store, setMany } }) };
  };
  const keysOf = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`);

  it('are written in batches where it can, in the order of their keys, and all of them when asked', async () => {
    const { batches, entries, entry, clock } = batching();
    for (const key of keysOf(250)) entries.keep(key, entry());
    await entries.flush();
    expect(batches.map(({ length }) => length)).toEqual([100, 100, 50]);
    expect(batches.flat()).toEqual(keysOf(250).toSorted());
    expect(clock.pending()).toBe(0);
  });

  it('wait for each other where many come, for five seconds at most', async () => {
    const { batches, entries, entry, clock, find } = batching();
    for (const key of keysOf(100)) entries.keep(key, entry());
    await clock.advance(100);
    expect(batches).toHaveLength(1);
    for (const key of keysOf(101)) entries.keep(key, entry());
    await clock.advance(4_900);
    expect(batches).toHaveLength(1);
    expect((await find('k0', 'k100')).texts).toEqual(['x', 'x']);
    await clock.advance(200);
    await entries.flush();
    expect(batches.flat()).toHaveLength(201);
  });

  it('wait for no others where one is wanted soon, and not beyond eight thousand', async () => {
    for (const [count, soon] of [
      [200, true],
      [8_000, false],
    ] as const) {
      const { batches, entries, entry, clock } = batching();
      for (const key of keysOf(count)) entries.keep(key, entry(), { soon });
      await clock.advance(100);
      await new Promise(setImmediate);
      expect(batches.length).toBeGreaterThan(0);
      await entries.flush();
      expect(batches.flat()).toHaveLength(count);
    }
  });

  it('that are wanted soon are written before all others, and whatever else waits', async () => {
    const { batches, entries, entry, said, clock } = batching();
    for (const key of keysOf(30_000)) entries.keep(key, entry());
    entries.keep('promised', entry(), { soon: true });
    expect(said).toEqual(['too much waits to be written to the cache; new answers are not']);
    await clock.advance(100);
    await new Promise(setImmediate);
    expect(batches[0]).toEqual(['promised']);
    await entries.flush();
    expect(batches.flat()).toHaveLength(24_001);
  });

  it('that are wanted soon wait for a store that is away', async () => {
    const { store, rows } = mapStore();
    let up = false;
    const frail = {
      ...store,
      set: (...row: Parameters<typeof store.set>) =>
        up ? store.set(...row) : Promise.reject(new Error('no')),
    };
    const { clock, entries, entry } = setUp({ store: frail });
    entries.keep('promised', entry(), { soon: true });
    entries.keep('other', entry());
    for (let i = 0; i < 10; i++) await clock.advance(500);
    up = true;
    for (let i = 0; i < 10; i++) await clock.advance(500);
    expect([...rows.keys()]).toContain('promised');
  });

  it('that the store will not have are let go, and hold nobody up', async () => {
    const { store, rows } = mapStore();
    const picky: CacheStore = {
      ...store,
      set: (key, ...more) => (key === 'poison' ? Promise.reject(new Error('full')) : store.set(key, ...more)),
    };
    const { clock, entries, entry, said } = setUp({ store: picky });
    entries.keep('poison', entry('P', 3_600_000), { soon: true });
    entries.keep('promised', entry('Q', 3_600_000), { soon: true });
    for (let i = 0; i < 60; i++) {
      entries.keep(`k${i}`, entry('x', 3_600_000));
      await clock.advance(500);
      await new Promise(setImmediate);
    }
    expect([...rows.keys()]).toContain('promised');
    expect(rows.size).toBeGreaterThan(30);
    expect(said).toContain('the store of the cache does not take an outcome; it is let go');
    rows.clear();
    entries.keep('after', entry('x', 3_600_000));
    await clock.advance(3_000);
    await entries.flush();
    expect([...rows.keys()]).toContain('after');
  });

  it('that are wanted soon are written at the end although one of them is refused', async () => {
    const { store, rows } = mapStore();
    const picky: CacheStore = {
      ...store,
      set: (key, ...more) => (key === 'P' ? Promise.reject(new Error('full')) : store.set(key, ...more)),
      setMany: (many) =>
        many.some(({ key }) => key === 'P')
          ? Promise.reject(new Error('full'))
          : Promise.all(many.map(({ key, value, ttl }) => store.set(key, value, ttl))),
    };
    const { clock, entries, entry } = setUp({ store: picky });
    for (const key of ['a', 'P', 'b', 'c']) entries.keep(key, entry(), { soon: true });
    let over = false;
    const flushing = entries.flush().then(() => (over = true));
    for (let i = 0; i < 200 && !over; i++) {
      await clock.advance(100);
      await new Promise(setImmediate);
    }
    await flushing;
    expect([...rows.keys()].toSorted()).toEqual(['a', 'b', 'c']);
    expect(clock.pending()).toBe(0);
  });

  it('that wait for a store that is away take no more than 16 MB', async () => {
    const store: CacheStore = {
      get: async () => undefined,
      set: () => Promise.reject(new Error('no')),
      delete: async () => false,
    };
    const { entries, entry, find, said } = setUp({ store, memoryBytes: 0 });
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
    for (const key of keys) entries.keep(key, entry('x'.repeat(1_000_000)), { soon: true });
    const { texts } = await find(...keys);
    expect(texts.filter(Boolean).length).toBeLessThanOrEqual(17);
    expect(said).toContain('too much waits to be written to the cache; new answers are not');
  });

  it('are found while they are being written', async () => {
    const clock = virtualClock();
    const { store } = mapStore(() => new Promise((resolve) => void clock.setTimeout(resolve, 30)));
    const { entries, entry } = setUp({ clock, store, memoryBytes: 0 });
    entries.keep('a', entry('A'));
    await clock.advance(110);
    const [found] = await entries.find(['a']);
    expect(found).not.toBeNull();
  });

  it('are nobody’s to write in', async () => {
    const { entries, entry, find } = setUp();
    entries.keep('a', entry('A'));
    for (let i = 0; i < 2; i++) {
      const [found] = await entries.find(['a']);
      if (found && 'bytes' in found.said) found.said.bytes[0] = 88;
    }
    expect((await find('a')).texts).toEqual(['A']);
  });

  it('come back from a store that writes JSON', async () => {
    const texts = new Map<string, string>();
    const store: CacheStore = {
      get: async (key) => JSON.parse(texts.get(key) ?? 'null'),
      set: async (key, value) => void texts.set(key, JSON.stringify(value)),
      delete: async (key) => texts.delete(key),
    };
    const { entries, entry } = setUp({ store });
    entries.keep('a', entry('A'));
    await entries.flush();
    expect((await setUp({ store }).find('a')).texts).toEqual(['A']);
  });

  it('are not written without end, nor held', async () => {
    const { batches, entries, entry } = batching();
    for (const key of keysOf(30_000)) entries.keep(key, entry());
    await entries.flush();
    expect(batches.flat()).toHaveLength(24_000);
  });

  it('leave no timer when all is written', async () => {
    const { clock, entries, entry } = setUp({ store: mapStore().store });
    for (let i = 0; i < 250; i++) entries.keep(`k${i}`, entry());
    await entries.flush();
    expect(clock.pending()).toBe(0);
  });
});

describe('a store that is not well', () => {
  const READ = 'the cache is not reachable; requests go on without it';
  const WRITE = 'the cache (writing) is not reachable; requests go on without it';
  const ill: readonly (readonly [string, () => Promise<never>])[] = [
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
  ];
  const everywhere = (work: () => Promise<never>): CacheStore => ({
    get: work,
    set: work,
    delete: work,
    getMany: work,
    setMany: work,
  });

  it.each(ill)('and %s costs no time, is said once, and what is in memory is found', async (_, work) => {
    const { clock, entries, entry, find, said } = setUp({ store: everywhere(work) });
    entries.keep('a', entry('A'));
    for (let i = 0; i < 20; i++) {
      expect(await find('a', 'b')).toEqual({ ms: 0, texts: ['A', null] });
      entries.keep('c', entry());
      await clock.advance(500);
    }
    expect(said.toSorted()).toEqual([WRITE, READ].toSorted());
  });

  it('and hangs costs 40 ms three times, then 40 ms a second at most', async () => {
    const { clock, entries, entry, find, said } = setUp({ store: everywhere(() => new Promise(() => {})) });
    for (let i = 0; i < 3; i++) expect(await find('a')).toEqual({ ms: 40, texts: [null] });
    expect(await find('a')).toEqual({ ms: 0, texts: [null] });
    await clock.advance(1_000);
    expect((await Promise.all([find('a'), find('b')])).map(({ ms }) => ms).toSorted()).toEqual([0, 40]);
    expect(said).toEqual([READ]);
    for (let i = 0; i < 300; i++) entries.keep(`k${i}`, entry());
    for (let i = 0; i < 10; i++) await clock.advance(2_500);
    expect(said).toEqual([READ, WRITE]);
  });

  it('and comes back is noticed, said once, and used', async () => {
    const { store, rows } = mapStore();
    let up = true;
    const frail: CacheStore = {
      ...store,
      get: (key) => (up ? store.get(key) : Promise.reject(new Error('no'))),
      set: (key, value, ttl) => (up ? store.set(key, value, ttl) : Promise.reject(new Error('no'))),
    };
    const { clock, entries, entry, find, said } = setUp({ store: frail, memoryBytes: 0 });
    entries.keep('a', entry('A'));
    await clock.advance(100);
    up = false;
    for (let i = 0; i < 5; i++) {
      expect((await find('a')).texts).toEqual([null]);
      entries.keep('b', entry('B'));
      await clock.advance(700);
    }
    up = true;
    await clock.advance(1_000);
    expect((await find('a')).texts).toEqual(['A']);
    entries.keep('c', entry('C'));
    await clock.advance(1_100);
    expect([...rows.keys()]).toEqual(['a', 'c']);
    expect(said.toSorted()).toEqual(
      [READ, WRITE, 'the cache is back', 'the cache (writing) is back'].toSorted(),
    );
  });

  it.each<unknown>(['', 'junk', '{}', 5, null, {}, '[]', '\0'])(
    'and holds %j gives nothing',
    async (junk) => {
      const { store, rows } = mapStore();
      rows.set('a', { value: junk, ttl: 0 });
      const { find, said } = setUp({ store: { ...store, getMany: async (keys) => keys.map(() => junk) } });
      expect((await find('a')).texts).toEqual([null]);
      expect((await setUp({ store }).find('a')).texts).toEqual([null]);
      expect(said).toEqual([]);
    },
  );

  it.each<unknown>([[], 'text', 5, {}])('and answers %j to many keys gives nothing', async (answer) => {
    const getMany = async () => answer as unknown[]; // what it should not
    const { find } = setUp({ store: { ...mapStore().store, getMany } });
    expect((await find('a', 'b')).texts).toEqual([null, null]);
  });

  it.each<unknown>([null, undefined])('and answers %j to many keys gives nothing', async (answer) => {
    const getMany = async () => answer as unknown[]; // what it should not
    const { find } = setUp({ store: { ...mapStore().store, getMany } });
    expect((await find('a', 'b')).texts).toEqual([null, null]);
  });

  it('and is slow to write is waited for by nobody', async () => {
    const clock = virtualClock();
    const { store, rows } = mapStore(() => new Promise((resolve) => void clock.setTimeout(resolve, 1_500)));
    const { entries, entry, find } = setUp({ clock, store });
    entries.keep('a', entry('A'));
    await clock.advance(200);
    expect(await find('a')).toEqual({ ms: 0, texts: ['A'] });
    await clock.advance(1_500);
    expect(rows.size).toBe(1);
  });
});

describe('an owner who is forgotten', () => {
  const slowly = () => {
    const clock = virtualClock();
    const parts = mapStore(() => new Promise((resolve) => void clock.setTimeout(resolve, 30)));
    return { clock, ...parts, made: setUp({ clock, store: parts.store }) };
  };

  it('stays so where something of it is being written', async () => {
    const { clock, rows, made } = slowly();
    made.entries.keep('u1:a', made.entry());
    await clock.advance(110);
    const forgetting = made.entries.forget('u1:');
    await clock.advance(1_000);
    await forgetting;
    expect(rows.size).toBe(0);
  });

  it('stays so where something of it is being read', async () => {
    const { clock, rows, made } = slowly();
    rows.set('u1:a', { value: encode(made.entry('A')), ttl: 0 });
    const reading = made.entries.find(['u1:a']);
    await made.entries.forget('u1:');
    await clock.advance(1_000);
    await reading;
    const again = made.entries.find(['u1:a']);
    await clock.advance(1_000);
    expect(await again).toEqual([null]);
  });
});
