import {
  type Candidate,
  type ErrorClass,
  type ErrorDetails,
  ExhaustedError,
  type Failure,
  GatewayError,
} from '@inferbridge/core';
import { scripted, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { envelope, wireError } from './error-shape.ts';

const NOW = 1_000;
const WALL = Date.UTC(2026, 10, 20, 12);
const clock = virtualClock(WALL);

function candidate(id: string): Candidate {
  const target = scripted(id, [{ say: '' }], { clock });
  return {
    target,
    facts: {
      price: null,
      window: null,
      residency: 'global',
      latencyMs: null,
      slowMs: null,
      ewmaMs: null,
      errorRate: null,
      inFlight: null,
      blocked: null,
      unfit: null,
    },
  };
}
const failed = (errorClass: ErrorClass, details: ErrorDetails = {}, id = 'groq:m', at = NOW): Failure => ({
  candidate: candidate(id),
  error: new GatewayError(errorClass, 'in our own words', details),
  blocked: null,
  at,
});
const cooling = (forMs: number, id = 'openai:m'): Failure => ({
  candidate: candidate(id),
  error: null,
  blocked: { blocked: 'cooling', why: 'it cools down', forMs },
  at: NOW,
});
const exhausted = (...failures: Failure[]) => new ExhaustedError(failures, NOW, WALL);
const wire = (...failures: Failure[]) => wireError(exhausted(...failures));

describe('when every candidate failed', () => {
  it.each<[string, Failure[], object]>([
    [
      'all 429',
      [failed('rate_limited', { retryAfterMs: 7_000 }), failed('rate_limited', { retryAfterMs: 2_500 })],
      { status: 429, type: 'rate_limit_error', headers: { 'retry-after': '3', 'retry-after-ms': '2500' } },
    ],
    [
      'all 429, sooner than a second',
      [failed('rate_limited', { retryAfterMs: 20 }), failed('rate_limited')],
      { status: 429, headers: { 'retry-after': '1', 'retry-after-ms': '20' } },
    ],
    [
      'all 429, nobody said how long',
      [failed('rate_limited'), failed('rate_limited')],
      { status: 429, headers: { 'retry-after': '1', 'retry-after-ms': '1000' } },
    ],
    ['all timeouts', [failed('timeout'), failed('timeout')], { status: 504, type: 'gateway_timeout' }],
    [
      'all 5xx',
      [failed('server_error', { status: 500 }), failed('overloaded', { status: 503 })],
      { status: 502, type: 'provider_error' },
    ],
    [
      'connection errors',
      [failed('unreachable'), failed('unreachable')],
      { status: 502, type: 'provider_error' },
    ],
    ['unreadable bodies', [failed('malformed')], { status: 502, type: 'provider_error' }],
    [
      '5xx with timeouts',
      [failed('server_error'), failed('timeout')],
      { status: 502, type: 'provider_error' },
    ],
    [
      'connection errors with timeouts',
      [failed('unreachable'), failed('timeout')],
      { status: 502, type: 'provider_error' },
    ],
    [
      '429 with 5xx',
      [failed('rate_limited'), failed('server_error')],
      { status: 503, type: 'service_unavailable_error' },
    ],
    [
      '429 with timeouts',
      [failed('timeout'), failed('rate_limited')],
      { status: 503, type: 'service_unavailable_error' },
    ],
    [
      '429 with connection errors',
      [failed('rate_limited'), failed('unreachable')],
      { status: 503, type: 'service_unavailable_error' },
    ],
    [
      'all cooling down',
      [cooling(90_000), cooling(30_500)],
      { status: 429, type: 'rate_limit_error', headers: { 'retry-after': '31', 'retry-after-ms': '30500' } },
    ],
    [
      'one cooling down and one 429',
      [cooling(90_000), failed('rate_limited', { retryAfterMs: 4_000 })],
      { status: 429, headers: { 'retry-after': '4', 'retry-after-ms': '4000' } },
    ],
    [
      'all keys refused',
      [failed('bad_credential', { status: 401 }), failed('bad_credential', { status: 403 })],
      { status: 502, type: 'provider_error', code: 'provider_auth' },
    ],
    [
      'all out of quota',
      [failed('quota_exhausted', { retryAfterMs: 5_000 }), failed('quota_exhausted')],
      { status: 429, type: 'rate_limit_error', code: 'insufficient_quota' },
    ],
    [
      'none can honour it',
      [failed('unsupported', { param: 'tools', code: 'unsupported_parameter' })],
      { status: 400, type: 'invalid_request_error', code: 'unsupported_parameter', param: 'tools' },
    ],
    [
      'nobody has the model',
      [failed('model_not_found', { status: 404 })],
      { status: 404, type: 'not_found_error', code: 'model_not_found' },
    ],
    [
      'it fits into none',
      [failed('context_length', { status: 400 })],
      { status: 400, type: 'invalid_request_error', code: 'context_length_exceeded' },
    ],
    [
      'a refused key beside a limit',
      [failed('bad_credential'), failed('rate_limited', { retryAfterMs: 2_000 })],
      { status: 429, type: 'rate_limit_error', headers: { 'retry-after': '2', 'retry-after-ms': '2000' } },
    ],
  ])('%s', (_, failures, expected) => {
    const { headers, ...shape } = wire(...failures);
    const { headers: wanted = {}, ...rest } = expected as { headers?: object };
    expect(shape).toMatchObject(rest);
    expect(headers).toEqual({ 'x-should-retry': 'false', ...wanted });
  });

  it('no Retry-After goes out where it is about money, keys or servers', () => {
    for (const one of [
      'quota_exhausted',
      'bad_credential',
      'server_error',
      'timeout',
      'unsupported',
    ] as const)
      expect(wire(failed(one, { retryAfterMs: 9_000 })).headers).not.toHaveProperty('retry-after');
  });

  it('the message names each candidate, what became of it, and until when', () => {
    const { message } = wire(
      failed('rate_limited', { status: 429, retryAfterMs: 5_000 }, 'groq:a'),
      failed('bad_credential', { status: 401 }, 'openai:b'),
      cooling(60_000, 'mistral:c'),
    );
    expect(message).toBe(
      'every candidate failed: groq:a rate limited (429) until 2026-11-20T12:00:05Z; openai:b refused the key (401); mistral:c not called, it cools down until 2026-11-20T12:01:00Z',
    );
  });

  it('nothing that an upstream wrote is in it', () => {
    const upstream = { status: 500, message: 'UPSTREAM WORDS', type: 'T', param: null, code: 'UPCODE' };
    const { message, code, type } = wire(
      failed('server_error', { upstream }),
      failed('server_error', { upstream }),
    );
    expect(`${message}${code}${type}`).not.toMatch(/UPSTREAM|UPCODE/);
  });
});

describe('the envelope', () => {
  it('has message, type, param and code, and nothing else', () => {
    expect(envelope(wire(failed('timeout')))).toEqual({
      error: {
        message: expect.stringContaining('groq:m took too long'),
        type: 'gateway_timeout',
        param: null,
        code: null,
      },
    });
  });
});
