import type { ErrorClass } from '@inferbridge/core';
import type { Classify } from '../openai/errors.ts';

/** Source: https://docs.anthropic.com/en/api/errors (read 2026-11-20). */
const BY_TYPE: Readonly<Record<string, ErrorClass>> = {
  authentication_error: 'bad_credential',
  permission_error: 'bad_credential',
  billing_error: 'quota_exhausted',
  not_found_error: 'model_not_found',
  request_too_large: 'context_length',
  rate_limit_error: 'rate_limited',
  api_error: 'server_error',
  timeout_error: 'server_error',
  overloaded_error: 'overloaded',
};

const TOO_LONG = /prompt is too long|exceed context limit/i;
const NO_MONEY = /credit balance|spend limit|usage limits/i;

/** What Anthropic's error types mean; an `invalid_request_error` may hide a long prompt or an empty account. */
export const classify: Classify = (_, { type, message }) => {
  if (type === 'invalid_request_error' && TOO_LONG.test(message)) return 'context_length';
  if (type === 'invalid_request_error' && NO_MONEY.test(message)) return 'quota_exhausted';
  return type ? (BY_TYPE[type] ?? null) : null;
};
