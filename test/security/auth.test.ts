import { beforeAll, describe, expect, it } from 'vitest';
import { generateApiKey } from '../../packages/server/src/secrets/api-key.ts';
import { type Account, account, PROMPT } from '../support/account.ts';
import { completion } from '../support/answers.ts';
import { runCli, startGateway } from '../support/gateway.ts';
import { standard } from '../support/standard.ts';
import { ask, call } from './support/asking.ts';
import { onAccounts, placesOf } from './support/data.ts';

const parts = standard({ config: () => ({ tiers: { one: { targets: ['openai:gpt-6-luna'] } } }) });
const CHAT = JSON.stringify({ model: 'one', messages: PROMPT });
let user: Account;
beforeAll(async () => {
  user = await account(parts.gateway);
});

/** What an answer that tells nothing looks like, byte by byte. */
const REFUSED =
  '{"error":{"message":"invalid or missing API key","type":"authentication_error","param":null,"code":"invalid_api_key"}}';

describe('a key that is none', () => {
  const good = () => user.key;
  const MALFORMED: readonly (readonly [string, () => Record<string, string | string[]>])[] = [
    ['no header', () => ({})],
    ['an empty header', () => ({ authorization: '' })],
    ['the scheme alone', () => ({ authorization: 'Bearer' })],
    ['the scheme and a space', () => ({ authorization: 'Bearer ' })],
    ['a key without a scheme', () => ({ authorization: good() })],
    ['another scheme', () => ({ authorization: `Basic ${good()}` })],
    ['two keys in one header', () => ({ authorization: `Bearer ${good()} ${good()}` })],
    ['two keys with a comma', () => ({ authorization: `Bearer ${good()}, Bearer ${good()}` })],
    ['a key in quotes', () => ({ authorization: `Bearer "${good()}"` })],
    ['a tab before the key', () => ({ authorization: `Bearer\t${good()}` })],
    ['the scheme run into the key', () => ({ authorization: `Bearer${good()}` })],
    ['a key cut short', () => ({ authorization: `Bearer ${good().slice(0, -1)}` })],
    ['a key with one more', () => ({ authorization: `Bearer ${good()}0` })],
    ['a key in capitals', () => ({ authorization: `Bearer ${good().toUpperCase()}` })],
    ['a well-formed one of nobody', () => ({ authorization: `Bearer ${generateApiKey('ib_')}` })],
    ['a legacy one of nobody', () => ({ authorization: `Bearer agni_${'a'.repeat(32)}` })],
    ['an operator’s of nobody', () => ({ authorization: `Bearer ${generateApiKey('ib_admin_')}` })],
    ['SQL', () => ({ authorization: `Bearer ib_'/**/OR/**/1=1--` })],
    ['a name of every object', () => ({ authorization: 'Bearer __proto__' })],
    ['Latin-1', () => ({ authorization: 'Bearer ib_\xe9\xfc' })],
    ['10,000 characters', () => ({ authorization: `Bearer ib_${'a'.repeat(10_000)}` })],
    ['two headers, both good', () => ({ authorization: [`Bearer ${good()}`, `Bearer ${good()}`] })],
    ['a bad header before a good one', () => ({ Authorization: ['Bearer x', `Bearer ${good()}`] })],
    ['a good header before a bad one', () => ({ authorization: [`Bearer ${good()}`, 'Bearer x'] })],
    ['a bad header beside a good x-api-key', () => ({ authorization: 'Bearer x', 'x-api-key': good() })],
    ['an empty header beside a good x-api-key', () => ({ authorization: '', 'x-api-key': good() })],
    ['x-api-key twice', () => ({ 'x-api-key': [good(), good()] })],
    ['an empty x-api-key', () => ({ 'x-api-key': '' })],
    ['a proxy’s header', () => ({ 'proxy-authorization': `Bearer ${good()}` })],
    ['a cookie', () => ({ cookie: `api_key=${good()}; authorization=Bearer ${good()}` })],
  ];

  it.each(MALFORMED)('%s: 401, and always the same words', async (_, headers) => {
    for (const [method, path, body] of [
      ['GET', '/v1/keys', undefined],
      ['POST', '/v1/chat/completions', CHAT],
      ['GET', '/v1/admin/users', undefined],
      ['GET', '/v1/providers/health', undefined],
    ] as const) {
      const told = await ask(parts.gateway, method, path, { headers: headers(), ...(body && { body }) });
      expect([path, told.status, told.text]).toEqual([path, 401, REFUSED]);
      expect(told.headers['www-authenticate']).toBe('Bearer');
    }
  });

  it('is nothing that a dialect words otherwise: Anthropic’s shape, 401, the same words each time', async () => {
    const bodies = new Set<string>();
    for (const [, headers] of MALFORMED) {
      const told = await ask(parts.gateway, 'POST', '/v1/messages', {
        headers: { ...headers(), 'x-request-id': 'same' },
        body: CHAT,
      });
      expect(told.status).toBe(401);
      bodies.add(told.text);
    }
    expect([...bodies]).toEqual([expect.stringContaining('"type":"authentication_error"')]);
  });

  it('and the same key, sent as it should be, is one', async () => {
    for (const headers of [
      { authorization: `Bearer ${user.key}` },
      { authorization: `bearer  ${user.key}` },
      { 'x-api-key': user.key },
      { 'api-key': user.key },
    ])
      expect((await ask(parts.gateway, 'GET', '/v1/keys', { headers })).status).toBe(200);
  });
});

it('a wrong checksum is a 401 without any question to the database', async () => {
  const gateway = await startGateway();
  try {
    const { key } = await account(gateway);
    const typo = key.slice(0, 10) + (key[10] === 'a' ? 'b' : 'a') + key.slice(11);
    const status = async (one: string, path = '/v1/keys') =>
      (await call(gateway, one, path === '/v1/keys' ? 'GET' : 'POST', path, CHAT)).status;
    // whatever asks these tables from now on fails
    onAccounts(gateway.dir, (db) => {
      for (const table of ['api_keys', 'operator_keys', 'users'])
        db.exec(`alter table ${table} rename to ${table}_away`);
    });
    for (const one of [typo, `${typo}0`, 'ib_', 'x', `ib_admin_${'a'.repeat(32)}`, `ib_${'0'.repeat(32)}`]) {
      expect([one, await status(one)]).toEqual([one, 401]);
      expect([one, await status(one, '/v1/chat/completions')]).toEqual([one, 401]);
    }
    // the trap works: a well-formed key does ask
    expect(await status(generateApiKey('ib_'))).toBeGreaterThanOrEqual(500);
    onAccounts(gateway.dir, (db) => {
      for (const table of ['api_keys', 'operator_keys', 'users'])
        db.exec(`alter table ${table}_away rename to ${table}`);
    });
    expect(await status(key)).toBe(200);
    expect(await status(typo)).toBe(401);
  } finally {
    await gateway.close();
  }
});

it('a key in the address is a 401, and is written nowhere', async () => {
  const gateway = await startGateway();
  try {
    const other = await account(gateway);
    for (const name of ['key', 'api_key', 'api-key', 'x-api-key', 'access_token', 'token', 'authorization'])
      for (const path of ['/v1/keys', '/v1/chat/completions', '/v1/admin/users', '/v1/nowhere', '/live'])
        for (const value of [other.key, `Bearer ${other.key}`]) {
          const address = `${path}?${name}=${encodeURIComponent(value)}`;
          const { status, text } = await ask(gateway, path.includes('chat') ? 'POST' : 'GET', address, {
            ...(path.includes('chat') && { body: CHAT }),
          });
          expect([address, status]).toEqual([
            address,
            path === '/live' ? 200 : path === '/v1/nowhere' ? 404 : 401,
          ]);
          expect(text).not.toContain(other.key);
        }
    await gateway.stop();
    expect(placesOf([other.key, other.key.slice(4)], gateway.dir, gateway.output())).toEqual([]);
  } finally {
    await gateway.close();
  }
});

describe('a key that is taken back is worth nothing at once, however warm', () => {
  const ROUTES = [
    ['POST', '/v1/chat/completions'],
    ['POST', '/v1/messages'],
    ['POST', '/v1/responses'],
    ['POST', '/v1/route/explain'],
    ['GET', '/v1/logs'],
    ['GET', '/v1/models'],
    ['POST', '/v1/users/me/keys'],
  ] as const;
  const closed = async (key: string) => {
    for (const [method, path] of ROUTES) {
      const body = method === 'POST' ? JSON.parse(CHAT) : undefined;
      expect([path, (await call(parts.gateway, key, method, path, body)).status]).toEqual([path, 401]);
    }
  };
  const warm = async () => {
    parts.upstream.script('openai', completion('Hello.'));
    const one = await account(parts.gateway, ['openai']);
    expect((await one.chat({ model: 'one' })).status).toBe(200);
    expect((await one.chat({ model: 'one' })).status).toBe(200);
    return one;
  };

  it('by its owner', async () => {
    const one = await warm();
    const [{ id }] = (await call(parts.gateway, one.key, 'GET', '/v1/users/me/keys')).body;
    expect((await call(parts.gateway, one.key, 'DELETE', `/v1/users/me/keys/${id}`)).status).toBe(204);
    await closed(one.key);
  });

  it('by a new one that revokes the others', async () => {
    const one = await warm();
    const made = await call(parts.gateway, one.key, 'POST', '/v1/users/me/keys', { revoke_others: true });
    await closed(one.key);
    expect((await call(parts.gateway, made.body.api_key, 'GET', '/v1/logs')).status).toBe(200);
  });

  it('with its account', async () => {
    const one = await warm();
    expect((await call(parts.gateway, one.key, 'DELETE', '/v1/users/me')).status).toBe(204);
    await closed(one.key);
  });

  it('the operator’s, by the command line, beside a running server', async () => {
    const gateway = await startGateway();
    try {
      const [first = ''] = /ib_admin_[0-9A-Za-z]{32}/.exec(gateway.output()) ?? [];
      expect((await call(gateway, first, 'GET', '/v1/admin/users')).status).toBe(200);
      const { code, output } = await runCli(['keys', 'operator', '--config', 'inferbridge.config.json'], {
        cwd: gateway.dir,
      });
      const [second = ''] = /ib_admin_[0-9A-Za-z]{32}/.exec(output) ?? [];
      expect([code, second === first]).toEqual([0, false]);
      expect((await call(gateway, first, 'GET', '/v1/admin/users')).status).toBe(401);
      expect((await call(gateway, second, 'GET', '/v1/admin/users')).status).toBe(200);
      await gateway.stop();
      expect(placesOf([first, second], `${gateway.dir}/data`, '')).toEqual([]);
    } finally {
      await gateway.close();
    }
  });
});
