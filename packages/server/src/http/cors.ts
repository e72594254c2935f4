import type { IncomingMessage, ServerResponse } from 'node:http';
import { EXPOSED_HEADERS } from '../compat/headers.ts';

/** Lets pages of other origins call; answers their preflights. True where the request is answered with that. */
export type Cors = (request: IncomingMessage, response: ServerResponse) => boolean;

const METHODS = 'GET, POST, PATCH, DELETE, HEAD';
const PREFLIGHT_SECONDS = '600';

/**
 * `origins`: exact origins, or `*` for all. Callers show a key in a header and never a cookie, so credentials are not
 * allowed. Source: https://fetch.spec.whatwg.org/#http-cors-protocol (read 2026-11-21).
 */
export function createCors(origins: readonly string[]): Cors {
  const any = origins.includes('*');
  const known = new Set(origins.map((origin) => origin.toLowerCase().replace(/\/$/, '')));
  if (known.size === 0) return () => false;
  return (request, response) => {
    if (!any) response.setHeader('vary', 'Origin');
    const { origin } = request.headers;
    const allowed = origin !== undefined && (any || known.has(origin.toLowerCase()));
    if (allowed) {
      response.setHeader('access-control-allow-origin', any ? '*' : origin);
      response.setHeader('access-control-expose-headers', EXPOSED_HEADERS);
    }
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined)
      return false;
    if (allowed) {
      const asked = request.headers['access-control-request-headers'] ?? '';
      response.setHeader('access-control-allow-methods', METHODS);
      if (/^[\w\-, ]{1,2048}$/.test(asked)) response.setHeader('access-control-allow-headers', asked);
      response.setHeader('access-control-max-age', PREFLIGHT_SECONDS);
    }
    response.writeHead(204).end();
    return true;
  };
}
