import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { completion } from '../support/answers.ts';
import { runCli, startGateway } from '../support/gateway.ts';
import { standard, vendors } from '../support/standard.ts';
import { asking, MICROS, UUID } from './wire.ts';

const parts = standard({
  config: (url) => ({
    providers: {
      ...vendors(url),
      groq: { baseUrl: `${url}/groq/v1`, residency: 'eu' },
      acme: { use: 'openai-compatible', baseUrl: `${url}/acme/v1`, residency: 'eu' },
    },
    selfHosted: { privateAddresses: true },
  }),
});
const gateway = () => parts.gateway;
const OWN = { provider: 'self_hosted', api_key: 'k', declared_region: 'India' };

describe('POST /v1/users', () => {
  it('is a 201 with id, address and the key, shown once; the same address again is a 409', async () => {
    const email = `${Math.random()}@example.com`;
    const made = await asking(gateway)('POST', '/v1/users', { email });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      user_id: expect.stringMatching(UUID),
      email,
      api_key: expect.stringMatching(/^ib_[0-9A-Za-z]{32}$/),
      shown_once: true,
    });
    const again = await asking(gateway)('POST', '/v1/users', { email });
    expect([again.status, again.body.error.type]).toEqual([409, 'conflict_error']);
  });

  it('is a 422 for what is no address', async () => {
    const { status, body } = await asking(gateway)('POST', '/v1/users', { email: 'nobody at home' });
    expect([status, body.error.type]).toEqual([422, 'invalid_request_error']);
  });
});

describe('POST /v1/keys', () => {
  it.each([
    ['openai', 'global'],
    ['anthropic', 'global'],
    ['deepseek', 'global'],
    ['together', 'global'],
    ['cohere', 'global'],
    ['gemini', 'global'],
    ['sarvam', 'india'],
    ['krutrim', 'india'],
    ['mistral', 'eu'],
    ['groq', 'eu'],
    ['acme', 'eu'],
  ])('takes a key for %s, whose data stays in %s', async (provider, residency) => {
    const user = await account(parts.gateway);
    const { status, body } = await asking(gateway, user.key)('POST', '/v1/keys', {
      provider,
      api_key: 'sk-secret-of-mine',
    });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.any(String),
      provider,
      residency,
      declared_region: null,
      base_url: null,
      label: null,
      created_at: expect.stringMatching(MICROS),
    });
  });

  it('has one key for each commercial provider: the second is a 409', async () => {
    const call = asking(gateway, (await account(parts.gateway, ['openai'])).key);
    const { status, body } = await call('POST', '/v1/keys', { provider: 'openai', api_key: 'sk-2' });
    expect([status, body.error.type]).toEqual([409, 'conflict_error']);
  });

  it('has several self_hosted keys, told apart by labels of up to 128 characters', async () => {
    const call = asking(gateway, (await account(parts.gateway)).key);
    const add = (label: string) =>
      call('POST', '/v1/keys', { ...OWN, base_url: 'https://llm.example.com/v1', label });
    const first = await add('x'.repeat(128));
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({ residency: 'india', declared_region: 'India' });
    expect((await add('y')).status).toBe(201);
    expect((await add('y')).status).toBe(409);
    expect((await add('z'.repeat(129))).status).toBe(422);
  });

  it.each([
    'https://llm.example.com/v1',
    'http://localhost:8000/v1',
    'http://gpu.localhost:8000/v1',
    'http://127.0.0.2:8000/v1',
    'http://[::1]:8000/v1',
    'http://10.1.2.3/v1',
    'http://172.16.0.9/v1',
    'http://192.168.1.7/v1',
    'http://169.254.10.10/v1',
    'http://[fe80::1]/v1',
    'http://[fd00::1]/v1',
  ])('takes the address %s where the operator allows private ones', async (base_url) => {
    const call = asking(gateway, (await account(parts.gateway)).key);
    expect((await call('POST', '/v1/keys', { ...OWN, base_url })).status).toBe(201);
  });

  it.each(['http://llm.example.com/v1', 'http://8.8.8.8/v1'])(
    'wants https for %s even there',
    async (base_url) => {
      const call = asking(gateway, (await account(parts.gateway)).key);
      const { status, body } = await call('POST', '/v1/keys', { ...OWN, base_url });
      expect([status, body.error.param]).toEqual([422, 'base_url']);
    },
  );
});

describe('the keys of a user', () => {
  it('are listed as they were answered, without the secret, and gone after a 204', async () => {
    const user = await account(parts.gateway);
    const call = asking(gateway, user.key);
    const { body: made } = await call('POST', '/v1/keys', { provider: 'openai', api_key: 'sk-secret-7731' });
    const listed = await call('GET', '/v1/keys');
    expect([listed.status, listed.body]).toEqual([200, [made]]);
    expect(JSON.stringify([made, listed.body])).not.toContain('7731');
    const gone = await call('DELETE', `/v1/keys/${made.id}`);
    expect([gone.status, gone.body]).toEqual([204, null]);
    expect((await call('GET', '/v1/keys')).body).toEqual([]);
  });

  it('are 404 where there is none such, or it is another’s', async () => {
    const [ada, bob] = [await account(parts.gateway, ['openai']), await account(parts.gateway)];
    const [{ id }] = (await asking(gateway, ada.key)('GET', '/v1/keys')).body;
    for (const one of [id, '00000000-0000-4000-8000-000000000000']) {
      const { status, body } = await asking(gateway, bob.key)('DELETE', `/v1/keys/${one}`);
      expect([status, body.error.type]).toEqual([404, 'not_found_error']);
    }
  });

  it('are Fernet tokens at rest, and a rotation re-encrypts them under the new first key', async () => {
    const key = async () => (await runCli(['keys', 'generate'])).output.trim();
    const [old, fresh] = [await key(), await key()];
    const providers = vendors(parts.upstream.url);
    const first = await startGateway({ config: { providers }, env: { INFERBRIDGE_ENCRYPTION_KEY: old } });
    const user = await account(first, ['openai']);
    await first.stop();
    const secret = () => {
      const accounts = new DatabaseSync(join(first.dir, 'data', 'accounts.sqlite'));
      const [row] = accounts.prepare('SELECT secret FROM provider_keys').all();
      accounts.close();
      return String(row?.['secret']);
    };
    const before = secret();
    expect(before).toMatch(/^gAAAAA[\w-]+=*$/);
    expect(readFileSync(join(first.dir, 'data', 'accounts.sqlite'), 'latin1')).not.toContain('sk-openai');
    const config = join(first.dir, 'inferbridge.config.json');
    const rotated = await runCli(['keys', 'rotate', '--config', config], {
      cwd: first.dir,
      env: { INFERBRIDGE_ENCRYPTION_KEY: `${fresh},${old}` },
    });
    expect(rotated.code, rotated.output).toBe(0);
    expect(secret()).not.toBe(before);
    const second = await startGateway({
      dir: first.dir,
      config: { providers },
      env: { INFERBRIDGE_ENCRYPTION_KEY: fresh },
    });
    parts.upstream.script('openai', completion('Still mine.'));
    const body = { model: 'openai:gpt-test', messages: [{ role: 'user', content: 'x' }] };
    const answer = await asking(() => second, user.key)('POST', '/v1/chat/completions', body);
    expect(answer.status).toBe(200);
    expect((await parts.upstream.seen('openai')).at(-1)?.headers['authorization']).toBe(
      `Bearer sk-openai-${user.userId}`,
    );
    await second.close();
  });
});

it('a user’s own key wins over the operator’s, which serves who has none', async () => {
  const own = await startGateway({
    config: {
      providers: {
        ...vendors(parts.upstream.url),
        openai: { baseUrl: `${parts.upstream.url}/openai/v1`, apiKey: 'sk-operator' },
      },
    },
  });
  parts.upstream.script('openai', completion('Hello.'));
  const ask = async (providers: string[]) => {
    const user = await account(own, providers);
    expect((await user.chat({ model: 'openai:gpt-test' })).status).toBe(200);
    const sent = (await parts.upstream.seen('openai')).at(-1)?.headers['authorization'];
    return sent?.replace(user.userId, 'ME');
  };
  expect([await ask([]), await ask(['openai'])]).toEqual(['Bearer sk-operator', 'Bearer sk-openai-ME']);
  await own.close();
});
