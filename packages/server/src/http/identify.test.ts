import { virtualClock } from '@inferbridge/core/testing';
import { expect, it } from 'vitest';
import { KEY_PREFIX } from '../compat/names.ts';
import { freshKey } from '../secrets/api-key.ts';
import { createIdentities } from './identify.ts';

const nobody = { rpm: null, tpm: null, usd_per_day: null, usd_per_month: null };

/** Identities over a store that answers when it is told to. */
function setUp() {
  const answers: ((found: boolean) => void)[] = [];
  const identities = createIdentities({
    users: {
      userByKeyHash: () =>
        new Promise((resolve) => answers.push((found) => resolve(found ? { id: 'u', ...nobody } : null))),
      touch: async () => {},
    },
    operators: { has: async () => false } as never, // nobody asks for any
    operatorKey: null,
    importedKeys: false,
    clock: virtualClock(),
    log: { info() {}, warn() {}, error() {} },
  });
  return { identities, answers, key: freshKey(KEY_PREFIX).key };
}

it('knows a key at once that it has just seen', async () => {
  const { identities, answers, key } = setUp();
  const asked = identities.user(key);
  answers[0]?.(true);
  expect(await asked).toEqual({ id: 'u' });
  expect(identities.user(key)).toEqual({ id: 'u' });
  expect(answers.length).toBe(1);
});

it('looks a key up again that is revoked, also where that comes while it is looked up', async () => {
  const { identities, answers, key } = setUp();
  const before = identities.user(key);
  identities.forget('u');
  answers[0]?.(true);
  await before;
  const after = identities.user(key);
  answers[1]?.(false);
  expect(await after).toBeNull();
});

it('forgets whom it knows', async () => {
  const { identities, answers, key } = setUp();
  const before = identities.user(key);
  answers[0]?.(true);
  await before;
  identities.forget('u');
  const after = identities.user(key);
  answers[1]?.(false);
  expect(await after).toBeNull();
});
