import type { CacheStore } from '@inferbridge/plugins';
import type { Keyv } from 'keyv';

/**
 * Values are texts, so they need no second serialisation around them: the time of expiry stands before the text. Keyv
 * only reports failures; here they are thrown, so that whoever asked knows that the store is not well.
 */
export function textStore(keyv: Keyv): CacheStore {
  let failure: unknown = null;
  keyv.on('error', (error: unknown) => {
    failure = error;
  });
  const loudly = async <T>(work: Promise<T>): Promise<T> => {
    failure = null;
    const outcome = await work;
    const failed = failure;
    failure = null;
    if (failed !== null) throw failed;
    return outcome;
  };
  return {
    get: (key) => loudly(keyv.get(key)),
    getMany: (keys) => loudly(keyv.getMany(keys)),
    set: (key, value, ttl) => loudly(keyv.set(key, value, ttl)),
    setMany: (entries) => loudly(keyv.setMany(entries)),
    delete: (key) => loudly(keyv.delete(key)),
  };
}

interface Wrapped {
  readonly value: unknown;
  readonly expires?: number | undefined;
}

export const plainTexts = {
  stringify: (wrapped: unknown): string => {
    const { value, expires } = wrapped as Wrapped; // what Keyv wraps every value in
    return `${expires ?? ''}\n${typeof value === 'string' ? value : JSON.stringify(value)}`;
  },
  parse<T>(text: string): T {
    const end = text.indexOf('\n');
    const expires = end > 0 ? Number(text.slice(0, end)) : undefined;
    return { value: text.slice(end + 1), ...(expires !== undefined && { expires }) } as T; // the same again
  },
};
