import { hash } from 'node:crypto';
import {
  armOf,
  branches,
  type Call,
  type Candidate,
  leaves,
  type Outcome,
  type Plan,
} from '@inferbridge/core';
import { dialectOf, meaningOf } from './canonical.ts';

/** Grows with every change of what an entry or its key holds: older ones are then no longer found. */
const VERSION = 'cache-2';

/** Whose answers may be given to whom. */
export type Scope = 'user' | 'shared';

/** The keys under which answers to one request are kept. */
export interface Keys {
  /** `null` where an answer by that candidate is not cached. */
  of(by: Pick<Outcome['by'], 'provider' | 'model' | 'account' | 'ownAddress'>): string | null;
  /** Of all candidates. */
  every(plan: Plan): readonly string[];
  /** Names the request itself: the same for the same meaning asked of the same candidates. */
  readonly all: string;
}

/** `null` where nothing of this request may be cached. */
export function keysOf(call: Call, plan: Plan, scope: Scope): Keys | null {
  const { request, state } = call;
  const user = state.user?.id ?? '';
  const meaning = meaningOf(request, { strict: scope === 'shared' });
  if (meaning === null) return null;
  const dialect = dialectOf(request);
  const made = new Map<string, string>();
  const of: Keys['of'] = ({ provider, model, account, ownAddress }) => {
    if (account === undefined) return null;
    const own = scope === 'user' || ownAddress === true;
    const parts = written([provider, model, account, String(own)]);
    const known = made.get(parts);
    if (known !== undefined) return known;
    const key = `${own ? ownerOf(user) : SHARED}:${digest([
      VERSION,
      own ? user : '',
      own ? account : '',
      request.operation,
      dialect,
      provider,
      model,
      meaning,
    ])}`;
    made.set(parts, key);
    return key;
  };
  const every = (all: Plan) => [...new Set(leaves(all).flatMap(({ target }) => of(target) ?? []))];
  // never leaves the process, so it need not be short; whose account it is counts always: a key that fails is its owner's
  const named = leaves(plan).map(({ target: { provider, model, account, credential, ownAddress } }) =>
    written([
      scope === 'user' || ownAddress || account === undefined ? user : '',
      provider,
      model,
      account ?? credential,
    ]),
  );
  const [first = ''] = named;
  const arm = armOf(plan) ?? '';
  const all = written([request.operation, dialect, meaning, arm, first, ...[...new Set(named)].sort()]);
  return { of, every, all };
}

const SHARED = 'shared';

const owners = new Map<string, string>();
const MOST_OWNERS = 10_000;

/** What a user's keys begin with, so that they can be found again when the user has gone. */
export function ownerOf(user: string): string {
  const known = owners.get(user);
  if (known !== undefined) return known;
  const owner = hash('sha256', `owner\n${user}`, 'hex').slice(0, 32);
  if (owners.size >= MOST_OWNERS) owners.clear();
  owners.set(user, owner);
  return owner;
}

/** Each part with its length before it: no two lists of parts are written alike. */
export const digest = (parts: readonly string[]): string => hash('sha256', written(parts), 'hex');

function written(parts: readonly string[]): string {
  let text = '';
  for (const part of parts) text += `${part.length}:${part}`;
  return text;
}

/**
 * The candidates whose answers may be given: in an ordered plan up to the first that could be called, since a later one's
 * answer would hide it; in any other plan all of them.
 */
export function lookedUp(plan: Plan): readonly Candidate[] {
  if ('attempt' in plan) return [plan.attempt];
  if (!('inOrder' in plan)) return branches(plan).flatMap(lookedUp);
  const found: Candidate[] = [];
  for (const branch of plan.inOrder) {
    const own = lookedUp(branch);
    found.push(...own);
    if (own.some(({ facts }) => facts.blocked === null)) break;
  }
  return found;
}
