import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { completion, limited, refusal } from '../support/answers.ts';
import { standard, vendors } from '../support/standard.ts';
import type { Act } from '../support/upstream.ts';

const parts = standard({
  config: (url) => ({
    providers: vendors(url),
    tiers: {
      'ib/two': {
        targets: ['openai:gpt-test', 'groq:gpt-test'],
        timeouts: { headersMs: 150, firstContentMs: 150 },
        retries: 0,
      },
      'ib/claude': { targets: ['anthropic:claude-test'] },
    },
  }),
});

interface Row {
  readonly name: string;
  readonly acts: readonly [Act, Act];
  readonly status: number;
  readonly type: string;
  readonly code?: string | null;
  readonly retryAfter?: string | null;
}

const quota = refusal(429, { message: 'quota', type: 'insufficient_quota', code: 'insufficient_quota' });
const key = refusal(401, {
  message: 'Incorrect API key provided: sk-abcdefgh12345678',
  code: 'invalid_api_key',
});
const unsupported = refusal(400, {
  message: 'not here',
  type: 'invalid_request_error',
  param: 'logprobs',
  code: 'unsupported_parameter',
});
const gone = refusal(404, { message: 'gone', code: 'model_not_found' });
const long = refusal(400, {
  message: 'maximum context length is 8192 tokens',
  code: 'context_length_exceeded',
});

const TABLE: readonly Row[] = [
  {
    name: 'all 429',
    acts: [limited('20'), limited('7')],
    status: 429,
    type: 'rate_limit_error',
    retryAfter: '7',
  },
  {
    name: 'all 429 with a wait below a second',
    acts: [limited('0'), limited('60')],
    status: 429,
    type: 'rate_limit_error',
    retryAfter: '1',
  },
  { name: 'all timeouts', acts: [{ hang: true }, { hang: true }], status: 504, type: 'gateway_timeout' },
  { name: 'all 5xx', acts: [refusal(500), refusal(503)], status: 502, type: 'provider_error' },
  {
    name: 'connection errors',
    acts: [{ reset: true }, { reset: true }],
    status: 502,
    type: 'provider_error',
  },
  { name: '5xx with a timeout', acts: [refusal(500), { hang: true }], status: 502, type: 'provider_error' },
  {
    name: '429 with 5xx',
    acts: [limited('20'), refusal(500)],
    status: 503,
    type: 'service_unavailable_error',
  },
  {
    name: '429 with a timeout',
    acts: [{ hang: true }, limited('20')],
    status: 503,
    type: 'service_unavailable_error',
  },
  {
    name: 'all keys refused',
    acts: [key, key],
    status: 502,
    type: 'provider_error',
    code: 'provider_auth',
    retryAfter: null,
  },
  {
    name: 'all out of quota',
    acts: [quota, quota],
    status: 429,
    type: 'rate_limit_error',
    code: 'insufficient_quota',
    retryAfter: null,
  },
  {
    name: 'none can honour the request',
    acts: [unsupported, unsupported],
    status: 400,
    type: 'invalid_request_error',
    code: 'unsupported_parameter',
  },
  {
    name: 'nobody has the model',
    acts: [gone, gone],
    status: 404,
    type: 'not_found_error',
    code: 'model_not_found',
  },
  {
    name: 'too long for all',
    acts: [long, long],
    status: 400,
    type: 'invalid_request_error',
    code: 'context_length_exceeded',
  },
];

describe.each([false, true])('when every candidate failed, stream: %s', (stream) => {
  it.each(TABLE)('$name → $status $type', async ({ acts, status, type, code, retryAfter }) => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai', 'groq']);
    upstream.script('openai', acts[0]);
    upstream.script('groq', acts[1]);
    const response = await user.chat({ model: 'ib/two', stream });
    const { error } = (await response.json()) as {
      error: { type: string; code: string; message: string; param: string | null };
    };
    expect({ status: response.status, type: error.type }).toEqual({ status, type });
    if (code !== undefined) expect(error.code).toBe(code);
    if (retryAfter !== undefined) expect(response.headers.get('retry-after')).toBe(retryAfter);
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(error.message).toContain('openai:gpt-test');
    expect(error.message).toContain('groq:gpt-test');
    expect(error.message).not.toContain('sk-');
    expect((await user.logs())[0]).toMatchObject({ status: 'error', provider: null });
  });
});

it('names the parameter that nobody honours', async () => {
  const { gateway, upstream } = parts;
  const user = await account(gateway, ['openai', 'groq']);
  upstream.script('openai', unsupported);
  upstream.script('groq', unsupported);
  const body = (await (await user.chat({ model: 'ib/two' })).json()) as { error: { param: string } };
  expect(body.error.param).toBe('logprobs');
});

it('refuses to translate silently what a dialect cannot say', async () => {
  const { gateway, upstream } = parts;
  const user = await account(gateway, ['anthropic']);
  await upstream.clear();
  const response = await user.chat({ model: 'ib/claude', logprobs: true });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    error: { code: 'unsupported_parameter', param: 'logprobs' },
  });
  expect(await upstream.seen('anthropic')).toHaveLength(0);
});

it('calls nobody while all cool down, and says until when', async () => {
  const { gateway, upstream } = parts;
  const user = await account(gateway, ['openai', 'groq']);
  upstream.script('openai', limited('40'));
  upstream.script('groq', limited('30'));
  await user.chat({ model: 'ib/two' });
  await upstream.clear();
  const response = await user.chat({ model: 'ib/two' });
  expect(response.status).toBe(429);
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(29);
  expect(Number(response.headers.get('retry-after'))).toBeLessThanOrEqual(30);
  expect(await upstream.seen()).toHaveLength(0);
  const { error } = (await response.json()) as { error: { message: string } };
  expect(error.message).toMatch(/cooling down .* until 20\d\d-/);
  const [row] = await user.logs();
  expect(row?.attempts.map(({ outcome }) => outcome)).toEqual(['skipped', 'skipped']);
});

it('holds one user’s cool-down against nobody else', async () => {
  const { gateway, upstream } = parts;
  const one = await account(gateway, ['openai']);
  const other = await account(gateway, ['openai']);
  upstream.script('openai', limited('40'));
  expect((await one.chat({ model: 'ib/two' })).status).toBe(429);
  upstream.script('openai', completion('Hello.'));
  expect((await one.chat({ model: 'ib/two' })).status).toBe(429);
  expect((await other.chat({ model: 'ib/two' })).status).toBe(200);
});

it('an overridden model gets the provider’s own status and message, without the key', async () => {
  const { gateway, upstream } = parts;
  const user = await account(gateway, ['openai', 'groq']);
  upstream.script(
    'openai',
    refusal(418, { message: `Incorrect API key provided: sk-openai-${user.userId}`, type: 'odd' }),
  );
  const response = await user.chat(
    { model: 'ib/two' },
    { 'x-inferbridge-override-model': 'openai:gpt-test' },
  );
  expect(response.status).toBe(418);
  const { error } = (await response.json()) as { error: { message: string } };
  expect(error.message).toBe('Incorrect API key provided: [redacted]');
  upstream.script('openai', refusal(503, { message: 'busy' }));
  const busy = await user.chat({ model: 'ib/two' }, { 'x-inferbridge-override-model': 'openai:gpt-test' });
  expect([busy.status, busy.headers.get('x-should-retry')]).toEqual([503, 'false']);
});
