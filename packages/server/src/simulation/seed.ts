import { ConfigError } from '../config/config-error.ts';

/** What a run's chance begins with; 1 where nobody says. */
export function parseSeed(given = '1'): number {
  if (/^\d{1,9}$/.test(given)) return Number(given);
  throw new ConfigError([`--seed: a whole number is wanted, got "${given}"`]);
}
