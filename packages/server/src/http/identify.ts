import type { IncomingMessage } from 'node:http';
import type { Clock } from '@inferbridge/core';
import type { User } from '@inferbridge/plugins';
import { KEY_PREFIX, LEGACY_KEY_PREFIX } from '../compat/names.ts';
import { hashOf, isWellFormed } from '../secrets/api-key.ts';
import type { Accounts } from '../store/accounts.ts';

/** Whose key is this? `null` for nobody's. */
export type Authenticate = (key: string) => Promise<User | null>;

const FRESH_MS = 30_000;
const MOST_KEPT = 50_000;

/** Asks the store at most twice a minute about a key that is good; a malformed one never gets that far. */
export function createAuthenticate(accounts: Pick<Accounts, 'userByKeyHash'>, clock: Clock): Authenticate {
  const known = new Map<string, { user: User; until: number }>();
  return async (key) => {
    if (!isWellFormed(key, KEY_PREFIX, LEGACY_KEY_PREFIX)) return null;
    const hash = hashOf(key);
    const found = known.get(hash);
    if (found && found.until > clock.now()) return found.user;
    const user = await accounts.userByKeyHash(hash);
    if (!user) {
      known.delete(hash);
      return null;
    }
    if (known.size >= MOST_KEPT) known.clear();
    known.set(hash, { user, until: clock.now() + FRESH_MS });
    return user;
  };
}

/** The key as the client sent it: `Authorization: Bearer`, `x-api-key` or `api-key`; never from the address. */
export function bearerOf({ headers, rawHeaders }: IncomingMessage): string | null {
  const { authorization } = headers;
  if (authorization !== undefined) {
    let times = 0;
    for (let i = 0; i < rawHeaders.length; i += 2)
      if (rawHeaders[i]?.toLowerCase() === 'authorization') times += 1;
    return times === 1 ? (/^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? null) : null;
  }
  const plain = headers['x-api-key'] ?? headers['api-key'];
  return typeof plain === 'string' && plain !== '' ? plain : null;
}
