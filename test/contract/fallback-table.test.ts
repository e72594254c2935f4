import { describe, expect, it } from 'vitest';
import { account, events } from '../support/account.ts';
import { broken, completion, limited, refusal, streamed } from '../support/answers.ts';
import { standard, vendors } from '../support/standard.ts';
import type { Act } from '../support/upstream.ts';
import { fields, type WireError } from './wire.ts';

const parts = standard({
  config: (url) => ({
    providers: vendors(url),
    tiers: {
      five: {
        targets: ['openai:m', 'groq:m', 'deepseek:m', 'together:m', 'mistral:m'],
        timeouts: { headersMs: 200, firstContentMs: 200 },
        retries: 0,
      },
    },
  }),
});
const FIVE = ['openai', 'groq', 'deepseek', 'together', 'mistral'];
const HELLO: Act = { whole: completion('Hello.'), stream: streamed('Hello.') };
const QUOTA = { message: 'quota', type: 'insufficient_quota', code: 'insufficient_quota' };
const gone = refusal(404, { message: 'no such model', code: 'model_not_found' });

async function ask(acts: readonly Act[], stream: boolean, providers = FIVE.slice(0, acts.length)) {
  const user = await account(parts.gateway, providers);
  for (const [index, act] of acts.entries()) parts.upstream.script(providers[index] ?? '', act);
  const response = await user.chat({ model: 'five', stream });
  const text = await response.text();
  const error = response.ok ? null : (JSON.parse(text) as { error: WireError }).error;
  return { user, response, text, error, headers: response.headers };
}

describe.each([false, true])('a chain, stream: %s', (stream) => {
  it('is walked to its end, over every kind of failure that is not the caller’s', async () => {
    const acts = [refusal(503), limited('60'), refusal(401, { message: 'bad key' }), gone, HELLO];
    const { response, user } = await ask(acts, stream);
    expect(response.status).toBe(200);
    const [row] = await user.logs();
    expect(row).toMatchObject({ status: 'fallback_success', provider: 'mistral' });
    expect(row?.attempts.map(({ outcome }) => outcome)).toEqual([
      'overloaded',
      'rate_limited',
      'bad_credential',
      'model_not_found',
      'ok',
    ]);
  });

  it('is walked over timeouts, cut connections, junk and empty purses too', async () => {
    const junk: Act = { status: 200, body: '<html>' };
    const { response, user } = await ask(
      [{ hang: true }, { reset: true }, junk, refusal(402, QUOTA), HELLO],
      stream,
    );
    expect(response.status).toBe(200);
    expect((await user.logs())[0]?.attempts.map(({ outcome }) => outcome)).toEqual([
      'timeout',
      'unreachable',
      'malformed',
      'quota_exhausted',
      'ok',
    ]);
  });

  it.each([
    [400, { message: 'your mistake', type: 'invalid_request_error', param: 'top_k', code: 'odd' }],
    [422, { message: 'your mistake', type: 'invalid_request_error', param: null, code: null }],
    [400, { message: 'your mistake', code: 'content_policy_violation' }],
  ])('ends at once with the caller’s own mistake or a refused content: %i %j', async (status, said) => {
    await parts.upstream.clear();
    const { response, error } = await ask([refusal(status, said), HELLO], stream);
    expect([response.status, error?.message, error?.type]).toEqual([
      status,
      'your mistake',
      'invalid_request_error',
    ]);
    expect(fields(error)).toEqual(['code', 'message', 'param', 'type']);
    expect(await parts.upstream.seen('groq')).toEqual([]);
  });
});

describe.each([false, true])('when every candidate failed, stream: %s', (stream) => {
  it.each([
    ['one limit', [limited('9')], 429, 'rate_limit_error', '9'],
    ['limits that say nothing', [limited(), limited()], 429, 'rate_limit_error', '1'],
    ['one timeout', [{ hang: true }], 504, 'gateway_timeout', null],
    ['one 5xx', [refusal(500)], 502, 'provider_error', null],
    [
      'a limit, a 5xx and a timeout',
      [limited('9'), refusal(502), { hang: true }],
      503,
      'service_unavailable_error',
      undefined,
    ],
    ['a connection error and a timeout', [{ reset: true }, { hang: true }], 502, 'provider_error', null],
    ['five 5xx', FIVE.map(() => refusal(500)), 502, 'provider_error', null],
  ] satisfies [string, Act[], number, string, (string | null | undefined)?][])(
    '%s: status, type and Retry-After are the documented ones',
    async (_, acts, status, type, retryAfter) => {
      const { response, error, headers } = await ask(acts, stream);
      expect([response.status, error?.type]).toEqual([status, type]);
      if (retryAfter !== undefined) expect(headers.get('retry-after')).toBe(retryAfter);
      expect(headers.get('x-should-retry')).toBe('false');
      for (const provider of FIVE.slice(0, acts.length)) expect(error?.message).toContain(`${provider}:m`);
    },
  );

  it('all keys refused: it says which', async () => {
    const refused = refusal(403, { message: 'forbidden' });
    const { response, error } = await ask([refused, refusal(401, { message: 'bad' })], stream);
    expect([response.status, error?.type, error?.code]).toEqual([502, 'provider_error', 'provider_auth']);
    expect(error?.message).toMatch(/openai.*groq/);
  });

  it('all out of quota: no Retry-After, whatever the providers say', async () => {
    const empty = refusal(429, QUOTA, { 'retry-after': '30' });
    const { response, error, headers } = await ask([empty, empty], stream);
    expect([response.status, error?.code, headers.get('retry-after')]).toEqual([
      429,
      'insufficient_quota',
      null,
    ]);
  });

  it('all cooling down: nobody is called, and Retry-After is the earliest end', async () => {
    const { user } = await ask([limited('50'), limited('30'), limited('40')], stream);
    await parts.upstream.clear();
    const response = await user.chat({ model: 'five', stream });
    const seconds = Number(response.headers.get('retry-after'));
    expect(response.status).toBe(429);
    expect(seconds).toBeGreaterThan(20);
    expect(seconds).toBeLessThanOrEqual(30);
    const { error } = (await response.json()) as { error: WireError };
    for (const provider of FIVE.slice(0, 3))
      expect(error.message).toMatch(new RegExp(`${provider}:m[^;]*until \\d{4}-\\d\\d-\\d\\dT`));
    expect(await parts.upstream.seen()).toEqual([]);
  });
});

describe('a stream', () => {
  it.each([
    ['before a word', broken('', 'reset')],
    ['with a role and nothing else', broken('', 'end')],
    ['with an error event', { sse: ['data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'] }],
  ] satisfies [string, Act][])('that breaks %s goes to the next, and nobody can tell', async (_, act) => {
    const { user, text } = await ask([act, HELLO], true);
    expect(text).not.toContain('"error"');
    expect(text.match(/"role":"assistant"/g)).toHaveLength(1);
    expect(text).toContain('"provider":"groq"');
    expect((await user.logs())[0]).toMatchObject({ status: 'fallback_success' });
  });

  it('that breaks after its first content ends with one error event of four fields, without [DONE]', async () => {
    const user = await account(parts.gateway, ['openai', 'groq']);
    parts.upstream.script('openai', broken('One two ', 'reset'));
    await parts.upstream.clear();
    const told = await events(await user.chat({ model: 'five', stream: true }));
    const last = told.at(-1) as { error: WireError };
    expect(fields(last)).toEqual(['error']);
    expect(fields(last.error)).toEqual(['code', 'message', 'param', 'type']);
    expect(last.error.type).toBe('provider_error');
    expect(told.filter((event) => event === '[DONE]' || 'error' in (event as object))).toHaveLength(1);
    expect(await parts.upstream.seen('groq')).toEqual([]);
  });
});
