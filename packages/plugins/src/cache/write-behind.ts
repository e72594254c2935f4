import { type Clock, createTransientMap, type Log, type TransientMap } from '@inferbridge/core';
import type { CacheStore } from './entries.ts';
import { createGuard } from './guard.ts';

/** Writes to a store behind the requests: nobody waits for it, and what waits can be read here. */
export interface WriteBehind {
  /** `until` is when nobody wants it any more; what is wanted `soon` waits for no others. */
  add(key: string, bytes: Buffer, until: number, soon: boolean): void;
  get(key: string): Buffer | undefined;
  /** Forgets all keys that begin so, also where they are just being written. */
  forget(prefix: string): Promise<void>;
  /** Writes what waits. */
  flush(): Promise<void>;
}

interface Waiting {
  readonly bytes: Buffer;
  readonly until: number;
  /** How often it could not be written by itself although others could, and how many had been by the last time. */
  refused?: number;
  after?: number;
}

/** So long everything waits for more. */
const EVERY_MS = 100;
/** What comes faster than a batch in that time waits longer: many rows in the order of their keys share pages. */
const GATHER_MS = 5_000;
const GATHER_ROWS = 8_000;
const GATHER_BYTES = 16_777_216;
const BATCH = 100;
/** Beyond it new ones are not written. */
const MOST_ROWS = 3 * GATHER_ROWS;
const MOST_BYTES = 3 * GATHER_BYTES;
/** One that the store will not have, while it takes others, is let go. */
const MOST_REFUSED = 3;
const MOST_TRIES_AT_END = 3;
/** A little longer than a store that has failed is left alone. */
const REST_AT_END_MS = 1_050;
/** Nobody waits for what is written. */
const PATIENCE_MS = 2_000;
/** Stores need not know the moment: what is given out is looked at again. */
const EXPIRY_STEP_MS = 60_000;

/** Where rows wait. */
type Bin = TransientMap<string, Waiting> | Map<string, Waiting>;

export function createWriteBehind(store: CacheStore, clock: Clock, log: Log): WriteBehind {
  const guard = createGuard({ what: 'the cache (writing)', clock, log, patienceMs: PATIENCE_MS });
  /** What is wanted soon, the rest, and what of that is on its way out. */
  const urgent = createTransientMap<string, Waiting>();
  let waiting = new Map<string, Waiting>();
  let leaving = new Map<string, Waiting>();
  /** Just being written: it can be read here until it can be read there. */
  let underway = new Map<string, Waiting>();
  /** The keys of what leaves, the last one first. */
  let order: string[] = [];
  let bytes = 0;
  let urgentBytes = 0;
  /** Batches so far; and whose turn it is where what is wanted soon could not be written. */
  let written = 0;
  let others = false;
  let since = 0;
  let full = false;
  let timer: unknown = null;
  let writing: Promise<void> | null = null;

  const rows = () => urgent.size + waiting.size + leaving.size;
  const put = (into: Bin, key: string, one: Waiting) => {
    const before = into.get(key);
    if (before) take(into, key, before);
    into.set(key, one);
    bytes += one.bytes.length;
    if (into === urgent) urgentBytes += one.bytes.length;
  };
  const take = (from: Bin, key: string, one: Waiting) => {
    from.delete(key);
    bytes -= one.bytes.length;
    if (from === urgent) urgentBytes -= one.bytes.length;
  };

  /** What is wanted soon first, then the rest in the order of its keys. What was refused before goes by itself. */
  const nextBatch = (): Map<string, Waiting> => {
    const batch = new Map<string, Waiting>();
    const rest = waiting.size + leaving.size > 0;
    for (const [key, one] of others && rest ? [] : urgent) {
      const alone = one.after !== undefined;
      if (batch.size === BATCH || (alone && batch.size > 0)) break;
      take(urgent, key, one);
      batch.set(key, one);
      if (alone) break;
    }
    others = false;
    if (batch.size > 0) return batch;
    if (leaving.size === 0) {
      leaving = waiting;
      waiting = new Map();
      order = [...leaving.keys()].sort((a, b) => (a < b ? 1 : -1));
    }
    while (batch.size < BATCH) {
      const key = order.pop();
      if (key === undefined) break;
      const one = leaving.get(key);
      if (!one) continue; // forgotten
      take(leaving, key, one);
      batch.set(key, one);
    }
    return batch;
  };

  const writeSome = async () => {
    const before = urgent.size;
    underway = nextBatch();
    const soon = urgent.size < before;
    const now = clock.wall();
    const batch = [...underway].flatMap(([key, { bytes: value, until }]) => {
      const expires = Math.ceil(until / EXPIRY_STEP_MS) * EXPIRY_STEP_MS;
      return until > now ? [{ key, value, ttl: Math.ceil(expires - now) }] : [];
    });
    if (batch.length > 0) {
      const done = await guard.run(async () => {
        if (store.setMany) await store.setMany(batch);
        else await Promise.all(batch.map(({ key, value, ttl }) => store.set(key, value, ttl)));
        return true;
      }, false);
      if (done) written += 1;
      else if (soon) again(underway, now);
    }
    underway = new Map();
    if (rows() === 0) full = false;
  };

  /** An answer can be had again, an outcome that was promised cannot: it waits for the store, behind all others. */
  const again = (batch: ReadonlyMap<string, Waiting>, now: number) => {
    others = true;
    for (const [key, one] of batch) {
      const refused = (one.refused ?? 0) + (batch.size === 1 && written > (one.after ?? written) ? 1 : 0);
      if (urgent.get(key) || one.until <= now) continue;
      if (refused < MOST_REFUSED && roomForUrgent()) put(urgent, key, { ...one, refused, after: written });
      else
        log.warn(
          { bytes: one.bytes.length },
          'the store of the cache does not take an outcome; it is let go',
        );
    }
  };
  const roomForUrgent = () => urgent.size < GATHER_ROWS && urgentBytes < GATHER_BYTES;

  const write = async () => {
    do {
      await writeSome(); // also finds out whether the store is back
      await new Promise(setImmediate); // requests come first
    } while (guard.well() && (urgent.size > 0 || leaving.size > 0));
  };

  const due = () =>
    urgent.size > 0 ||
    leaving.size > 0 ||
    (waiting.size > 0 &&
      (waiting.size <= BATCH ||
        rows() >= GATHER_ROWS ||
        bytes >= GATHER_BYTES ||
        clock.now() - since >= GATHER_MS));

  const begin = () => {
    writing ??= write().finally(() => {
      writing = null;
      if (rows() > 0) schedule();
    });
    return writing;
  };

  const schedule = () => {
    timer ??= clock.setTimeout(() => {
      timer = null;
      if (due()) void begin();
      else schedule();
    }, EVERY_MS);
  };

  return {
    add(key, value, until, soon) {
      const room = soon
        ? roomForUrgent()
        : rows() - urgent.size < MOST_ROWS && bytes - urgentBytes < MOST_BYTES;
      if (!room) {
        if (!full)
          log.warn({ rows: rows(), bytes }, 'too much waits to be written to the cache; new answers are not');
        full = true;
        return;
      }
      if (waiting.size === 0) since = clock.now();
      put(soon ? urgent : waiting, key, { bytes: value, until });
      if (!writing) schedule();
    },
    get: (key) => (urgent.get(key) ?? waiting.get(key) ?? leaving.get(key) ?? underway.get(key))?.bytes,
    async forget(prefix) {
      for (const map of [urgent, waiting, leaving])
        for (const [key, one] of map) if (key.startsWith(prefix)) take(map, key, one);
      for (const key of underway.keys()) if (key.startsWith(prefix)) underway.delete(key);
      await writing;
      await store.forget?.(prefix);
    },
    async flush() {
      for (let tries = 0; tries < MOST_TRIES_AT_END; ) {
        await begin();
        if (rows() === 0 || (urgent.size === 0 && !guard.well())) break;
        if (guard.well()) continue;
        tries += 1; // an outcome that was promised is worth waiting for, but not for long
        await new Promise<void>((resolve) => void clock.setTimeout(resolve, REST_AT_END_MS));
      }
      if (timer !== null) clock.clearTimeout(timer);
      timer = null;
    },
  };
}
