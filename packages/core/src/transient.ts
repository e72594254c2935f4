/*
 * For what comes and goes with every request. V8 makes the table of a Map or a Set anew after so many deletions, and the
 * old table points to the new one: once a table has become old, it keeps all those that follow it, and what was in them,
 * alive until the next full collection. Measured at the gateway's list of open calls: 6 KB of every request were copied
 * twice before they died, a sixth of all CPU.
 */

/** Those who are here at the moment. */
export interface Roster<T> extends Iterable<T> {
  readonly size: number;
  /** Returns how to leave; to leave again does nothing. */
  add(one: T): () => void;
}

export function createRoster<T>(): Roster<T> {
  const places: { readonly one: T; at: number }[] = [];
  return {
    get size() {
      return places.length;
    },
    add(one) {
      const place = { one, at: places.length };
      places.push(place);
      return () => {
        if (place.at < 0) return;
        const last = places.pop();
        if (last && last !== place) {
          places[place.at] = last;
          last.at = place.at;
        }
        place.at = -1;
      };
    },
    *[Symbol.iterator]() {
      // some may leave while they are told
      for (const { one } of [...places]) yield one;
    },
  };
}

/** A `Map` from keys that come and go; in the order in which they came. */
export interface TransientMap<K, V extends object> extends Iterable<readonly [K, V]> {
  readonly size: number;
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  /** Was it there? */
  delete(key: K): boolean;
}

/** So many places of those who have left are carried along. */
const MOST_EMPTY = 1_024;

export function createTransientMap<K, V extends object>(): TransientMap<K, V> {
  let map = new Map<K, V | null>();
  let empty = 0;
  return {
    get size() {
      return map.size - empty;
    },
    get: (key) => map.get(key) ?? undefined,
    set(key, value) {
      // a place that was left would put it before those who came earlier
      if (map.get(key) === null && map.delete(key)) empty -= 1;
      map.set(key, value);
    },
    delete(key) {
      if (!map.get(key)) return false;
      map.set(key, null);
      empty += 1;
      if (empty > MOST_EMPTY && empty > map.size / 2) {
        const here = [...map].filter(([, value]) => value !== null);
        map = new Map(here);
        empty = 0;
      }
      return true;
    },
    *[Symbol.iterator]() {
      for (const [key, value] of map) if (value !== null) yield [key, value];
    },
  };
}
