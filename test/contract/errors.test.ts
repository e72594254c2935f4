import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { account, PROMPT } from '../support/account.ts';
import { completion, limited, refusal } from '../support/answers.ts';
import { ROOT, startGateway } from '../support/gateway.ts';
import { standard, vendors } from '../support/standard.ts';
import { asking, fields, STATUSES_OF } from './wire.ts';

const OPERATOR = 'ib_admin_of_these_tests_0123456789';
const parts = standard({
  env: { INFERBRIDGE_ADMIN_KEY: OPERATOR },
  config: (url) => ({
    providers: vendors(url),
    tiers: {
      one: { targets: ['openai:m', 'groq:m'], retries: 0, timeouts: { headersMs: 100, firstContentMs: 100 } },
    },
    bodyLimitBytes: 10_000,
  }),
});
const CHAT = { model: 'one', messages: PROMPT };

it.each([
  [400, 'invalid_request_error', 'POST', '/v1/chat/completions', '{'],
  [400, 'invalid_request_error', 'POST', '/v1/users', '{'],
  [403, 'permission_error', 'GET', '/v1/admin/users', undefined],
  [403, 'permission_error', 'POST', '/v1/admin/users', {}],
  [404, 'not_found_error', 'GET', '/v1/models/nothing-like-it', undefined],
  [404, 'not_found_error', 'DELETE', '/v1/keys/nothing-like-it', undefined],
  [404, 'not_found_error', 'GET', '/nothing', undefined],
  [405, 'invalid_request_error', 'GET', '/v1/chat/completions', undefined],
  [405, 'invalid_request_error', 'DELETE', '/v1/users', undefined],
  [409, 'conflict_error', 'POST', '/v1/keys', { provider: 'openai', api_key: 'k' }],
  [413, 'invalid_request_error', 'POST', '/v1/chat/completions', { ...CHAT, user: 'x'.repeat(20_000) }],
  [422, 'invalid_request_error', 'POST', '/v1/chat/completions', { ...CHAT, temperature: 9 }],
  [422, 'invalid_request_error', 'POST', '/v1/embeddings', {}],
  [422, 'invalid_request_error', 'POST', '/v1/route/explain', { ...CHAT, temperature: 9 }],
  [422, 'invalid_request_error', 'GET', '/v1/logs?limit=1001', undefined],
])('%i %s for %s %s, in the one shape', async (status, type, method, path, body) => {
  const { key } = await account(parts.gateway, ['openai']);
  const answer = await asking(() => parts.gateway, key)(method, path, body);
  expect([answer.status, answer.body.error.type]).toEqual([status, type]);
  expect(fields(answer.body)).toEqual(['error']);
  expect(fields(answer.body.error)).toEqual(['code', 'message', 'param', 'type']);
  expect(answer.headers.get('content-type')).toContain('application/json');
  if (status === 422) {
    expect(answer.body.error).toMatchObject({ code: 'validation_error', param: expect.any(String) });
  }
});

it.each([
  ['rate_limit_error', {}, limited('9')],
  ['provider_error', {}, refusal(500)],
  ['gateway_timeout', {}, { hang: true }],
  ['provider_error', {}, { status: 200, body: 'junk' }],
  ['residency_error', { 'x-inferbridge-residency': 'india' }, completion('x')],
  ['invalid_request_error', { 'x-inferbridge-timeout': 'x' }, completion('x')],
  ['permission_error', { 'x-inferbridge-fault': 'openai=500' }, completion('x')],
] as const)('%s comes with its status, in the one shape, for a model call %j', async (type, headers, act) => {
  const user = await account(parts.gateway, ['openai']);
  parts.upstream.script('openai', act);
  for (const stream of [false, true]) {
    const response = await user.chat({ model: 'one', stream }, headers);
    const body = (await response.json()) as { error: { type: string } };
    expect(body.error.type).toBe(type);
    expect(STATUSES_OF[type]).toContain(response.status);
    expect(fields(body.error)).toEqual(['code', 'message', 'param', 'type']);
  }
});

it('503 service_unavailable_error where a limit stands among other failures', async () => {
  const user = await account(parts.gateway, ['openai', 'groq']);
  parts.upstream.script('openai', limited('9'));
  parts.upstream.script('groq', refusal(500));
  const response = await user.chat({ model: 'one' });
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ error: { type: 'service_unavailable_error' } });
});

it.each([301, 402, 404, 408, 410, 418, 429, 451, 498, 500, 529, 599])(
  'whatever a provider says, an overridden model’s error has a known type: %i',
  async (status) => {
    const user = await account(parts.gateway, ['openai']);
    parts.upstream.script(
      'openai',
      refusal(status, { message: 'said so', type: 'their_own_type', code: 'own' }),
    );
    const response = await user.chat({}, { 'x-inferbridge-override-model': 'openai:m' });
    const { error } = (await response.json()) as { error: { type: string; message: string } };
    expect(Object.keys(STATUSES_OF)).toContain(error.type);
    expect(fields(error)).toEqual(['code', 'message', 'param', 'type']);
    if (status >= 400) expect([response.status, error.message]).toEqual([status, 'said so']);
  },
);

it('500 api_error tells the client nothing of what happened inside', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'inferbridge-'));
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(join(ROOT, 'node_modules/@inferbridge'), join(dir, 'node_modules/@inferbridge'));
  writeFileSync(
    join(dir, 'boom.mjs'),
    `import { defineMiddleware } from '@inferbridge/core';
export default defineMiddleware({ name: 'boom', create: () => async () => { throw new Error('secret-inside at /etc/passwd'); } });`,
  );
  const own = await startGateway({
    dir,
    config: {
      providers: vendors(parts.upstream.url),
      plugins: ['./boom.mjs'],
      stages: ['logger', 'auth', 'boom', 'router'],
    },
  });
  const user = await account(own, ['openai']);
  for (const path of ['/v1/chat/completions', '/v1/messages', '/v1/responses']) {
    const body = { model: 'openai:m', messages: PROMPT, input: 'x', max_tokens: 5 };
    const answer = await asking(() => own, user.key)('POST', path, body);
    expect(answer.status).toBe(500);
    expect(JSON.stringify(answer.body)).not.toMatch(/secret|passwd|boom|node_modules|\bat /);
    if (path.endsWith('completions'))
      expect(answer.body).toEqual({
        error: { message: 'internal error', type: 'api_error', param: null, code: null },
      });
  }
  await own.close();
  rmSync(dir, { recursive: true, force: true });
});
