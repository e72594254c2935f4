import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { startGateway } from '../support/gateway.ts';
import { standard } from '../support/standard.ts';
import { asking } from './wire.ts';

const parts = standard();
const gateway = () => parts.gateway;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

it.each([
  ['GET', '/live'],
  ['GET', '/health'],
  ['POST', '/v1/users'],
])('%s %s asks for no key', async (method, path) => {
  const { status } = await asking(gateway)(method, path, method === 'POST' ? { email: 'nobody' } : undefined);
  expect(status).toBe(method === 'POST' ? 422 : 200);
});

it.each([
  ['GET', '/v1/keys'],
  ['GET', '/v1/logs'],
  ['GET', '/v1/stats'],
  ['GET', '/v1/models'],
  ['GET', '/v1/audit/export'],
  ['POST', '/v1/chat/completions'],
  ['POST', '/v1/embeddings'],
  ['POST', '/v1/responses'],
  ['POST', '/v1/route/explain'],
])('%s %s says the same to a key that is missing, malformed, unknown or revoked', async (method, path) => {
  const user = await account(parts.gateway);
  const { body: fresh } = await asking(gateway, user.key)('POST', '/v1/users/me/keys', {
    revoke_others: true,
  });
  const other = fresh.api_key as string;
  const unknown = other.slice(0, 3) + [...other.slice(3)].reverse().join('');
  const body = method === 'POST' ? {} : undefined;
  for (const authorization of [undefined, 'Bearer junk', `Bearer ${unknown}`, `Bearer ${user.key}`]) {
    const answer = await asking(gateway)(method, path, body, authorization ? { authorization } : {});
    expect(answer.status, String(authorization)).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expect(answer.body).toEqual({
      error: {
        message: 'invalid or missing API key',
        type: 'authentication_error',
        param: null,
        code: 'invalid_api_key',
      },
    });
  }
});

it('a key is ib_ and 32 base62 characters, shown once, and only its SHA-256 is stored', async () => {
  const own = await startGateway();
  const { key } = await account(own);
  expect(key).toMatch(/^ib_[0-9A-Za-z]{32}$/);
  const { body } = await asking(() => own, key)('GET', '/v1/users/me/keys');
  expect(JSON.stringify(body)).not.toContain(key.slice(0, -4));
  await own.stop();
  const stored = readFileSync(join(own.dir, 'data', 'accounts.sqlite'), 'latin1');
  expect([stored.includes(sha256(key)), stored.includes(key)]).toEqual([true, false]);
  await own.close();
});

it('a legacy agni_ key that was stored before is a key like any other', async () => {
  const own = await startGateway();
  const user = await account(own);
  await own.stop();
  const legacy = `agni_${'Legacy0'.repeat(5).slice(0, 32)}`;
  const accounts = new DatabaseSync(join(own.dir, 'data', 'accounts.sqlite'));
  accounts
    .prepare("UPDATE api_keys SET hash = ?, prefix = 'agni_' WHERE user_id = ?")
    .run(sha256(legacy), user.userId);
  accounts.close();
  const again = await startGateway({ dir: own.dir });
  const me = await asking(() => again, legacy)('GET', '/v1/users/me');
  expect([me.status, me.body.user_id]).toEqual([200, user.userId]);
  expect((await asking(() => again, user.key)('GET', '/v1/users/me')).status).toBe(401);
  await again.close();
});

it('Anthropic’s clients send the same key as x-api-key, and get a 401 in their own words', async () => {
  const user = await account(parts.gateway);
  const as = (key: string) =>
    asking(gateway)('POST', '/v1/messages/count_tokens', { model: 'x', messages: [] }, { 'x-api-key': key });
  expect((await as(user.key)).status).not.toBe(401);
  const refused = await as('ib_nobody');
  expect(refused.status).toBe(401);
  expect(refused.body).toMatchObject({ type: 'error', error: { type: 'authentication_error' } });
});
