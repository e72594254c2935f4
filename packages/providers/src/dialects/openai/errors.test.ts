import { describe, expect, it } from 'vitest';
import { type Refusal, refused, saidBy } from './errors.ts';

const SECRET = 'sk-test-0123456789abcdef';
const NOW = Date.UTC(2026, 10, 20);

const error = (message: string, more: object = {}) => ({
  error: { message, type: null, param: null, code: null, ...more },
});
const refusal = (status: number, body: unknown, headers: Record<string, string> = {}): Refusal => ({
  status,
  headers,
  body,
});
const classOf = (status: number, body: unknown = error('no')) =>
  refused(refusal(status, body), SECRET, NOW).class;

describe('classification', () => {
  it.each([
    [301, 'malformed'],
    [302, 'malformed'],
    [307, 'malformed'],
    [308, 'malformed'],
    [400, 'invalid_request'],
    [401, 'bad_credential'],
    [402, 'quota_exhausted'],
    [403, 'bad_credential'],
    [404, 'model_not_found'],
    [405, 'model_not_found'],
    [408, 'server_error'],
    [409, 'server_error'],
    [413, 'context_length'],
    [418, 'invalid_request'],
    [422, 'invalid_request'],
    [425, 'server_error'],
    [429, 'rate_limited'],
    [498, 'overloaded'],
    [500, 'server_error'],
    [502, 'server_error'],
    [503, 'overloaded'],
    [504, 'server_error'],
    [520, 'server_error'],
    [524, 'server_error'],
    [529, 'overloaded'],
  ])('takes %i for %s where the body says nothing', (status, expected) => {
    expect(classOf(status)).toBe(expected);
    expect(classOf(status, null)).toBe(expected);
  });

  it.each([
    [
      'OpenAI: out of money',
      429,
      { code: 'insufficient_quota', type: 'insufficient_quota' },
      'quota_exhausted',
    ],
    ['Sarvam: out of money', 429, { code: 'insufficient_quota_error' }, 'quota_exhausted'],
    ['a credit balance', 429, { code: 'credit_balance_exhausted' }, 'quota_exhausted'],
    ['an ordinary limit', 429, { code: 'rate_limit_exceeded', type: 'requests' }, 'rate_limited'],
    ['OpenAI: a long prompt', 400, { code: 'context_length_exceeded' }, 'context_length'],
    ['a text that is too long', 400, { code: 'string_above_max_length' }, 'context_length'],
    ['OpenAI: a content filter', 400, { code: 'content_policy_violation' }, 'content_policy'],
    ['Azure: a content filter', 400, { code: 'content_filter' }, 'content_policy'],
    ['a refused image', 400, { code: 'moderation_blocked' }, 'content_policy'],
    ['OpenAI: an unknown model', 404, { code: 'model_not_found' }, 'model_not_found'],
    ['an unknown model as 400', 400, { code: 'model_not_found' }, 'model_not_found'],
    ['Groq: a retired model', 400, { code: 'model_decommissioned' }, 'model_not_found'],
    ['Azure: no deployment', 404, { code: 'DeploymentNotFound' }, 'model_not_found'],
    ['OpenAI: a parameter', 400, { code: 'unsupported_parameter', param: 'max_tokens' }, 'unsupported'],
    ['OpenAI: a value', 400, { code: 'unsupported_value', param: 'temperature' }, 'unsupported'],
    ['OpenAI: a country', 403, { code: 'unsupported_country_region_territory' }, 'bad_credential'],
    ['OpenAI: a bad key', 401, { code: 'invalid_api_key' }, 'bad_credential'],
    ['a bad key as 400', 400, { code: 'invalid_api_key' }, 'bad_credential'],
    ['Sarvam: a bad key', 403, { code: 'invalid_api_key_error' }, 'bad_credential'],
    [
      'Groq: a broken tool call',
      400,
      { code: 'tool_use_failed', type: 'invalid_request_error' },
      'invalid_request',
    ],
    ['a type alone', 400, { type: 'insufficient_quota' }, 'quota_exhausted'],
    ['a code that names a limit in a 503', 503, { code: 'slow_down' }, 'overloaded'],
    ['a code that claims quota in a 500', 500, { code: 'insufficient_quota' }, 'server_error'],
    ['an ordinary mistake', 400, { type: 'invalid_request_error', code: 'invalid_value' }, 'invalid_request'],
    ['a numeric code', 400, { code: 400 }, 'invalid_request'],
  ])('knows %s', (_, status, more, expected) => {
    expect(classOf(status, error('no', more))).toBe(expected);
  });

  it.each([
    [
      400,
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    ],
    [400, 'Please reduce the length of the messages.'],
    [403, 'prompt is too long for the context window'],
    [422, 'Input validation error: too many tokens'],
  ])('reads a long prompt out of the words of a %i', (status, message) => {
    expect(classOf(status, error(message))).toBe('context_length');
  });

  it('does not read a long prompt into a bad key or a limit', () => {
    expect(classOf(401, error('too many tokens'))).toBe('bad_credential');
    expect(classOf(429, error('too many tokens per minute'))).toBe('rate_limited');
  });

  it('lets the vendor decide first', () => {
    const made = refused(refusal(400, error('no', { code: 'content_filter' })), SECRET, NOW, (given, said) =>
      given.status === 400 && said.code === 'content_filter' ? 'quota_exhausted' : null,
    );
    expect(made.class).toBe('quota_exhausted');
  });

  it('names a redirect as one', () => {
    expect(refused(refusal(302, null), SECRET, NOW).details.code).toBe('unexpected_redirect');
  });
});

describe('words', () => {
  it('never lets the upstream write our message', () => {
    const { message, details } = refused(
      refusal(400, error('PLEASE PRINT ME', { code: 'bad thing <b>' })),
      SECRET,
      NOW,
    );
    expect(message).toBe('the upstream answered 400');
    expect(details.upstream?.message).toBe('PLEASE PRINT ME');
  });

  it('shows a code in our message only where it is plain', () => {
    expect(refused(refusal(400, error('x', { code: 'tool_use_failed' })), SECRET, NOW).message).toBe(
      'the upstream answered 400 (tool_use_failed)',
    );
  });

  it('takes the key out of what the upstream says', () => {
    const { message, details } = refused(
      refusal(401, error(`Incorrect API key provided: ${SECRET}. Also sk-other-123456789.`)),
      SECRET,
      NOW,
    );
    expect(details.upstream?.message).toBe('Incorrect API key provided: [redacted]. Also [redacted].');
    expect(message).not.toContain(SECRET);
  });

  it.each(['type', 'code', 'param'])('takes the key out of the %s too', (field) => {
    const made = refused(refusal(400, error('no', { [field]: `bad_${SECRET}` })), SECRET, NOW);
    expect(JSON.stringify({ message: made.message, details: made.details })).not.toContain(SECRET);
  });

  it.each([
    [
      'an envelope',
      { error: { message: 'm', type: 't', param: 'p', code: 'c' } },
      { message: 'm', type: 't', param: 'p', code: 'c' },
    ],
    [
      'a bare error',
      { object: 'error', message: 'm', type: 't', code: 400 },
      { message: 'm', type: 't', code: '400' },
    ],
    ['a string', { error: 'out of memory' }, { message: 'out of memory', code: null }],
    ['an array', [{ error: { code: 429, message: 'slow', status: 'X' } }], { message: 'slow', code: '429' }],
    ['a detail', { detail: 'Not authenticated' }, { message: 'Not authenticated' }],
    [
      'a list of details',
      { detail: [{ loc: ['body'], msg: 'field required' }] },
      { message: 'field required', param: null },
    ],
    [
      'a list of details with their places, as a message',
      {
        object: 'error',
        message: { detail: [{ loc: ['body', 'messages', 0, 'foo'], msg: `Extra inputs ${SECRET}` }] },
      },
      { message: expect.stringMatching(/^Extra inputs (?!.*SECRET)/), param: 'messages[0].foo' },
    ],
    [
      'nothing',
      null,
      { message: 'the provider answered with status 400', type: null, param: null, code: null },
    ],
    ['a text', 'oops', { message: 'oops' }],
    ['an error that is null', { error: null, message: 'm' }, { message: expect.any(String) }],
  ])('reads %s', (_, body, expected) => {
    expect(saidBy(refusal(400, body), SECRET)).toMatchObject({ status: 400, ...expected });
  });

  it('passes on the field that is to blame', () => {
    expect(refused(refusal(400, error('no', { param: 'max_tokens' })), SECRET, NOW).details.param).toBe(
      'max_tokens',
    );
  });
});

describe('wait', () => {
  it.each([
    [429, {}, 3_000],
    [503, {}, 3_000],
    [500, {}, 3_000],
    [429, { code: 'insufficient_quota' }, undefined],
    [400, {}, undefined],
    [401, {}, undefined],
  ])('comes from the headers of a %i %j as %s', (status, more, expected) => {
    const made = refused(refusal(status, error('no', more), { 'retry-after': '3' }), SECRET, NOW);
    expect(made.details.retryAfterMs).toBe(expected);
  });

  it('is left out where the headers are junk', () => {
    const made = refused(refusal(429, null, { 'retry-after': 'soon' }), SECRET, NOW);
    expect(made.details).not.toHaveProperty('retryAfterMs');
  });
});
