import { describe, expect, it } from 'vitest';
import { asGatewayError, type ErrorClass, GatewayError, isGatewayError, isOurs, ruleOf } from './errors.ts';

describe('ruleOf', () => {
  it.each<[ErrorClass, string, string, string]>([
    ['rate_limited', 'alone', 'yes', 'cooldown'],
    ['quota_exhausted', 'no', 'yes', 'credential'],
    ['bad_credential', 'no', 'yes', 'credential'],
    ['overloaded', 'alone', 'yes', 'breaker'],
    ['server_error', 'alone', 'yes', 'breaker'],
    ['unreachable', 'alone', 'yes', 'breaker'],
    ['timeout', 'no', 'yes', 'breaker'],
    ['malformed', 'alone', 'yes', 'breaker'],
    ['model_not_found', 'no', 'yes', 'nobody'],
    ['unsupported', 'no', 'yes', 'nobody'],
    ['context_length', 'no', 'larger', 'nobody'],
    ['content_policy', 'no', 'tier', 'nobody'],
    ['invalid_request', 'no', 'no', 'nobody'],
    ['deadline', 'no', 'no', 'nobody'],
    ['shed', 'no', 'no', 'nobody'],
    ['client_closed', 'no', 'no', 'nobody'],
  ])('holds the row of %s', (name, again, next, against) => {
    expect(ruleOf(name)).toEqual({ again, next, against });
  });
});

describe('GatewayError', () => {
  it('carries its class, its details and its cause', () => {
    const cause = new Error('below');
    const error = new GatewayError('timeout', 'too late', { status: 504, cause });
    expect(error).toMatchObject({ name: 'GatewayError', class: 'timeout', message: 'too late', cause });
    expect(error.details.status).toBe(504);
  });

  it('is known by its mark, so that another copy of the package counts too', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('inferbridge.GatewayError')]: true });
    expect(isGatewayError(foreign)).toBe(true);
    expect(isGatewayError(new Error('x'))).toBe(false);
    expect(isGatewayError(null)).toBe(false);
  });
});

describe('asGatewayError', () => {
  it('leaves a classified error as it is', () => {
    const error = new GatewayError('shed', 'full');
    expect(asGatewayError(error)).toBe(error);
  });

  it('calls anything else internal, keeps it as cause, and tells nothing of it in the message', () => {
    const error = asGatewayError(new Error('secret'));
    expect(error.class).toBe('internal');
    expect(error.cause).toEqual(new Error('secret'));
    expect(error.message).not.toContain('secret');
  });
});

describe('isOurs', () => {
  it.each<[ErrorClass, boolean]>([
    ['client_closed', true],
    ['lost', true],
    ['deadline', true],
    ['shed', true],
    ['timeout', false],
    ['server_error', false],
  ])('of %s is %s', (name, ours) => {
    expect(isOurs(new GatewayError(name, ''))).toBe(ours);
  });
});
