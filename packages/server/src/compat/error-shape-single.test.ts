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
import { wireError } from './error-shape.ts';

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
const exhausted = (...failures: Failure[]) => new ExhaustedError(failures, NOW, WALL);

describe('one failure that decides', () => {
  it.each<[ErrorClass, ErrorDetails, object]>([
    [
      'invalid_request',
      { param: 'temperature', code: 'validation_error' },
      { status: 422, type: 'invalid_request_error', param: 'temperature', code: 'validation_error' },
    ],
    [
      'invalid_request',
      { param: 'X-InferBridge-Residency', code: 'residency' },
      { status: 422, type: 'residency_error', param: 'X-InferBridge-Residency' },
    ],
    [
      'unauthenticated',
      {},
      {
        status: 401,
        type: 'authentication_error',
        code: 'invalid_api_key',
        headers: { 'www-authenticate': 'Bearer' },
      },
    ],
    [
      'model_not_found',
      { param: 'model' },
      { status: 404, type: 'not_found_error', code: 'model_not_found', param: 'model' },
    ],
    [
      'shed',
      { code: 'overloaded' },
      { status: 503, type: 'service_unavailable_error', headers: { 'retry-after': '1' } },
    ],
    ['deadline', {}, { status: 504, type: 'gateway_timeout' }],
    ['malformed', {}, { status: 502, type: 'provider_error', param: null }],
    ['content_policy', {}, { status: 400, type: 'invalid_request_error', code: 'content_policy_violation' }],
    [
      'rate_limited',
      { retryAfterMs: 1_500 },
      { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded', headers: { 'retry-after': '2' } },
    ],
  ])('%s %j', (errorClass, details, expected) => {
    expect(wireError(new GatewayError(errorClass, 'the reason', details))).toMatchObject({
      message: 'the reason',
      ...expected,
    });
  });

  it('internal tells nothing of the inside', () => {
    const error = new GatewayError('internal', 'cannot read /srv/x.ts of undefined', {
      param: 'p',
      code: 'c',
      cause: new Error('SQL'),
    });
    expect(wireError(error)).toEqual({
      status: 500,
      type: 'api_error',
      message: 'internal error',
      param: null,
      code: null,
      headers: {},
    });
  });

  it.each(['invalid_request', 'content_policy'] as const)(
    "%s goes back in the provider's own words",
    (errorClass) => {
      const upstream = {
        status: 400,
        message: 'too hot',
        type: 'x',
        param: 'temperature',
        code: 'invalid_value',
      };
      expect(
        wireError(new GatewayError(errorClass, 'ours', { status: 400, upstream, param: 'temperature' })),
      ).toEqual({
        status: 400,
        type: 'invalid_request_error',
        message: 'too hot',
        param: 'temperature',
        code: 'invalid_value',
        headers: {},
      });
    },
  );
});

describe('with the override header', () => {
  const said = (status: number, code: string | null = null) => ({
    status,
    message: `upstream says ${status}`,
    type: 'theirs',
    param: null,
    code,
  });

  it.each([
    [400, 'invalid_request_error'],
    [401, 'authentication_error'],
    [402, 'invalid_request_error'],
    [403, 'permission_error'],
    [404, 'not_found_error'],
    [429, 'rate_limit_error'],
    [500, 'provider_error'],
    [503, 'service_unavailable_error'],
    [529, 'provider_error'],
  ])("a %i goes back as the provider's own, with a type of ours: %s", (status, type) => {
    const error = exhausted(failed('server_error', { status, upstream: said(status) }));
    expect(wireError(error, { direct: true })).toMatchObject({
      status,
      type,
      message: `upstream says ${status}`,
    });
    expect(wireError(error)).not.toMatchObject({ message: `upstream says ${status}` });
  });

  it('a limit keeps its wait and its code', () => {
    const error = exhausted(
      failed('rate_limited', {
        status: 429,
        retryAfterMs: 3_000,
        upstream: said(429, 'rate_limit_exceeded'),
      }),
    );
    expect(wireError(error, { direct: true })).toMatchObject({
      status: 429,
      code: 'rate_limit_exceeded',
      headers: { 'retry-after': '3' },
    });
  });

  it.each([200, 302, 700])('a %i, which is no error, becomes a 502', (status) => {
    expect(
      wireError(exhausted(failed('malformed', { upstream: said(status) })), { direct: true }).status,
    ).toBe(502);
  });

  it('what no provider said is told as ever', () => {
    expect(wireError(exhausted(failed('timeout')), { direct: true })).toMatchObject({
      status: 504,
      type: 'gateway_timeout',
    });
  });
});
