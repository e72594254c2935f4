import { existsSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { completion, refusal } from '../support/answers.ts';
import { ROOT, startGateway, type TestGateway } from '../support/gateway.ts';
import { vendors } from '../support/standard.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { asking } from './wire.ts';

const ORIGIN = 'https://app.example.com';
let upstream: Upstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startUpstream();
  const dir = mkdtempSync(join(tmpdir(), 'inferbridge-'));
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(join(ROOT, 'node_modules/@inferbridge'), join(dir, 'node_modules/@inferbridge'));
  const stage = (name: string, effect: string) =>
    writeFileSync(
      join(dir, `${name}.mjs`),
      `import { defineMiddleware } from '@inferbridge/core';
import { z } from '${join(ROOT, 'node_modules/zod/index.js')}';
${effect}
export default defineMiddleware({ name: '${name}', options: z.object({ limit: z.number() }), create: ({ limit }) => async (call, next) => {
  if (call.request.value.messages.length > limit) throw new Error('too many');
  return next(call);
} });`,
    );
  stage('named', '');
  stage('unnamed', `import { writeFileSync } from 'node:fs'; writeFileSync('loaded', '');`);
  gateway = await startGateway({
    dir,
    config: {
      providers: {
        ...vendors(upstream.url),
        acme: {
          use: 'openai-compatible',
          baseUrl: `${upstream.url}/acme/v1`,
          apiKey: 'sk-acme',
          residency: 'eu',
          prices: { 'acme-1': { input: 1_000, output: 10_000 } },
        },
      },
      plugins: ['./named.mjs'],
      stages: ['logger', 'auth', ['named', { limit: 2 }], 'limits', 'cache', 'router'],
      cors: { origins: [ORIGIN] },
      bodyLimitBytes: 2_000,
      limits: { signupsPerMinute: 100_000, inFlight: 2 },
      tiers: {
        acme: { targets: ['acme:acme-1'] },
        quick: { targets: ['openai:m', 'groq:m'], timeouts: { firstContentMs: 150, headersMs: 150 } },
        thrice: { targets: ['openai:m'], retries: 1 },
        judged: { targets: ['openai:m', 'groq:m'], fallbackOn: { content_policy: true } },
        fragile: { targets: ['openai:fragile'], breaker: { failures: 1, openMs: 60_000 }, retries: 0 },
      },
    },
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

it('cors.origins lets pages of these origins read answers, and no others', async () => {
  const from = async (origin: string) => {
    const headers = {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    };
    const preflight = await gateway.fetch('/v1/chat/completions', { method: 'OPTIONS', headers });
    const plain = await gateway.fetch('/v1/keys', { headers: { origin } });
    return [preflight, plain].map((response) => response.headers.get('access-control-allow-origin'));
  };
  expect(await from(ORIGIN)).toEqual([ORIGIN, ORIGIN]);
  expect(await from('https://evil.example')).toEqual([null, null]);
});

it('bodyLimitBytes is what a body may have', async () => {
  const user = await account(gateway, ['openai']);
  upstream.script('openai', completion('Hello.'));
  const statusOf = async (size: number) =>
    (await user.chat({ model: 'thrice', user: 'x'.repeat(size) })).status;
  expect([await statusOf(1_500), await statusOf(2_500)]).toEqual([200, 413]);
});

it('limits.inFlight sheds what is more at once with a 503 that may be tried again', async () => {
  const user = await account(gateway, ['openai']);
  upstream.script('openai', { ...(completion('Slow.') as object), afterMs: 1_500 } as never);
  const answers = await Promise.all(Array.from({ length: 4 }, () => user.chat({ model: 'thrice' })));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 503, 503]);
  const shed = answers.find(({ status }) => status === 503);
  expect(await shed?.json()).toMatchObject({ error: { type: 'service_unavailable_error' } });
  expect([shed?.headers.get('retry-after'), shed?.headers.get('x-should-retry')]).toEqual(['1', 'true']);
});

it('a provider of the configuration’s own has its address, key, residency and prices', async () => {
  const user = await account(gateway);
  upstream.script('acme', completion('Hello.'));
  const body = (await (await user.chat({ model: 'acme' })).json()) as object;
  expect(body).toMatchObject({
    inferbridge: { provider: 'acme', model: 'acme-1', residency_actual: 'eu', cost_usd: '0.060000' },
  });
  expect((await upstream.seen('acme')).at(-1)?.headers['authorization']).toBe('Bearer sk-acme');
});

describe('a tier', () => {
  it('has timeouts of its own', async () => {
    const user = await account(gateway, ['openai', 'groq']);
    upstream.script('openai', { hang: true });
    upstream.script('groq', completion('Hello.'));
    expect((await user.chat({ model: 'quick' })).status).toBe(200);
    expect((await user.logs())[0]?.attempts[0]).toMatchObject({ provider: 'openai', outcome: 'timeout' });
  });

  it('says how often the same is tried again', async () => {
    const user = await account(gateway, ['openai']);
    upstream.script('openai', refusal(500));
    expect((await user.chat({ model: 'thrice' })).status).toBe(502);
    expect((await user.logs())[0]?.attempts).toHaveLength(2);
  });

  it('may let another one judge refused content', async () => {
    const user = await account(gateway, ['openai', 'groq']);
    upstream.script('openai', refusal(400, { message: 'no', code: 'content_policy_violation' }));
    upstream.script('groq', completion('Why not.'));
    expect((await user.chat({ model: 'judged' })).status).toBe(200);
    expect((await user.chat({ model: 'quick' })).status).toBe(400);
  });

  it('may open its breaker sooner', async () => {
    const user = await account(gateway, ['openai']);
    upstream.script('openai', refusal(500));
    await user.chat({ model: 'fragile' });
    const { body } = await asking(() => gateway, user.key)('GET', '/v1/providers/health');
    const found = body.data.find(({ model }: { model: string }) => model === 'fragile');
    expect(found).toMatchObject({ state: 'open', until: expect.any(String) });
  });
});

it('plugins are loaded where they are named, a stage with its options; nothing else is loaded', async () => {
  const user = await account(gateway, ['openai']);
  upstream.script('openai', completion('Hello.'));
  const messages = (count: number) => Array.from({ length: count }, () => ({ role: 'user', content: 'x' }));
  const statusOf = async (count: number) =>
    (await user.chat({ model: 'thrice', messages: messages(count) })).status;
  expect([await statusOf(2), await statusOf(3)]).toEqual([200, 500]);
  expect(existsSync(join(gateway.dir, 'loaded'))).toBe(false);
});

it('signup: closed lets nobody in but those whom the operator makes', async () => {
  const operator = 'ib_admin_of_these_tests_0123456789';
  const own = await startGateway({ config: { signup: 'closed' }, env: { INFERBRIDGE_ADMIN_KEY: operator } });
  const refused = await asking(() => own)('POST', '/v1/users', { email: 'a@example.com' });
  expect([refused.status, refused.body.error.type]).toEqual([403, 'permission_error']);
  const made = await asking(() => own, operator)('POST', '/v1/admin/users', { email: 'a@example.com' });
  expect((await asking(() => own, made.body.api_key)('GET', '/v1/users/me')).status).toBe(200);
  await own.close();
});

it('limits.signupsPerMinute bounds sign-ups from one address', async () => {
  const own = await startGateway({ config: { limits: { signupsPerMinute: 2 } } });
  const sign = async (email: string) => (await asking(() => own)('POST', '/v1/users', { email })).status;
  expect([await sign('a@example.com'), await sign('b@example.com'), await sign('c@example.com')]).toEqual([
    201, 201, 429,
  ]);
  await own.close();
});
