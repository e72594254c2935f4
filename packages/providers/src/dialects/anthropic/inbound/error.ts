/** Source: https://docs.anthropic.com/en/api/errors (read 2026-11-20). */
const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** A failure in Anthropic's envelope. */
export const errorOf = (status: number, message: string, requestId: string) => ({
  type: 'error',
  error: { type: TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error'), message },
  request_id: requestId,
});
