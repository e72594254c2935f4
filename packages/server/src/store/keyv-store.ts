import type { CacheStore } from '@inferbridge/plugins';
import type { Keyv } from 'keyv';

/** Keyv only reports failures; here they are thrown, so that whoever asked knows that the store is not well. */
export function keyvStore(keyv: Keyv): CacheStore {
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
