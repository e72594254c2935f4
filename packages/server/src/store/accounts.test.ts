import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFernet, generateFernetKey } from '../secrets/fernet.ts';
import { createVault } from '../secrets/vault.ts';
import { type Accounts, createAccounts, type NewProviderKey } from './accounts.ts';
import { openAccounts } from './database.ts';
import type { AccountsSchema } from './schema.ts';

let root = '';
let db: Kysely<AccountsSchema>;
let accounts: Accounts;
let unreadable: string[] = [];
let wall = Date.UTC(2026, 10, 20);
const fernetKey = generateFernetKey();

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'inferbridge-accounts-'));
  db = await openAccounts(join(root, 'data/accounts.sqlite'));
  unreadable = [];
  wall = Date.UTC(2026, 10, 20);
  accounts = createAccounts({
    db,
    vault: createVault(createFernet([fernetKey])),
    wall: () => wall++,
    onUnreadable: (id) => void unreadable.push(id),
  });
});
afterEach(async () => {
  await db.destroy();
  rmSync(root, { recursive: true, force: true });
});

const stored = (hash: string) => ({ hash, prefix: 'ib_', lastFour: 'abcd' });
async function user(email: string): Promise<string> {
  const made = await accounts.createUser(email, stored(`hash of ${email}`));
  if (!made || made === 'token') throw new Error('the address is taken');
  return made.id;
}
const key = (more: Partial<NewProviderKey> = {}): NewProviderKey => ({
  provider: 'groq',
  secret: 'gsk_plain_secret',
  label: null,
  baseUrl: null,
  declaredRegion: null,
  residency: 'global',
  ...more,
});
const hosted = (label: string | null, more: Partial<NewProviderKey> = {}) =>
  key({
    provider: 'self_hosted',
    baseUrl: 'https://llm.example/v1',
    declaredRegion: 'EU',
    residency: 'eu',
    label,
    ...more,
  });

describe('users', () => {
  it('are found by the hash of their key, and by no other', async () => {
    const id = await user('a@example.com');
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await accounts.userByKeyHash('hash of a@example.com')).toMatchObject({ id, rpm: null });
    expect(await accounts.userByKeyHash('hash of b@example.com')).toBeNull();
    expect(await accounts.userByKeyHash("' OR 1=1 --")).toBeNull();
  });

  it('have an address of their own: the second is refused and leaves nothing behind', async () => {
    const id = await user('a@example.com');
    expect(await accounts.createUser('a@example.com', stored('another'))).toBeNull();
    expect(await accounts.userByKeyHash('another')).toBeNull();
    expect(await accounts.userByKeyHash('hash of a@example.com')).toMatchObject({ id, rpm: null });
  });

  it("are not made where their key is somebody else's", async () => {
    await user('a@example.com');
    expect(await accounts.createUser('b@example.com', stored('hash of a@example.com'))).toBeNull();
    const { n } = await db
      .selectFrom('users')
      .select((eb) => eb.fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow();
    expect(n).toBe(1);
  });

  it('are not found by a key that was revoked', async () => {
    await user('a@example.com');
    await db.updateTable('api_keys').set({ revoked_at: 1 }).execute();
    expect(await accounts.userByKeyHash('hash of a@example.com')).toBeNull();
  });
});

describe('provider keys', () => {
  it('are shown without their secret, oldest first, with microseconds', async () => {
    const id = await user('a@example.com');
    const added = await accounts.addProviderKey(id, key({ label: 'mine' }));
    await accounts.addProviderKey(id, key({ provider: 'openai' }));
    const listed = await accounts.providerKeys(id);
    expect(listed.map(({ provider }) => provider)).toEqual(['groq', 'openai']);
    expect(listed[0]).toEqual(added);
    expect(added).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      provider: 'groq',
      label: 'mine',
      base_url: null,
      declared_region: null,
      residency: 'global',
      created_at: expect.any(Number),
      changed_at: null,
    });
    expect(added?.created_at).toBeGreaterThan(Date.UTC(2026, 10, 20) * 1000 - 1);
    expect(JSON.stringify(listed)).not.toContain('secret');
  });

  it('are opened newest first', async () => {
    const id = await user('a@example.com');
    await accounts.addProviderKey(id, hosted('old', { secret: 's-1' }));
    await accounts.addProviderKey(id, hosted('new', { secret: 's-2' }));
    expect((await accounts.openKeys(id)).map(({ label, secret }) => [label, secret])).toEqual([
      ['new', 's-2'],
      ['old', 's-1'],
    ]);
    expect(unreadable).toEqual([]);
  });

  it('of a commercial provider are one for each user', async () => {
    const [a, b] = [await user('a@example.com'), await user('b@example.com')];
    expect(await accounts.addProviderKey(a, key())).not.toBeNull();
    expect(await accounts.addProviderKey(a, key({ label: 'another' }))).toBeNull();
    expect(await accounts.addProviderKey(b, key())).not.toBeNull();
    expect(await accounts.providerKeys(a)).toHaveLength(1);
  });

  it('of an own address are told apart by label', async () => {
    const id = await user('a@example.com');
    expect(await accounts.addProviderKey(id, hosted('one'))).not.toBeNull();
    expect(await accounts.addProviderKey(id, hosted('two'))).not.toBeNull();
    expect(await accounts.addProviderKey(id, hosted('one'))).toBeNull();
    expect(await accounts.addProviderKey(id, hosted(null))).not.toBeNull();
    expect(await accounts.providerKeys(id)).toHaveLength(3);
  });

  it('go when their owner removes them, once, and may come back then', async () => {
    const id = await user('a@example.com');
    const added = await accounts.addProviderKey(id, key());
    expect(await accounts.removeProviderKey(id, added?.id ?? '')).toBe(true);
    expect(await accounts.removeProviderKey(id, added?.id ?? '')).toBe(false);
    expect(await accounts.addProviderKey(id, key())).not.toBeNull();
  });

  it('are refused for a user that there is not', async () => {
    await expect(accounts.addProviderKey('nobody', key())).rejects.toThrow();
  });
});

describe('tenants', () => {
  it('see, open and remove nothing of each other', async () => {
    const [a, b] = [await user('a@example.com'), await user('b@example.com')];
    const added = await accounts.addProviderKey(a, key());
    expect(await accounts.providerKeys(b)).toEqual([]);
    expect(await accounts.openKeys(b)).toEqual([]);
    expect(await accounts.removeProviderKey(b, added?.id ?? '')).toBe(false);
    expect(await accounts.openKeys(a)).toMatchObject([{ secret: 'gsk_plain_secret' }]);
  });

  it.each([
    [
      'user',
      async (id: string) =>
        db
          .updateTable('provider_keys')
          .set({ user_id: await user('b@example.com') })
          .where('id', '=', id)
          .execute(),
    ],
    [
      'provider',
      (id: string) =>
        db.updateTable('provider_keys').set({ provider: 'openai' }).where('id', '=', id).execute(),
    ],
    [
      'address',
      (id: string) =>
        db
          .updateTable('provider_keys')
          .set({ base_url: 'https://evil.example' })
          .where('id', '=', id)
          .execute(),
    ],
  ])('cannot use a row that was moved to another %s; it is left out and reported', async (_, move) => {
    const a = await user('a@example.com');
    const added = await accounts.addProviderKey(a, key());
    await move(added?.id ?? '');
    const owners = await db.selectFrom('provider_keys').select('user_id').execute();
    expect(await accounts.openKeys(owners[0]?.user_id ?? '')).toEqual([]);
    expect(unreadable).toEqual([added?.id]);
  });

  it('keep their other keys where one cannot be read', async () => {
    const a = await user('a@example.com');
    const bad = await accounts.addProviderKey(a, key());
    await accounts.addProviderKey(a, key({ provider: 'openai', secret: 'sk-good' }));
    await db
      .updateTable('provider_keys')
      .set({ secret: 'junk' })
      .where('id', '=', bad?.id ?? '')
      .execute();
    expect((await accounts.openKeys(a)).map(({ secret }) => secret)).toEqual(['sk-good']);
    expect(unreadable).toEqual([bad?.id]);
  });
});

describe('files', () => {
  it('hold no secret in clear, and are for their owner alone', async () => {
    const id = await user('a@example.com');
    await accounts.addProviderKey(id, key());
    const data = join(root, 'data');
    for (const name of readdirSync(data))
      expect(readFileSync(join(data, name)).includes('gsk_plain_secret'), name).toBe(false);
    expect(statSync(data).mode & 0o777).toBe(0o700);
    expect(statSync(join(data, 'accounts.sqlite')).mode & 0o777).toBe(0o600);
  });

  it('answer a ping, and not once they are closed', async () => {
    await expect(accounts.ping()).resolves.toBeUndefined();
    await db.destroy();
    await expect(accounts.ping()).rejects.toThrow();
  });
});
