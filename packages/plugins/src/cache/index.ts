import {
  asGatewayError,
  type Call,
  type Clock,
  type ErrorClass,
  type Handler,
  type Log,
  type Middleware,
  type Reply,
  systemClock,
} from '@inferbridge/core';
import type { Planned } from '../router.ts';
import { type CacheStore, createEntries, type Entries } from './entries.ts';
import { type Entry, recorded } from './entry.ts';
import { createFlights, type Orphan } from './flight.ts';
import { createIdempotency } from './idempotency.ts';
import { type Keys, keysOf, lookedUp, type Scope } from './keys.ts';
import { fits, replay } from './replay.ts';

export { type CacheStore, createEntries, type Entries } from './entries.ts';
export type { Orphan } from './flight.ts';
export { createGuard, type Guard } from './guard.ts';
export { ownerOf, type Scope } from './keys.ts';

declare module '@inferbridge/core/call' {
  interface CallState {
    /** What the caller says about caching. */
    cache?: CacheWish;
  }
}

/** What one request says about caching; absent is as configured. */
export interface CacheWish {
  /** Look up and store. */
  readonly use?: boolean;
  readonly ttlSeconds?: number;
  /** A stale answer will do where every candidate fails. */
  readonly stale?: boolean;
  /** `no-cache`: what is stored already is passed over, the answer is stored. */
  readonly noCache?: boolean;
  /** `no-store`: neither. */
  readonly noStore?: boolean;
  /** What is older is passed over. */
  readonly maxAgeSeconds?: number;
  /** Streams come back at their own pace. */
  readonly paced?: boolean;
  readonly idempotencyKey?: string;
  /** What else tells this request from another one under the same key: where it may go. */
  readonly apart?: string;
}

export interface CacheOptions {
  /** A Keyv, or anything with its methods; default: memory alone. */
  readonly store?: CacheStore;
  /** Of the layer in front of the store; default 64 MB, 0 for none. */
  readonly memoryBytes?: number;
  /** The entries themselves, for whoever shares them; instead of the two above. */
  readonly entries?: Entries;
  /** Whose answers may be given to whom; `shared` never covers addresses of a user's own. Default `user`. */
  readonly scope?: Scope;
  /** Default 3,600. */
  readonly ttlSeconds?: number;
  /** How long behind that an answer may stand in for a failure; default 0, not at all. */
  readonly staleSeconds?: number;
  /** Also for callers who have not asked for it; default false. */
  readonly always?: boolean;
  /** Gets calls under an `Idempotency-Key` whose clients have all left: they run on, and whoever stops waits for them. */
  readonly orphans?: Set<Orphan>;
  readonly clock?: Clock;
  readonly log?: Log;
}

const TTL = { default: 3_600, least: 60, most: 86_400 } as const;
/** How long an answer is kept behind its time for a caller who takes stale ones, where nothing is configured. */
const CALLERS_STALE_SECONDS = 86_400;

/** Failures that nobody but the caller can mend, or that the caller asked for. */
const NO_STAND_IN: ReadonlySet<ErrorClass> = new Set([
  'invalid_request',
  'content_policy',
  'context_length',
  'unsupported',
  'unauthenticated',
  'client_closed',
  'internal',
]);

/** How one request is cached. */
interface Policy {
  readonly lookUp: boolean;
  readonly ttlMs: number;
  readonly staleMs: number;
  readonly stale: boolean;
  readonly maxAgeMs: number;
  readonly paced: boolean;
}

/**
 * Answers from what was answered before, shares calls that are on their way, and lets an old answer stand in for a
 * failure. It asks the router to hand it the plan before that is run, so it works with routers of this package.
 */
export function cache(options: CacheOptions = {}): Middleware {
  const { clock = systemClock, scope = 'user' } = options;
  const entries = options.entries ?? createEntries({ ...options, clock });
  const flights = createFlights();
  const idempotent = createIdempotency({ entries, clock, orphans: options.orphans ?? new Set() });

  const around: NonNullable<Call['state']['around']> = (planned, call, run) => {
    const policy = policyOf(call.state.cache ?? {}, planned, options);
    const keys = policy && keysOf(call, planned.plan, scope);
    return keys ? cached(planned, call, run, policy, keys) : run(call);
  };

  const cached = async (
    planned: Planned,
    call: Call,
    run: Handler,
    policy: Policy,
    keys: Keys,
  ): Promise<Reply> => {
    const again = (entry: Entry, cached: 'hit' | 'stale') =>
      replay(entry, call.request, { cached, clock, signal: call.signal, paced: policy.paced });
    if (policy.lookUp) {
      const found = await fresh(planned, keys, policy, call.request);
      if (found) return again(found, 'hit');
    }
    try {
      return await flights.join(flightOf(planned, keys, policy), call, storing(run, keys, policy));
    } catch (error) {
      const { class: failed, details } = asGatewayError(error);
      if (!policy.stale || NO_STAND_IN.has(failed) || details.limit) throw error;
      const entry = await old(planned, keys);
      if (!entry) throw error;
      return again(entry, 'stale');
    }
  };

  const fresh = async (
    { plan }: Planned,
    keys: Keys,
    { maxAgeMs }: Policy,
    request: Call['request'],
  ): Promise<Entry | null> => {
    const names = lookedUp(plan).flatMap(({ target }) => keys.of(target) ?? []);
    const now = clock.wall();
    const found = names.length > 0 ? await entries.find(names) : [];
    return (
      found.find(
        (entry) => entry && entry.fresh > now && now - entry.at <= maxAgeMs && fits(entry, request),
      ) ?? null
    );
  };

  /** The newest that any candidate has left behind. */
  const old = async ({ plan }: Planned, keys: Keys): Promise<Entry | null> => {
    const found = await entries.find(keys.every(plan));
    return found.reduce((best, entry) => (entry && (!best || entry.at > best.at) ? entry : best), null);
  };

  const storing =
    (run: Handler, keys: Keys, { ttlMs, staleMs }: Policy): Handler =>
    async (call) => {
      const reply = await run(call);
      const key = keys.of(reply.by);
      if (key === null) return reply;
      const times = () => {
        const at = clock.wall();
        return { at, fresh: at + ttlMs, until: at + ttlMs + staleMs };
      };
      return recorded(reply, clock, times, (entry) => entries.keep(key, entry));
    };

  return (call, next): Promise<Reply> => {
    const { state } = call;
    if (state.faults) return next(call); // a fire drill tells of providers
    const { idempotencyKey, noStore } = state.cache ?? {};
    state.around = around;
    return idempotencyKey ? idempotent(call, idempotencyKey, noStore !== true, next) : next(call);
  };
}

function policyOf(wish: CacheWish, { cache: tier }: Planned, options: CacheOptions): Policy | null {
  const { always = false, ttlSeconds = TTL.default, staleSeconds = 0 } = options;
  const own = typeof tier === 'object' ? tier : {};
  const configured = tier === true || (own.always ?? always);
  if (tier === false || wish.noStore || !(wish.use ?? configured)) return null;
  const seconds = wish.ttlSeconds ?? own.ttlSeconds ?? ttlSeconds;
  const stale = wish.stale ?? staleSeconds > 0;
  return {
    lookUp: wish.noCache !== true,
    ttlMs: Math.min(TTL.most, Math.max(TTL.least, seconds)) * 1_000,
    staleMs: (staleSeconds > 0 ? staleSeconds : stale ? CALLERS_STALE_SECONDS : 0) * 1_000,
    stale,
    maxAgeMs: wish.maxAgeSeconds === undefined ? Number.POSITIVE_INFINITY : wish.maxAgeSeconds * 1_000,
    paced: wish.paced === true,
  };
}

/** Order, rules and timers differ by tier and caller, and whoever wants a fresh answer shares none that began before. */
const flightOf = ({ name, timeouts = {}, maxUsd }: Planned, keys: Keys, { lookUp }: Policy): string =>
  `${keys.all} ${JSON.stringify([name, lookUp, timeouts, maxUsd])}`;
