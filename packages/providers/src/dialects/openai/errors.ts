import { type ChatCompletion, type ErrorClass, GatewayError, type UpstreamError } from '@inferbridge/core';
import { isRawNumber } from '../../json-exact.ts';
import { retryAfterMs } from '../../retry-after.ts';
import { scrub } from '../../scrub.ts';

/** An upstream's refusal as it came. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed body, `null` where it is not JSON. */
  readonly body: unknown;
}

/** What a vendor knows better than the table below; `null` leaves it to the table. */
export type Classify = (refusal: Refusal, said: UpstreamError) => ErrorClass | null;

/*
 * Source: https://platform.openai.com/docs/guides/error-codes and recorded answers (read 2026-11-20); 498 is Groq's
 * "flex capacity exceeded", 529 Anthropic's and Together's "overloaded".
 */
const BY_STATUS: Readonly<Record<number, ErrorClass>> = {
  401: 'bad_credential',
  402: 'quota_exhausted',
  403: 'bad_credential',
  404: 'model_not_found',
  405: 'model_not_found',
  408: 'server_error',
  409: 'server_error',
  413: 'context_length',
  425: 'server_error',
  429: 'rate_limited',
  498: 'overloaded',
  503: 'overloaded',
  529: 'overloaded',
};

const BY_CODE: readonly [RegExp, ErrorClass][] = [
  [/^(insufficient_quota|credit_balance|billing|insufficient_balance)/, 'quota_exhausted'],
  [/^(context_length_exceeded|string_above_max_length|request_too_large)$/, 'context_length'],
  [
    /^(content_filter|content_policy_violation|moderation_blocked|responsible_ai_policy_violation)/i,
    'content_policy',
  ],
  [/^(model_not_found|model_decommissioned|model_not_active|deployment_not_found)/i, 'model_not_found'],
  [/^unsupported_(?!country)/, 'unsupported'],
  [/^(invalid_api_key|authentication_error|invalid_authentication)/, 'bad_credential'],
  [/^(rate_limit|slow_down)/, 'rate_limited'],
  [/(overloaded|service_unavailable)/, 'overloaded'],
  [/^(server_error|api_error|internal_server_error)/, 'server_error'],
];

const LONG_PROMPT =
  /context (length|window)|prompt is too long|too many tokens|reduce the length|context_length|max_new_tokens|input token count/i;

/** The error inside a refusal's body, in whichever of the usual places it is. */
export function saidBy({ status, body }: Refusal, secret: string): UpstreamError {
  const root = Array.isArray(body) ? body[0] : body;
  const inner = isRecord(root) && root['error'] !== undefined ? root['error'] : root;
  const field = (name: string): string | null => {
    const value = isRecord(inner) ? inner[name] : undefined;
    return typeof value === 'string' || typeof value === 'number' ? scrub(String(value), secret) : null;
  };
  const fault = faultIn(inner);
  const said = fault && scrub(fault.words, secret);
  const words = typeof inner === 'string' ? inner : (field('message') ?? field('detail') ?? said ?? '');
  return {
    status,
    message:
      (typeof inner === 'string' ? scrub(words, secret) : words) ||
      `the provider answered with status ${status}`,
    type: field('type'),
    param: field('param') ?? fault?.place ?? null,
    code: field('code'),
  };
}

/**
 * `{detail: [{loc: ["body", "messages", 0], msg}]}`, in place of an error or as its message: the first fault.
 * Source: recorded refusals of Mistral's (read 2026-11-20).
 */
function faultIn(error: unknown): { words: string; place: string | null } | null {
  if (!isRecord(error)) return null;
  const holder = isRecord(error['message']) ? error['message'] : error;
  const [first] = Array.isArray(holder['detail']) ? holder['detail'] : [];
  if (!isRecord(first) || typeof first['msg'] !== 'string') return null;
  const steps = Array.isArray(first['loc']) ? first['loc'].filter((step) => step !== 'body') : [];
  const place = steps.map((step, at) =>
    typeof step === 'number' ? `[${step}]` : `${at > 0 ? '.' : ''}${step}`,
  );
  return { words: first['msg'], place: place.join('').slice(0, 200) || null };
}

/** A refusal as the error that it is; the vendor's own knowledge first, then code and type, then the status. */
export function refused(refusal: Refusal, secret: string, wallMs: number, classify?: Classify): GatewayError {
  const said = saidBy(refusal, secret);
  const errorClass = classify?.(refusal, said) ?? classOf(refusal.status, said);
  const wait = retryAfterMs(refusal.headers, wallMs);
  const code = said.code && /^[\w.-]{1,60}$/.test(said.code) ? said.code : null;
  const what = refusal.status === 200 ? 'reported an error in its answer' : `answered ${refusal.status}`;
  return new GatewayError(errorClass, `the upstream ${what}${code ? ` (${code})` : ''}`, {
    status: refusal.status,
    upstream: said,
    ...(wait !== null && PASSING.has(errorClass) && { retryAfterMs: wait }),
    ...(said.param !== null && { param: said.param }),
    ...(errorClass === 'malformed' && { code: code ?? 'unexpected_redirect' }),
  });
}

const PASSING: ReadonlySet<ErrorClass> = new Set(['rate_limited', 'overloaded', 'server_error']);

export function classOf(
  status: number,
  { code, type, message }: Pick<UpstreamError, 'code' | 'type' | 'message'>,
): ErrorClass {
  if (status >= 300 && status < 400) return 'malformed';
  const named = [code, type].flatMap((name) =>
    name ? (BY_CODE.find(([pattern]) => pattern.test(name))?.[1] ?? []) : [],
  )[0];
  if (status >= 500) return BY_STATUS[status] ?? 'server_error';
  if (named && named !== 'server_error' && !(named === 'overloaded' && status < 400)) return named;
  if ((status === 400 || status === 403 || status === 422) && LONG_PROMPT.test(message))
    return 'context_length';
  return BY_STATUS[status] ?? (status >= 400 ? 'invalid_request' : (named ?? 'server_error'));
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);

/** Is this an error where an answer should be? In its own field, in a list, or as the older servers of vLLM have it. */
export function isErrorBody(body: unknown): boolean {
  const root: unknown = Array.isArray(body) ? body[0] : body;
  if (!isRecord(root)) return false;
  return Boolean(root['error']) || (root['object'] === 'error' && root['choices'] === undefined);
}

/** The status that an error in a 200 would have had; vendors put it into `code` or `status_code`. */
export function statusIn(body: unknown): number {
  const root: unknown = Array.isArray(body) ? body[0] : body;
  const inner = isRecord(root) ? (root['error'] ?? root) : null;
  const error = isRecord(inner) ? inner : null;
  const status = isRecord(error)
    ? Number(error['status_code'] ?? error['code'] ?? error['status'])
    : Number.NaN;
  return Number.isInteger(status) && status >= 400 && status <= 599 ? status : 200;
}

export function isCompletion(body: unknown): body is ChatCompletion {
  if (!isRecord(body) || !Array.isArray(body['choices']) || body['choices'].length === 0) return false;
  return body['choices'].every((choice) => isRecord(choice) && isRecord(choice['message']));
}
