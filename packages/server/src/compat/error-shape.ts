import {
  type ErrorClass,
  ExhaustedError,
  type GatewayError,
  type UpstreamError,
  type Verdict,
} from '@inferbridge/core';

/** One error as the client gets it. */
export interface WireError {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly param: string | null;
  readonly code: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Which limit is exceeded. */
  readonly limitType?: string;
}

type Shape = Pick<WireError, 'status' | 'type'> & { readonly code?: string };

const BY_VERDICT: Readonly<Record<Verdict, Shape>> = {
  rate_limited: { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  timeout: { status: 504, type: 'gateway_timeout' },
  upstream: { status: 502, type: 'provider_error' },
  mixed: { status: 503, type: 'service_unavailable_error' },
  bad_credential: { status: 502, type: 'provider_error', code: 'provider_auth' },
  quota_exhausted: { status: 429, type: 'rate_limit_error', code: 'insufficient_quota' },
  model_not_found: { status: 404, type: 'not_found_error', code: 'model_not_found' },
  unsupported: { status: 400, type: 'invalid_request_error', code: 'unsupported_parameter' },
  context_length: { status: 400, type: 'invalid_request_error', code: 'context_length_exceeded' },
  content_policy: { status: 400, type: 'invalid_request_error', code: 'content_policy_violation' },
};

/** What is answered where one failure alone decides. */
const BY_CLASS: Readonly<Record<ErrorClass, Shape>> = {
  rate_limited: BY_VERDICT.rate_limited,
  quota_exhausted: BY_VERDICT.quota_exhausted,
  bad_credential: BY_VERDICT.bad_credential,
  overloaded: BY_VERDICT.mixed,
  server_error: BY_VERDICT.upstream,
  unreachable: BY_VERDICT.upstream,
  timeout: BY_VERDICT.timeout,
  malformed: BY_VERDICT.upstream,
  model_not_found: BY_VERDICT.model_not_found,
  unsupported: BY_VERDICT.unsupported,
  context_length: BY_VERDICT.context_length,
  content_policy: BY_VERDICT.content_policy,
  invalid_request: { status: 400, type: 'invalid_request_error' },
  deadline: BY_VERDICT.timeout,
  shed: { status: 503, type: 'service_unavailable_error', code: 'overloaded' },
  client_closed: { status: 499, type: 'api_error', code: 'client_closed' },
  lost: { status: 500, type: 'api_error' },
  unauthenticated: { status: 401, type: 'authentication_error', code: 'invalid_api_key' },
  internal: { status: 500, type: 'api_error' },
};

/** Fields of the wrong type or range, and routes that lead nowhere, are 422; whatever else is wrong with a request is 400. */
const BY_CODE: Readonly<Record<string, Shape>> = {
  residency: { status: 422, type: 'residency_error' },
  validation_error: { status: 422, type: 'invalid_request_error' },
  idempotency_key_reused: { status: 422, type: 'invalid_request_error' },
  faults_off: { status: 403, type: 'permission_error' },
  no_provider_key: { status: 422, type: 'invalid_request_error' },
};

/** The types that belong to a status, for what a provider itself said. */
const BY_STATUS: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  429: 'rate_limit_error',
  502: 'provider_error',
  503: 'service_unavailable_error',
  504: 'gateway_timeout',
};

/** A failure in the one error shape. `direct`: no fallback was asked for, the provider's own word goes back. */
export function wireError(error: GatewayError, { direct = false }: { direct?: boolean } = {}): WireError {
  if (error instanceof ExhaustedError) return exhausted(error, direct);
  if (error.class === 'internal')
    return {
      status: 500,
      type: 'api_error',
      message: 'internal error',
      param: null,
      code: null,
      headers: {},
    };
  const { upstream } = error.details;
  if (upstream && (error.class === 'invalid_request' || error.class === 'content_policy' || direct))
    return said(upstream, error);
  const shape = BY_CODE[error.details.code ?? ''] ?? BY_CLASS[error.class];
  return {
    ...shape,
    message: error.message,
    param: error.details.param ?? null,
    code: error.details.code ?? shape.code ?? null,
    headers: { ...retryAfter(error), ...(shape.status === 401 && { 'www-authenticate': 'Bearer' }) },
    ...limited(error),
  };
}

/** Source: openai-node 7.55.0, `retryRequest` (read 2026-11-21). */
const LONGEST_SDK_WAIT_MS = 60_000;

/** A limit of ours: which one it is, what the limits are, and no further tries where they would be in vain. */
function limited(error: GatewayError): Partial<WireError> {
  const { limit } = error.details;
  if (!limit) return {};
  return {
    limitType: limit.type,
    headers: {
      ...retryAfter(error),
      ...(limit.rpm !== undefined && { 'x-ratelimit-limit-rpm': String(limit.rpm) }),
      ...(limit.tpm !== undefined && { 'x-ratelimit-limit-tpm': String(limit.tpm) }),
      // SDKs wait at most so long, and would try sooner than they were told
      ...((error.details.retryAfterMs ?? 0) >= LONGEST_SDK_WAIT_MS && { 'x-should-retry': 'false' }),
    },
  };
}

/** All that could be tried has been tried: the SDK's own tries would only multiply ours. */
function exhausted(error: ExhaustedError, direct: boolean): WireError {
  const only = error.failures.length === 1 ? error.failures[0]?.error : null;
  if (direct && only?.details.upstream) {
    const own = said(only.details.upstream, only);
    return { ...own, headers: { 'x-should-retry': 'false', ...own.headers } };
  }
  const shape = BY_VERDICT[error.verdict];
  const { param = error.verdict === 'model_not_found' ? 'model' : null, code = null } = error.details;
  return {
    ...shape,
    message: error.message,
    param,
    code: shape.code ?? code,
    headers: { 'x-should-retry': 'false', ...retryAfter(error) },
  };
}

/** A provider's own status and message. */
function said({ status, message, param, code }: UpstreamError, error: GatewayError): WireError {
  const kept = status >= 400 && status <= 599 ? status : 502;
  const type = BY_STATUS[kept] ?? (kept < 500 ? 'invalid_request_error' : 'provider_error');
  return {
    status: kept,
    type,
    message,
    param,
    code: code ?? BY_CLASS[error.class].code ?? null,
    headers: retryAfter(error),
  };
}

/** Limits always say when; trouble does where the provider did. */
function retryAfter(error: GatewayError): Record<string, string> {
  const limited = error.class === 'rate_limited' || error.class === 'shed';
  const { retryAfterMs = limited ? 1_000 : null } = error.details;
  if (retryAfterMs === null) return {};
  return {
    'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))),
    'retry-after-ms': String(Math.ceil(retryAfterMs)),
  };
}

/** The envelope; `status` and headers travel beside it. */
export const envelope = ({ message, type, param, code, limitType }: WireError) => ({
  error: { message, type, param, code, ...(limitType !== undefined && { limit_type: limitType }) },
});
