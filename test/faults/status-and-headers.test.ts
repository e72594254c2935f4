import { describe, expect, it } from 'vitest';
import { type Failing, passedOver } from '../support/fault-server-cases.ts';
import { ask, customer, rig, SECOND } from '../support/fault-server-rig.ts';
import {
  answer,
  atAccept,
  FIRST,
  fault,
  head,
  json,
  reset,
  sound,
  write,
} from '../support/fault-server-words.ts';

const SPARES = ['whole', 'streamed', ...Array.from({ length: 8 }, (_, i) => `spare-${i}`)];
const parts = rig({ spares: SPARES });

const status = (code: number, headers: Record<string, string> = {}) =>
  json({ error: { message: `status ${code}`, type: 'some_error', code: null } }, code, headers);
const empty = (code: number, headers: Record<string, string> = {}) =>
  fault(write(head(code, { 'content-length': '0', ...headers })));
const elsewhere = { location: '/v1/elsewhere' };

const STATUSES: readonly Failing[] = [
  ...[408, 409, 425, 500, 502, 504, 599].map((code) => ({
    name: `status ${code}`,
    fault: status(code),
    outcome: 'server_error',
    status: 502,
  })),
  ...[503, 529].map((code) => ({
    name: `status ${code}`,
    fault: status(code),
    outcome: 'overloaded',
    status: 502,
  })),
  { name: 'status 500 without a word', fault: empty(500), outcome: 'server_error', status: 502 },
  { name: 'status 401', fault: status(401), outcome: 'bad_credential', status: 502, code: 'provider_auth' },
  { name: 'status 403', fault: status(403), outcome: 'bad_credential', status: 502, code: 'provider_auth' },
  {
    name: 'status 404',
    fault: status(404),
    outcome: 'model_not_found',
    status: 404,
    code: 'model_not_found',
  },
  { name: 'status 204', fault: fault(write(head(204))), outcome: 'server_error', status: 502 },
  ...[300, 301, 302, 303, 304, 307, 308].map((code) => ({
    name: `status ${code}`,
    fault: empty(code, elsewhere),
    outcome: 'malformed',
    status: 502,
  })),
];
passedOver(parts, STATUSES);

const anthropic = (code: number, type: string) =>
  json({ type: 'error', error: { type, message: 'no' } }, code);
const ANTHROPICS: readonly Failing[] = [
  {
    name: 'an overloaded_error',
    fault: anthropic(529, 'overloaded_error'),
    outcome: 'overloaded',
    status: 502,
  },
  { name: 'an api_error', fault: anthropic(500, 'api_error'), outcome: 'server_error', status: 502 },
  {
    name: 'an authentication_error',
    fault: anthropic(401, 'authentication_error'),
    outcome: 'bad_credential',
    status: 502,
    code: 'provider_auth',
  },
  { name: 'a redirect', fault: empty(307, elsewhere), outcome: 'malformed', status: 502 },
];
passedOver(parts, ANTHROPICS, 'anthropic');

describe.each([false, true])('a status, stream: %s', (stream) => {
  it.each([301, 302, 307, 308])('%s is followed nowhere', async (code) => {
    await parts.faulty.script(empty(code, elsewhere), sound('openai', stream));
    expect((await ask(parts, { stream })).text).toBe(SECOND);
    const { requests } = await parts.faulty.witnessed();
    expect(requests.map(({ head: text }) => text.split('\r\n')[0])).toEqual([
      'POST /v1/chat/completions HTTP/1.1',
    ]);
  });

  it('of a redirect has its own code where there is nobody else', async () => {
    await parts.faulty.script(empty(302, elsewhere));
    expect((await ask(parts, { stream, tier: 'one' })).error?.code).toBe('unexpected_redirect');
  });

  it.each([400, 422])('%s comes back with the provider’s words, and is held against nobody', async (code) => {
    const error = { message: 'top_k is odd', type: 'invalid_request_error', param: 'top_k', code: 'odd' };
    await parts.faulty.script(json({ error }, code));
    const user = await customer(parts);
    for (let i = 0; i < 6; i++) {
      const told = await ask(parts, { stream, user });
      expect([told.status, told.error]).toEqual([code, error]);
      expect(told.attempts).toEqual([['compatible', 'invalid_request']]);
    }
    await parts.faulty.script(sound('openai', stream));
    expect((await ask(parts, { stream, user })).attempts).toEqual([['compatible', 'ok']]);
  });

  it('413 is a prompt that is too long: 400, as context_length_exceeded', async () => {
    await parts.faulty.script(status(413));
    const told = await ask(parts, { stream, tier: 'one' });
    expect([told.status, told.error]).toMatchObject([400, { code: 'context_length_exceeded' }]);
  });

  it('401 keeps everybody from that key, and from no other', async () => {
    await parts.faulty.script(status(401), sound('openai', stream));
    const one = await ask(parts, { stream });
    expect(one.text).toBe(SECOND);
    const again = await ask(parts, { stream, user: one.user });
    expect([again.text, again.attempts[0]]).toEqual([SECOND, ['compatible', 'skipped']]);
    expect((await ask(parts, { stream })).text).toBe(FIRST);
    expect((await parts.faulty.witnessed()).requests).toHaveLength(2);
  });
});

describe.each([false, true])('a limit, stream: %s', (stream) => {
  it('is not waited for where somebody else is free, and keeps the provider away for its time', async () => {
    await parts.faulty.script(status(429, { 'retry-after': '2' }), sound('openai', stream));
    const one = await ask(parts, { stream });
    expect([one.text, one.attempts]).toEqual([
      SECOND,
      [
        ['compatible', 'rate_limited'],
        ['healthy', 'ok'],
      ],
    ]);
    expect(one.ms).toBeLessThan(1_000);
    const again = await ask(parts, { stream, user: one.user });
    expect([again.text, again.attempts[0]]).toEqual([SECOND, ['compatible', 'skipped']]);
    const until = Date.parse(String((again.row?.attempts[0] as { until?: string } | undefined)?.until));
    expect(until - Date.now()).toBeGreaterThan(500);
    expect(until - Date.now()).toBeLessThanOrEqual(2_000);
    expect((await parts.faulty.witnessed()).requests).toHaveLength(1);
  });

  it('is waited for where nobody else is and the time allows, in milliseconds before seconds', async () => {
    const limit = { 'retry-after': '60', 'retry-after-ms': '250' };
    await parts.faulty.script(status(429, limit), sound('openai', stream));
    const first = stream ? 'streamed' : 'whole';
    const told = await ask(parts, { first, stream, tier: 'patient' });
    expect([told.status, told.text]).toEqual([200, FIRST]);
    expect(told.ms).toBeGreaterThanOrEqual(245);
    expect(told.ms).toBeLessThan(1_200);
    expect((await parts.faulty.witnessed()).requests).toHaveLength(2);
  });

  it('that is longer than the client’s patience is told at once', async () => {
    await parts.faulty.script(status(429, { 'retry-after': '3' }));
    const told = await ask(parts, { stream, tier: 'patient', headers: { 'x-stainless-timeout': '1' } });
    expect([told.status, told.error?.code]).toEqual([429, 'rate_limit_exceeded']);
    expect(told.headers.get('retry-after')).toBe('3');
    expect(told.headers.get('x-should-retry')).toBe('false');
    expect(told.ms).toBeLessThan(900);
  });

  it.each([
    ['no number', 'soon'],
    ['Latin-1', 'é'],
    ['a minus', '-5'],
    ['beyond all measure', '9'.repeat(300)],
  ])('with a Retry-After of %s is a limit all the same, in numbers of our own', async (_, given) => {
    await parts.faulty.script(status(429, { 'retry-after': given }));
    const told = await ask(parts, { stream, tier: 'one' });
    expect(told.status).toBe(429);
    const seconds = Number(told.headers.get('retry-after'));
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(3_600);
  });
});

// a timer of so many whole milliseconds rings a little before the cool-down has passed
it('a limit is over when it has been waited for', async () => {
  const limited = status(429, { 'retry-after-ms': '90.9' });
  const outcomes: string[][] = [];
  for (const first of SPARES.slice(2)) {
    await parts.faulty.script(limited, sound('openai', false));
    const { attempts } = await ask(parts, { first, tier: 'patient' });
    outcomes.push(attempts.map(([, outcome]) => outcome));
  }
  expect(outcomes).toEqual(outcomes.map(() => ['rate_limited', 'ok']));
});

describe.each([false, true])('a refusal, stream: %s', (stream) => {
  const large = { messages: [{ role: 'user', content: 'x'.repeat(6_000_000) }] };
  const early = (code: number) =>
    answer('{"error":{"message":"odd","code":"odd_thing"}}', { connection: 'close' }, code);

  it.each([
    ['an end', [{ over: 'end' }]],
    ['a reset', reset],
  ] as const)('that comes before the request has been read, and %s, is understood', async (_, over) => {
    await parts.faulty.script(atAccept(write(early(400)), ...over));
    const told = await ask(parts, { stream, body: large });
    expect([told.status, told.error?.code]).toEqual([400, 'odd_thing']);
    expect((await parts.faulty.witnessed()).connections).toBe(1);
  });

  it('a large request that nobody reads goes to the second provider in time', async () => {
    await parts.faulty.script(atAccept());
    const told = await ask(parts, { stream, body: large });
    expect([told.text, told.attempts[0]]).toEqual([SECOND, ['compatible', 'timeout']]);
    expect(told.ms).toBeLessThan(1_500);
  });

  it('without end is read no further than it tells something', async () => {
    const length = 200 * 1024 * 1024;
    const endless = head(500, { 'content-length': String(length) });
    await parts.faulty.script(fault(write(endless), { fill: ' ', times: length }));
    const told = await ask(parts, { stream });
    expect([told.text, told.attempts[0]]).toEqual([SECOND, ['compatible', 'server_error']]);
    expect((await parts.faulty.witnessed()).open).toBe(0);
  });

  it('whose body never comes is what its status says', async () => {
    await parts.faulty.script(fault(write(head(429, { 'content-length': '100', 'retry-after': '2' }))));
    const told = await ask(parts, { stream, tier: 'roomy' });
    expect([told.text, told.attempts[0]]).toEqual([SECOND, ['compatible', 'rate_limited']]);
  });
});
