/** Results on their way to the calls that they answer, by the caller's own ids; `''` is none. */
export interface Results<T> {
  /** Is there a call that could have it? */
  wants(id: string): boolean;
  /** Told more often than called, the last word counts. */
  give(id: string, result: T): void;
  /** The next one for this id, else the next one without any; `null` where there is none. */
  take(id: string): T | null;
}

/** For calls with these ids, in their order; one that is used twice gets its results in the order in which they came. */
export function createResults<T>(ids: readonly string[]): Results<T> {
  const found = new Map<string, T[]>();
  const of = (id: string): T[] => {
    const those = found.get(id) ?? [];
    found.set(id, those);
    return those;
  };
  const calls = (id: string) => ids.filter((one) => one === id).length;
  return {
    wants: (id) => (id === '' ? of('').length < ids.length : calls(id) > 0),
    give(id, result) {
      const those = of(id);
      if (id !== '' && those.length > 0 && those.length >= calls(id)) those[those.length - 1] = result;
      else those.push(result);
    },
    take: (id) => of(id).shift() ?? of('').shift() ?? null,
  };
}
