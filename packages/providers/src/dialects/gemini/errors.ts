import { type ErrorClass, GatewayError } from '@inferbridge/core';
import { type Classify, isRecord, type Refusal, refused } from '../openai/errors.ts';

/** Source: https://ai.google.dev/gemini-api/docs/troubleshooting and google.rpc.Code (read 2026-11-20). */
const BY_STATUS: ReadonlyMap<unknown, ErrorClass> = new Map<unknown, ErrorClass>([
  ['RESOURCE_EXHAUSTED', 'rate_limited'],
  ['UNAUTHENTICATED', 'bad_credential'],
  ['PERMISSION_DENIED', 'bad_credential'],
  ['FAILED_PRECONDITION', 'bad_credential'],
  ['NOT_FOUND', 'model_not_found'],
  ['UNAVAILABLE', 'overloaded'],
  ['INTERNAL', 'server_error'],
  ['UNKNOWN', 'server_error'],
  ['ABORTED', 'server_error'],
  ['DEADLINE_EXCEEDED', 'server_error'],
]);
const BAD_KEY = /api key not valid|api_key_invalid|api key expired/i;
const UNABLE = /not (?:enabled|supported|available) (?:for|by|in|with) (?:this|the) model|does not support/i;
const TOO_LONG = /exceeds the maximum number of tokens|input token count/i;
/** A quota by the day, or money, does not come back in a moment. */
const SPENT = /per ?day|billing|prepay|spend/i;

/** Some endpoints wrap the error in a list. */
const errorIn = (body: unknown): Record<string, unknown> | null => {
  const root: unknown = Array.isArray(body) ? body[0] : body;
  const error = isRecord(root) ? root['error'] : null;
  return isRecord(error) ? error : null;
};

const detailsIn = (body: unknown): Record<string, unknown>[] => {
  const details = errorIn(body)?.['details'];
  return Array.isArray(details) ? details.filter(isRecord) : [];
};

const classify: Classify = ({ body }, { message }) => {
  const status = errorIn(body)?.['status'];
  if (BAD_KEY.test(message)) return 'bad_credential';
  if (status === 'INVALID_ARGUMENT' && TOO_LONG.test(message)) return 'context_length';
  if (status === 'INVALID_ARGUMENT' && UNABLE.test(message)) return 'unsupported';
  if (status === 'RESOURCE_EXHAUSTED' && isSpent(body, message)) return 'quota_exhausted';
  return BY_STATUS.get(status) ?? null;
};

function isSpent(body: unknown, message: string): boolean {
  const violations = detailsIn(body).flatMap(({ violations: all }) =>
    Array.isArray(all) ? all.filter(isRecord) : [],
  );
  const ids = violations.map(({ quotaId }) => (typeof quotaId === 'string' ? quotaId : ''));
  if (ids.length > 0) return ids.some((id) => SPENT.test(id));
  return SPENT.test(message) && waitIn(body) === null;
}

/** `"34.4s"` in the details, in milliseconds. */
function waitIn(body: unknown): number | null {
  for (const { retryDelay } of detailsIn(body)) {
    const seconds = typeof retryDelay === 'string' ? /^(\d+(?:\.\d+)?)s$/.exec(retryDelay)?.[1] : undefined;
    if (seconds !== undefined) return Math.min(Number(seconds) * 1_000, MOST_WAIT_MS);
  }
  return null;
}

const MOST_WAIT_MS = 86_400_000;

/** A refusal as the error that it is, with the wait that its details ask for. */
export function geminiRefusal(refusal: Refusal, secret: string, wallMs: number): GatewayError {
  const { class: errorClass, message, details } = refused(refusal, secret, wallMs, classify);
  const wait = waitIn(refusal.body);
  const passes = errorClass === 'rate_limited' || errorClass === 'overloaded';
  const status = errorIn(refusal.body)?.['status'];
  return new GatewayError(errorClass, message, {
    ...details,
    ...(details.upstream &&
      typeof status === 'string' && { upstream: { ...details.upstream, code: status } }),
    ...(wait !== null && passes && { retryAfterMs: wait }),
  });
}
