import type { WireError } from '../compat/error-shape.ts';

/** A request that the edge itself refuses; nothing was called. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly wire: WireError;

  constructor(
    status: number,
    type: string,
    message: string,
    more: Partial<Pick<WireError, 'param' | 'code' | 'headers'>> = {},
  ) {
    super(message);
    this.wire = { status, type, message, param: null, code: null, headers: {}, ...more };
  }
}

export const badRequest = (message: string, param: string | null = null) =>
  new HttpError(400, 'invalid_request_error', message, { param });

export const unprocessable = (param: string | null, message: string, code = 'validation_error') =>
  new HttpError(422, 'invalid_request_error', message, { param, code });

export const notFound = (message: string) =>
  new HttpError(404, 'not_found_error', message, { code: 'not_found' });

export const conflict = (message: string, param: string | null = null) =>
  new HttpError(409, 'conflict_error', message, { param });

export const unauthenticated = () =>
  new HttpError(401, 'authentication_error', 'invalid or missing API key', {
    code: 'invalid_api_key',
    headers: { 'www-authenticate': 'Bearer' },
  });

export const forbidden = (message: string) => new HttpError(403, 'permission_error', message);

/** Nothing was changed; the client may try again. */
export const unavailable = () =>
  new HttpError(
    503,
    'service_unavailable_error',
    'the store cannot be used at the moment; nothing was changed',
    {
      code: 'store_unavailable',
      headers: { 'retry-after': '5' },
    },
  );

export function tooMany(what: string, waitMs: number): HttpError {
  const seconds = Math.ceil(waitMs / 1000);
  return new HttpError(429, 'rate_limit_error', `too many ${what} — try again in ${seconds} seconds`, {
    headers: { 'retry-after': String(seconds) },
  });
}
