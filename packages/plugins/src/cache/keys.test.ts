import {
  type Call,
  type Candidate,
  createCall,
  type Plan,
  type Request,
  type Target,
} from '@inferbridge/core';
import { choicesOf } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { digest, keysOf, lookedUp, ownerOf, type Scope } from './keys.ts';

const callOf = (change: { user?: string; request?: Request } = {}): Call => {
  const call = createCall(
    { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
    { state: change.user === undefined ? {} : { user: { id: change.user } } },
  );
  return { ...call, request: change.request ?? call.request };
};
const candidate = (id: string, about: Partial<Target> = {}, blocked = false): Candidate => {
  const [choice] = choicesOf({ [id]: {} });
  const [made] = choice?.candidates ?? [];
  if (!made) throw new Error('one is there');
  const why = { blocked: 'open', why: 'down', forMs: null } as const;
  return {
    target: { ...made.target, account: 'acc', ...about },
    facts: { ...made.facts, blocked: blocked ? why : null },
  };
};
const plan = (one: Candidate): Plan => ({ attempt: one, why: '' });
const by = { provider: 'p', model: 'm', account: 'acc' };
const keyOf = (about: Partial<Target> = {}, call = callOf({ user: 'u' }), scope: Scope = 'user') =>
  keysOf(call, { inOrder: [] }, scope)?.of({ ...by, ...about });
const native = (dialect: string, body = false): Request => {
  const value = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return { operation: 'chat', value, native: { dialect, bytes, of: value, ...(body && { body: value }) } };
};

describe('a key', () => {
  it('writes the length before each part', () => {
    expect(digest(['ab', 'c'])).not.toBe(digest(['a', 'bc']));
    expect(digest(['a', 'b'])).not.toBe(digest(['ab']));
    expect(digest(['1:a'])).not.toBe(digest(['', 'a']));
    expect(digest(['a1:b'])).not.toBe(digest(['a', 'b']));
    expect(digest([''])).not.toBe(digest([]));
    expect(keyOf({ provider: 'ab', model: 'c' })).not.toBe(keyOf({ provider: 'a', model: 'bc' }));
    expect(keyOf({ account: 'u', provider: 'p' })).not.toBe(keyOf({ account: '', provider: 'up' }));
  });

  it('changes with the user, the account, the provider, the model, the dialect and the operation', () => {
    const chat = callOf({ user: 'u' }).request;
    const embeddings = { operation: 'embeddings', value: chat.value } as unknown as Request;
    const keys = [
      keyOf(),
      keyOf({}, callOf({ user: 'v' })),
      keyOf({}, callOf()),
      keyOf({ account: 'other' }),
      keyOf({ provider: 'q' }),
      keyOf({ model: 'n' }),
      keyOf({}, callOf({ user: 'u', request: native('openai') })),
      keyOf({}, callOf({ user: 'u', request: native('messages', true) })),
      keyOf({}, callOf({ user: 'u', request: embeddings })),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}:[0-9a-f]{64}$/);
    expect(keyOf()).toBe(keyOf());
  });

  it('begins with its owner, so that it is found when that goes', () => {
    expect(keyOf()?.startsWith(`${ownerOf('u')}:`)).toBe(true);
    expect(ownerOf('u')).not.toBe(ownerOf('v'));
  });

  it('where answers are shared is the same for every user and account', () => {
    const shared = keyOf({}, callOf({ user: 'u' }), 'shared');
    expect(keyOf({}, callOf({ user: 'v' }), 'shared')).toBe(shared);
    expect(keyOf({ account: 'other' }, callOf(), 'shared')).toBe(shared);
    expect(shared?.startsWith('shared:')).toBe(true);
    expect(shared).not.toBe(keyOf());
    for (const about of [{ provider: 'q' }, { model: 'n' }])
      expect(keyOf(about, callOf({ user: 'u' }), 'shared')).not.toBe(shared);
  });

  it('is a user’s own also there where the address is', () => {
    const own = keyOf({ ownAddress: true }, callOf({ user: 'u' }), 'shared');
    expect(own?.startsWith(`${ownerOf('u')}:`)).toBe(true);
    expect(keyOf({ ownAddress: true }, callOf({ user: 'v' }), 'shared')).not.toBe(own);
    expect(keyOf({ ownAddress: true, account: 'other' }, callOf({ user: 'u' }), 'shared')).not.toBe(own);
    expect(keyOf({ ownAddress: false }, callOf({ user: 'u' }), 'shared')).toBe(keyOf({}, callOf(), 'shared'));
  });

  it('is none without an account, nor for what has no meaning', () => {
    const keys = keysOf(callOf({ user: 'u' }), { inOrder: [] }, 'user');
    for (const scope of ['user', 'shared'] as const) {
      expect(keysOf(callOf(), { inOrder: [] }, scope)?.of({ provider: 'p', model: 'm' })).toBeNull();
      expect(keyOf({ account: '' }, callOf(), scope)).not.toBeNull();
    }
    const { account: _, ...without } = candidate('p:m').target;
    expect(keys?.every({ attempt: { ...candidate('p:m'), target: without }, why: '' })).toEqual([]);
    const twice = native('openai') as Extract<Request, { operation: 'chat' }>;
    const bytes = new TextEncoder().encode('{"model":"m","model":"m","messages":[]}');
    const request = { ...twice, native: { ...twice.native, bytes, dialect: 'openai', of: twice.value } };
    expect(keysOf(callOf({ request }), { inOrder: [] }, 'shared')).toBeNull();
    expect(keysOf(callOf({ request }), { inOrder: [] }, 'user')).not.toBeNull();
  });
});

describe('the name of a request', () => {
  const allOf = (parts: readonly Candidate[], scope: Scope = 'user', user = 'u') =>
    keysOf(callOf({ user }), { inOrder: parts.map(plan) }, scope)?.all;
  const [a, b] = [candidate('a:m'), candidate('b:m')];

  it('changes with who is asked', () => {
    expect(allOf([a, b])).toBe(allOf([a, b]));
    expect(allOf([a, b])).not.toBe(allOf([a]));
    expect(allOf([a, b])).not.toBe(allOf([a, b], 'user', 'v'));
    expect(allOf([a, b], 'shared')).toBe(allOf([a, b], 'shared', 'v'));
  });

  it('keeps those apart that are not cached, by credential and user', () => {
    const { account: _, ...none } = a.target;
    const without = (credential: string) => ({ ...a, target: { ...none, credential } });
    const names = [
      allOf([without('c1')], 'shared'),
      allOf([without('c2')], 'shared'),
      allOf([without('c1')], 'shared', 'v'),
      allOf([candidate('a:m', { ownAddress: true })], 'shared'),
      allOf([candidate('a:m', { ownAddress: true })], 'shared', 'v'),
    ];
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('lookedUp', () => {
  const up = (id: string) => plan(candidate(`${id}:m`));
  const down = (id: string) => plan(candidate(`${id}:m`, {}, true));
  const names = (whole: Plan) =>
    lookedUp(whole)
      .map(({ target }) => target.provider)
      .join(' ');

  it.each<readonly [string, Plan, string]>([
    ['one alone', up('a'), 'a'],
    ['one that is blocked', down('a'), 'a'],
    ['in order: the first', { inOrder: [up('a'), up('b')] }, 'a'],
    ['in order: blocked ones before it as well', { inOrder: [down('a'), up('b'), up('c')] }, 'a b'],
    ['in order: all where all are blocked', { inOrder: [down('a'), down('b')] }, 'a b'],
    ['in order: none', { inOrder: [] }, ''],
    ['together: all', { together: [up('a'), down('b'), up('c')] }, 'a b c'],
    ['staggered: all', { staggered: [up('a'), up('b')], afterMs: 5 }, 'a b'],
    [
      'together first: all of it and none after',
      { inOrder: [{ together: [down('a'), up('b'), up('c')] }, up('d')] },
      'a b c',
    ],
    [
      'a race of blocked ones first',
      { inOrder: [{ together: [down('a'), down('b')] }, up('c'), up('d')] },
      'a b c',
    ],
    [
      'orders in a race: of each its first',
      { together: [{ inOrder: [up('a'), up('b')] }, { inOrder: [down('c'), up('d'), up('e')] }] },
      'a c d',
    ],
    [
      'an order in an order',
      { inOrder: [{ inOrder: [down('a'), down('b')] }, { inOrder: [down('c'), up('d'), up('e')] }, up('f')] },
      'a b c d',
    ],
    [
      'copies of a race within an order',
      {
        inOrder: [
          { staggered: [{ together: [down('a')] }, down('b')], afterMs: 1 },
          { staggered: [up('c'), { inOrder: [up('d'), up('e')] }], afterMs: 1 },
          up('f'),
        ],
      },
      'a b c d',
    ],
  ])('%s', (_, whole, expected) => {
    expect(names(whole)).toBe(expected);
  });
});
