import { isGatewayError } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { readHeaders, requestId } from './headers.ts';

/** What a refusal names. */
function blamed(headers: Parameters<typeof readHeaders>[0]): string {
  try {
    readHeaders(headers);
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    expect(error.class).toBe('invalid_request');
    expect(error.details.code).toBe('validation_error');
    expect(error.message).toContain(`${error.details.param}: `);
    return error.details.param ?? '';
  }
  throw new Error('they were taken');
}

describe('readHeaders', () => {
  it('says nothing where nothing is said', () => {
    expect(readHeaders({})).toEqual({
      override: null,
      residency: null,
      timeoutMs: null,
      session: null,
      patienceMs: null,
      trace: false,
      fault: null,
      cache: {},
    });
  });

  it.each([
    ['30', 30_000],
    ['0.5', 1_000],
    ['0', 1_000],
    ['-5', 1_000],
    ['1', 1_000],
    ['2.5', 2_500],
    ['300', 300_000],
    ['301', 300_000],
    ['1e9', 300_000],
    [' 7 ', 7_000],
  ])('clamps a timeout of %s seconds to %i milliseconds', (given, expected) => {
    expect(readHeaders({ 'x-inferbridge-timeout': given }).timeoutMs).toBe(expected);
  });

  it.each(['', ' ', 'abc', '5s', 'NaN', 'Infinity', '1,2', 'true'])(
    'refuses the timeout "%s" and names the header',
    (given) => {
      expect(blamed({ 'x-inferbridge-timeout': given })).toBe('X-InferBridge-Timeout');
      expect(blamed({ 'x-agni-timeout': given })).toBe('X-InferBridge-Timeout');
    },
  );

  it.each(['groq:openai/gpt-oss-20b', 'self_hosted:llama3:8b', 'self_hosted@my lab:qwen', 'acme-1:m'])(
    'takes the override %s',
    (override) => {
      expect(readHeaders({ 'x-inferbridge-override-model': override }).override).toBe(override);
    },
  );

  it.each([
    '',
    'groq',
    'groq:',
    ':m',
    'Groq:m',
    '1groq:m',
    'groq@:m',
    `groq@${'x'.repeat(129)}:m`,
    'groq/m',
    ' groq:m',
  ])('refuses the override "%s" and names the header', (override) => {
    expect(blamed({ 'x-inferbridge-override-model': override })).toBe('X-InferBridge-Override-Model');
  });

  it.each([
    ['india', 'india'],
    ['EU', 'eu'],
    ['eu-west_1', 'eu-west_1'],
  ])('reads the residency %s', (given, expected) => {
    expect(readHeaders({ 'x-inferbridge-residency': given }).residency).toBe(expected);
  });

  it.each(['', 'in dia', '9', 'x'.repeat(33), 'a;b'])(
    'refuses the residency "%s" and names the header',
    (given) => {
      expect(blamed({ 'x-inferbridge-residency': given })).toBe('X-InferBridge-Residency');
    },
  );

  it('takes the legacy names, and the new one wins', () => {
    const legacy = {
      'x-agni-override-model': 'groq:a',
      'x-agni-residency': 'eu',
      'x-agni-timeout': '5',
      'x-agni-session': 's-old',
    };
    expect(readHeaders(legacy)).toMatchObject({
      override: 'groq:a',
      residency: 'eu',
      timeoutMs: 5_000,
      session: 's-old',
    });
    expect(
      readHeaders({
        ...legacy,
        'x-inferbridge-override-model': 'openai:b',
        'x-inferbridge-residency': 'india',
        'x-inferbridge-timeout': '9',
        'x-inferbridge-session': 's-new',
      }),
    ).toMatchObject({
      override: 'openai:b',
      residency: 'india',
      timeoutMs: 9_000,
      session: 's-new',
    });
    expect(readHeaders({ 'x-agni-timeout': 'junk', 'x-inferbridge-timeout': '9' }).timeoutMs).toBe(9_000);
  });

  it.each([
    [{ 'x-stainless-timeout': '10' }, 10_000],
    [{ 'x-stainless-read-timeout': '2.5' }, 2_500],
    [{ 'x-stainless-timeout': '10', 'x-stainless-read-timeout': '99' }, 10_000],
    [{ 'x-stainless-timeout': 'junk' }, null],
    [{ 'x-stainless-timeout': '0' }, null],
    [{ 'x-stainless-timeout': '-3' }, null],
    [{ 'x-stainless-timeout': 'Infinity' }, null],
  ])('reads how long the client will wait from %j', (headers, expected) => {
    expect(readHeaders(headers).patienceMs).toBe(expected);
  });
});

describe('requestId', () => {
  const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

  it.each(['a', 'Req_42-x', 'x'.repeat(128)])('keeps the id of the client: %s', (id) => {
    expect(requestId({ 'x-request-id': id })).toBe(id);
  });

  it.each(['', 'x'.repeat(129), 'with space', 'a\nb', 'é', 'a.b', '../etc', '<script>', 'a,b'])(
    'replaces "%s" by a fresh UUID',
    (id) => {
      expect(requestId({ 'x-request-id': id })).toMatch(UUID);
    },
  );

  it('makes a fresh one each time', () => {
    const [one, two] = [requestId({}), requestId({})];
    expect(one).toMatch(UUID);
    expect(two).not.toBe(one);
  });
});
