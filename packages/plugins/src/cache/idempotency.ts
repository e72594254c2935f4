import { hash } from 'node:crypto';
import {
  type Call,
  type Clock,
  createTransientMap,
  GatewayError,
  type Handler,
  onFinish,
  type Reply,
  type Request,
} from '@inferbridge/core';
import { dialectOf, meaningOf } from './canonical.ts';
import type { Entries } from './entries.ts';
import { type Entry, entryOf, recorded } from './entry.ts';
import { createFlights, type Orphan } from './flight.ts';
import { digest, ownerOf } from './keys.ts';
import { fits, replay } from './replay.ts';

/** How long an outcome is given again. */
const KEPT_MS = 86_400_000;

/**
 * One request, however often it is sent: the same key attaches to the call that is on its way, and afterwards gets its
 * answer again for 24 hours. Only complete answers are kept; a failure is tried anew. The same key with another request
 * is refused.
 */
export function createIdempotency({
  entries,
  clock,
  orphans,
}: {
  readonly entries: Entries;
  readonly clock: Clock;
  readonly orphans: Set<Orphan>;
}) {
  const times = () => {
    const at = clock.wall();
    return { at, fresh: at + KEPT_MS, until: at + KEPT_MS };
  };
  // a client that leaves asks again, and wants what it has asked for already
  const flights = createFlights({
    orphans,
    clock,
    told: (reply, { request, signal, state }) => {
      const entry = entryOf(reply, times());
      if (!fits(entry, request)) throw untellable(state.cache?.idempotencyKey ?? '');
      return replay(entry, request, { cached: 'coalesced', clock, signal, paced: false });
    },
  });
  /** What was asked under a key, and how many calls for it are on their way. */
  const under = createTransientMap<string, { readonly meaning: string; running: number }>();

  return async (call: Call, key: string, keep: boolean, next: Handler): Promise<Reply> => {
    const { request } = call;
    const user = call.state.user?.id ?? '';
    const said = meaningOf(request, { strict: false }) ?? wordsOf(request);
    if (said === null) return next(call);
    const name = `${ownerOf(user)}:${digest(['idempotency-1', user, request.operation, dialectOf(request), key])}`;
    const { model, models } = request.value;
    const meaning = digest([said, model, JSON.stringify(models ?? null), call.state.cache?.apart ?? '']);
    const known = under.get(name);
    if (known && known.meaning !== meaning) throw reused(key);
    const own = known ?? { meaning, running: 0 };
    under.set(name, own);
    const over = () => {
      own.running -= 1;
      if (own.running === 0) under.delete(name);
    };
    const run: Handler = async (leading) => {
      own.running += 1;
      const reply = await answer(leading).catch((error) => {
        over();
        throw error;
      });
      onFinish(reply, over);
      return reply;
    };
    const answer: Handler = async (leading) => {
      const [found = null] = await entries.find([name]);
      if (found && found.meaning !== meaning) throw reused(key);
      if (found && found.fresh > clock.wall()) {
        if (found.mode !== undefined) call.state.mode ??= found.mode;
        if (!fits(found, request)) throw untellable(key);
        const how = { cached: 'hit', clock, signal: leading.signal, paced: false } as const;
        return { ...replay(found, request, how), replayed: true };
      }
      const reply = await next(leading);
      return keep && reply.cached !== 'stale' ? recorded(reply, clock, times, kept) : reply;
    };
    const kept = (entry: Entry) => {
      const { mode } = call.state;
      // a client that hears nothing asks again, also after a crash
      entries.keep(name, { ...entry, meaning, ...(mode !== undefined && { mode }) }, { soon: true });
    };
    return flights.join(name, call, run);
  };
}

/** What is too much to be put in order is at least the same where it is the same byte by byte. */
function wordsOf(request: Request): string | null {
  const native = request.operation === 'chat' ? request.native : undefined;
  if (native?.of === request.value) return `bytes ${hash('sha256', native.bytes, 'hex')}`;
  try {
    return `bytes ${hash('sha256', JSON.stringify(request.value), 'hex')}`;
  } catch {
    return null;
  }
}

const refused = (message: string): GatewayError =>
  new GatewayError('invalid_request', message, { param: 'Idempotency-Key', code: 'idempotency_key_reused' });

const reused = (key: string): GatewayError =>
  refused(`Idempotency-Key "${key.slice(0, 64)}" was used with another request; take a new one`);

const untellable = (key: string): GatewayError =>
  refused(
    `Idempotency-Key "${key.slice(0, 64)}" was used for a whole answer that cannot be told as a stream; ask for it whole`,
  );
