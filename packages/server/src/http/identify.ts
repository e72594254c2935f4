import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Clock, type Log, letGo } from '@inferbridge/core';
import type { Limits, User } from '@inferbridge/plugins';
import { KEY_PREFIX, LEGACY_KEY_PREFIX, OPERATOR_KEY_PREFIX } from '../compat/names.ts';
import { hashOf, isWellFormed } from '../secrets/api-key.ts';
import type { Operators } from '../store/operators.ts';
import { micros } from '../store/time.ts';
import type { UserLimits, Users } from '../store/users.ts';

/** Whose key is this? `null` for nobody's. */
export type Authenticate = (key: string) => User | null | Promise<User | null>;

export interface Identities {
  readonly user: Authenticate;
  /** Is this a key of the operator's? */
  operator(key: string): Promise<boolean>;
  /** A user's keys or limits have changed: they are looked up again. */
  forget(userId: string): void;
  /** Writes down when keys were used. */
  close(): Promise<void>;
}

export interface IdentitiesOptions {
  readonly users: Pick<Users, 'userByKeyHash' | 'touch'>;
  readonly operators: Operators;
  /** The operator's key from the environment. */
  readonly operatorKey: string | null;
  /** Keys that were minted elsewhere carry no checksum: look them up all the same. */
  readonly importedKeys: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

const FRESH_MS = 30_000;
const MOST_KEPT = 50_000;
const TOUCH_MS = 60_000;

/** Asks the store at most twice a minute about a key that is good; a malformed one never gets that far. */
export function createIdentities(options: IdentitiesOptions): Identities {
  const { users, operators, operatorKey, importedKeys, clock, log } = options;
  const known = new Map<string, { user: User; until: number }>();
  /** How often somebody was. */
  let forgotten = 0;
  let used = new Map<string, number>();
  let timer: unknown = null;

  const touch = async () => {
    timer = null;
    const batch = used;
    used = new Map();
    await users.touch(batch).catch((error: unknown) => {
      log.warn({ err: error }, 'when keys were last used cannot be written');
    });
  };

  const find = (key: string): User | Promise<User | null> => {
    const digest = hashOf(key);
    const found = known.get(digest);
    return found && found.until > clock.now() ? found.user : lookUp(digest);
  };
  const lookUp = async (digest: string): Promise<User | null> => {
    const before = forgotten;
    const row = await users.userByKeyHash(digest);
    if (!row) {
      known.delete(digest);
      return null;
    }
    if (known.size >= MOST_KEPT) known.clear();
    const user = userOf(row);
    // what was read may have been revoked meanwhile
    if (forgotten === before) known.set(digest, { user, until: clock.now() + FRESH_MS });
    used.set(digest, micros(clock.wall()));
    timer ??= clock.setTimeout(() => void touch(), TOUCH_MS);
    letGo(timer);
    return user;
  };

  return {
    user: (key) =>
      isWellFormed(key, KEY_PREFIX, LEGACY_KEY_PREFIX) || (importedKeys && IMPORTED.test(key))
        ? find(key)
        : null,
    async operator(key) {
      if (operatorKey !== null && same(key, operatorKey)) return true;
      return isWellFormed(key, OPERATOR_KEY_PREFIX) && operators.has(hashOf(key));
    },
    forget(userId) {
      forgotten += 1;
      for (const [digest, { user }] of known) if (user.id === userId) known.delete(digest);
    },
    async close() {
      if (timer !== null) clock.clearTimeout(timer);
      if (used.size > 0) await touch();
    },
  };
}

const IMPORTED = new RegExp(`^${KEY_PREFIX}[0-9A-Za-z]{32}$`);

/** Compared as digests: the time that it takes tells nothing. */
const same = (one: string, other: string): boolean =>
  timingSafeEqual(hash('sha256', one, 'buffer'), hash('sha256', other, 'buffer'));

/** A user with the limits that are their own. */
function userOf({ id, ...own }: { id: string } & UserLimits): User {
  const limits: Limits = {
    ...(own.rpm !== null && { rpm: Number(own.rpm) }),
    ...(own.tpm !== null && { tpm: Number(own.tpm) }),
    ...(own.usd_per_day !== null && { usdPerDay: Number(own.usd_per_day) / 1e9 }),
    ...(own.usd_per_month !== null && { usdPerMonth: Number(own.usd_per_month) / 1e9 }),
  };
  return Object.keys(limits).length > 0 ? { id, limits } : { id };
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
