import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { completion, refusal, streamed } from '../support/answers.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { oneTarget, standard } from '../support/standard.ts';

const OPERATOR = 'ib_admin_of_these_tests_0123456789';
const parts = standard({
  env: { INFERBRIDGE_ADMIN_KEY: OPERATOR },
  config: (url) => ({
    ...oneTarget(url),
    limits: { signupsPerMinute: 100_000, rpm: 1_000 },
  }),
});
const HELLO = { whole: completion('Hello.'), stream: streamed('Hello.') };

const as =
  (key: string, gateway: () => TestGateway = () => parts.gateway) =>
  async (method: string, path: string, body?: object) => {
    const response = await gateway().fetch(path, {
      method,
      key,
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: text === '' ? null : JSON.parse(text),
      headers: response.headers,
    };
  };
const operator = as(OPERATOR);

describe('an account', () => {
  it('shows its address, limits and what it has used', async () => {
    const user = await account(parts.gateway, ['openai']);
    parts.upstream.script('openai', HELLO);
    await (await user.chat({ model: 'one' })).text();
    const { status, body } = await as(user.key)('GET', '/v1/users/me');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      user_id: user.userId,
      email: user.email,
      limits: { rpm: 1_000, tpm: null, usd_per_day: null, usd_per_month: null },
      usage: { day: { requests: 1, input_tokens: 10, output_tokens: 5 }, month: { requests: 1 } },
    });
    expect(body.created_at).toMatch(/\.\d{6}Z$/);
  });

  it('has several keys: listed without the key, made, revoked at once', async () => {
    const user = await account(parts.gateway);
    const first = as(user.key);
    const made = await first('POST', '/v1/users/me/keys', {});
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ prefix: 'ib_', shown_once: true, last_used_at: null });
    const second = as(made.body.api_key);
    expect((await second('GET', '/v1/users/me')).status).toBe(200);
    const listed = await first('GET', '/v1/users/me/keys');
    expect(listed.body).toHaveLength(2);
    expect(JSON.stringify(listed.body)).not.toContain(made.body.api_key);
    expect(listed.body[1]).toMatchObject({ id: made.body.id, last_four: made.body.api_key.slice(-4) });
    expect((await first('DELETE', `/v1/users/me/keys/${made.body.id}`)).status).toBe(204);
    expect((await second('GET', '/v1/users/me')).status).toBe(401);
    expect((await first('DELETE', `/v1/users/me/keys/${made.body.id}`)).status).toBe(404);
  });

  it('rotates: a new key, the others gone', async () => {
    const user = await account(parts.gateway);
    const { body } = await as(user.key)('POST', '/v1/users/me/keys', { revoke_others: true });
    expect((await as(user.key)('GET', '/v1/users/me')).status).toBe(401);
    expect((await as(body.api_key)('GET', '/v1/users/me')).status).toBe(200);
  });

  it('cannot touch another’s keys', async () => {
    const [ada, bob] = [await account(parts.gateway), await account(parts.gateway)];
    const [{ id }] = (await as(bob.key)('GET', '/v1/users/me/keys')).body;
    expect((await as(ada.key)('DELETE', `/v1/users/me/keys/${id}`)).status).toBe(404);
  });

  it('goes with its keys, its rows and its cached answers', async () => {
    const gateway = await startGateway({
      config: oneTarget(parts.upstream.url),
    });
    const user = await account(gateway, ['openai']);
    parts.upstream.script('openai', { whole: completion('sentinel-goes-8812'), stream: streamed('x') });
    const ask = (headers: Record<string, string>) => user.chat({ model: 'one' }, headers);
    await (await ask({ 'x-inferbridge-cache': 'true', 'x-request-id': 'request-goes-8812' })).text();
    expect(await user.logs()).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await as(user.key, () => gateway)('DELETE', '/v1/users/me')).status).toBe(204);
    expect((await ask({})).status).toBe(401);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await gateway.stop();
    const data = join(gateway.dir, 'data');
    for (const name of readdirSync(data))
      for (const word of ['sentinel-goes-8812', user.email, ...(name.startsWith('logs') ? [] : [])])
        expect([name, readFileSync(join(data, name)).includes(word)]).toEqual([name, false]);
    const again = await startGateway({ dir: gateway.dir, config: {} });
    const back = await again.fetch('/v1/users', {
      method: 'POST',
      body: JSON.stringify({ email: user.email }),
    });
    expect(back.status).toBe(201);
    await again.close();
  });
});

describe('a provider key', () => {
  it('changes its label and its secret, and nothing else', async () => {
    const user = await account(parts.gateway, ['openai']);
    const call = as(user.key);
    const [{ id }] = (await call('GET', '/v1/keys')).body;
    expect((await call('PATCH', `/v1/keys/${id}`, { label: 'mine' })).body).toMatchObject({
      id,
      label: 'mine',
    });
    parts.upstream.script('openai', refusal(401, { message: 'bad key', code: 'invalid_api_key' }), HELLO);
    expect((await user.chat({ model: 'one' })).status).toBe(502);
    expect((await user.chat({ model: 'one' })).status).not.toBe(200);
    const changed = await call('PATCH', `/v1/keys/${id}`, { api_key: 'sk-new-secret-4411' });
    expect(changed.status).toBe(200);
    expect(JSON.stringify(changed.body)).not.toContain('4411');
    expect((await user.chat({ model: 'one' })).status).toBe(200);
    expect((await parts.upstream.seen('openai')).at(-1)?.headers['authorization']).toBe(
      'Bearer sk-new-secret-4411',
    );
    for (const body of [
      { base_url: 'https://evil.example' },
      { provider: 'groq' },
      { api_key: '' },
      { api_key: 'a b' },
      { label: 7 },
    ])
      expect((await call('PATCH', `/v1/keys/${id}`, body)).status).toBe(422);
    const other = as((await account(parts.gateway)).key);
    expect((await other('PATCH', `/v1/keys/${id}`, { label: 'theirs' })).status).toBe(404);
    expect((await other('POST', `/v1/keys/${id}/test`)).status).toBe(404);
  });

  it('is tested with one cheap call, and nothing of the answer is told', async () => {
    const user = await account(parts.gateway, ['openai']);
    const call = as(user.key);
    const [{ id }] = (await call('GET', '/v1/keys')).body;
    parts.upstream.script(
      'openai',
      { status: 200, body: '{"object":"list","data":[]}' },
      refusal(401, { message: 'Incorrect API key provided: sk-leak-1234', code: 'invalid_api_key' }),
    );
    expect((await call('POST', `/v1/keys/${id}/test`)).body).toEqual({ ok: true });
    expect((await call('POST', `/v1/keys/${id}/test`)).body).toEqual({ ok: false, class: 'bad_credential' });
  });
});

describe('the operator', () => {
  it('lists users page by page, and finds one by address', async () => {
    for (let i = 0; i < 3; i++) await account(parts.gateway);
    const user = await account(parts.gateway);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { status, body } = await operator(
        'GET',
        `/v1/admin/users?limit=2${cursor && `&cursor=${cursor}`}`,
      );
      expect(status).toBe(200);
      seen.push(...body.data.map(({ user_id: id }: { user_id: string }) => id));
      cursor = body.next_cursor ?? '';
    } while (cursor !== '');
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen[0]).toBe(user.userId);
    const found = await operator('GET', `/v1/admin/users?email=${encodeURIComponent(user.email)}`);
    expect(found.body.data).toMatchObject([{ user_id: user.userId }]);
    expect((await operator('GET', '/v1/admin/users?cursor=junk')).status).toBe(422);
    expect((await operator('GET', '/v1/admin/users?limit=0')).status).toBe(422);
  });

  it('limits a user at once', async () => {
    const user = await account(parts.gateway, ['openai']);
    parts.upstream.script('openai', HELLO);
    expect((await user.chat({ model: 'one' })).status).toBe(200);
    const path = `/v1/admin/users/${user.userId}`;
    const limited = await operator('PATCH', path, { limits: { rpm: 1, usd_per_day: 2.5 } });
    expect(limited.body.limits).toEqual({ rpm: 1, tpm: null, usd_per_day: 2.5, usd_per_month: null });
    expect((await user.chat({ model: 'one' })).status).toBe(429);
    expect((await operator('PATCH', path, { limits: { rpm: null } })).body.limits.rpm).toBe(1_000);
    for (const limits of [{ rpm: 0 }, { rpm: '5' }, { usd_per_day: -1 }, { what: 1 }, null])
      expect((await operator('PATCH', path, { limits: limits as object })).status).toBe(422);
  });

  it('replaces a lost key, makes users, removes them', async () => {
    const user = await account(parts.gateway);
    const made = await operator('POST', `/v1/admin/users/${user.userId}/keys`, { revoke_others: true });
    expect(made.status).toBe(201);
    expect((await as(user.key)('GET', '/v1/users/me')).status).toBe(401);
    expect((await as(made.body.api_key)('GET', '/v1/users/me')).status).toBe(200);
    const invited = await operator('POST', '/v1/admin/users', {
      email: 'Invited@Example.com',
      limits: { rpm: 7 },
    });
    expect(invited.body).toMatchObject({
      email: 'invited@example.com',
      limits: { rpm: 7 },
      shown_once: true,
    });
    expect((await operator('POST', '/v1/admin/users', { email: 'invited@example.com' })).status).toBe(409);
    expect((await operator('DELETE', `/v1/admin/users/${invited.body.user_id}`)).status).toBe(204);
    expect((await as(invited.body.api_key)('GET', '/v1/users/me')).status).toBe(401);
    expect((await operator('GET', `/v1/admin/users/${invited.body.user_id}`)).status).toBe(404);
  });

  it('sees how providers do for everybody', async () => {
    const { status, body } = await operator('GET', '/v1/providers/health');
    expect(status).toBe(200);
    const openai = body.data.find(
      ({ provider, model }: Record<string, string>) => provider === 'openai' && model === 'gpt-6-luna',
    );
    expect(openai.last_hour.requests).toBeGreaterThan(2);
  });

  it('has routes of its own, and no others', async () => {
    const user = await account(parts.gateway);
    const routes = [
      ['GET', '/v1/admin/users'],
      ['POST', '/v1/admin/users'],
      ['GET', `/v1/admin/users/${user.userId}`],
      ['PATCH', `/v1/admin/users/${user.userId}`],
      ['DELETE', `/v1/admin/users/${user.userId}`],
      ['POST', `/v1/admin/users/${user.userId}/keys`],
      ['GET', '/v1/admin/signup-tokens'],
      ['POST', '/v1/admin/signup-tokens'],
      ['DELETE', '/v1/admin/signup-tokens/x'],
    ] as const;
    for (const [method, path] of routes) {
      expect([path, (await as(user.key)(method, path)).status]).toEqual([path, 403]);
      expect([path, (await as('ib_nobody')(method, path)).status]).toEqual([path, 401]);
    }
    for (const path of ['/v1/users/me', '/v1/keys', '/v1/logs', '/v1/stats', '/v1/models'])
      expect([path, (await operator('GET', path)).status]).toEqual([path, 403]);
    expect((await operator('POST', '/v1/chat/completions', { model: 'one' })).status).toBe(401);
  });
});

describe('sign-up', () => {
  it('by token: one user each, until it is too old', async () => {
    const gateway = await startGateway({
      config: { signup: 'token' },
      env: { INFERBRIDGE_ADMIN_KEY: OPERATOR },
    });
    const call = as(OPERATOR, () => gateway);
    const { body } = await call('POST', '/v1/admin/signup-tokens', { note: 'for Ada' });
    expect(body).toMatchObject({ note: 'for Ada', shown_once: true });
    const sign = (email: string, token?: unknown) =>
      as('', () => gateway)('POST', '/v1/users', {
        email,
        ...(token !== undefined && { signup_token: token }),
      });
    for (const bad of [undefined, '', 7, 'ib_signup_x', `${body.signup_token}x`])
      expect((await sign('ada@example.com', bad)).status).toBe(403);
    expect((await sign('ada@example.com', body.signup_token)).status).toBe(201);
    expect((await sign('bob@example.com', body.signup_token)).status).toBe(403);
    const [listed] = (await call('GET', '/v1/admin/signup-tokens')).body;
    expect(listed).toMatchObject({ id: body.id, note: 'for Ada' });
    expect(listed.used_at).not.toBeNull();
    expect(JSON.stringify(listed)).not.toContain(body.signup_token);
    expect((await call('DELETE', `/v1/admin/signup-tokens/${body.id}`)).status).toBe(204);
    await gateway.close();
  });

  it('counts by the client behind a proxy that is trusted, and by nobody’s own word', async () => {
    const gateway = await startGateway({
      config: { trustedProxies: ['127.0.0.0/8'], limits: { signupsPerMinute: 1 } },
    });
    const sign = async (address: string) =>
      (
        await gateway.fetch('/v1/users', {
          method: 'POST',
          headers: { 'x-forwarded-for': address },
          body: JSON.stringify({ email: `${Math.random()}@example.com` }),
        })
      ).status;
    expect(await sign('203.0.113.1')).toBe(201);
    expect(await sign('198.51.100.7, 203.0.113.1')).toBe(429);
    expect(await sign('203.0.113.2')).toBe(201);
    await gateway.close();
  });

  it('shows the operator’s key once, at the first start', async () => {
    const gateway = await startGateway();
    const [key = ''] = /ib_admin_[0-9A-Za-z]{32}/.exec(gateway.output()) ?? [];
    expect((await as(key, () => gateway)('GET', '/v1/admin/users')).status).toBe(200);
    await gateway.stop();
    const again = await startGateway({ dir: gateway.dir });
    expect(again.output()).not.toContain('ib_admin_');
    expect((await as(key, () => again)('GET', '/v1/admin/users')).status).toBe(200);
    for (const name of readdirSync(join(again.dir, 'data')))
      expect(readFileSync(join(again.dir, 'data', name)).includes(key)).toBe(false);
    await again.close();
  });
});
