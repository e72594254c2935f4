import type { ServerResponse } from 'node:http';
import { asGatewayError } from '@inferbridge/core';
import { type WireError, wireError } from '../compat/error-shape.ts';
import { isUnavailable } from '../store/database.ts';
import { HttpError, unavailable } from './http-error.ts';

/** Sends JSON, whole. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: Buffer | string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': bytes.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  // a text leaves in one piece with the headers; latin1 is a character for each byte
  if (bytes.length <= MOST_AS_TEXT) response.end(bytes.toString('latin1'), 'latin1');
  else response.end(bytes);
}

const MOST_AS_TEXT = 16_384;

/** Any failure in the one error shape. */
export function wireErrorOf(error: unknown, options?: { direct?: boolean }): WireError {
  if (error instanceof HttpError) return error.wire;
  if (isUnavailable(error)) return unavailable().wire;
  return wireError(asGatewayError(error), options);
}

/** A failure in the envelope of whichever dialect was spoken. */
export function sendWire(
  response: ServerResponse,
  wire: WireError,
  { status, body }: { readonly status: number; readonly body: object },
  headers: Readonly<Record<string, string>>,
): void {
  sendJson(response, status, JSON.stringify(body), { ...headers, ...wire.headers });
}

/** Writes, and waits where the client reads more slowly than the upstream sends; false once the client has gone. */
export function write(response: ServerResponse, bytes: Uint8Array): true | Promise<boolean> | false {
  if (response.destroyed || response.writableEnded) return false;
  if (response.write(bytes)) return true;
  return new Promise((resolve) => {
    const done = (alive: boolean) => () => {
      response.off('drain', drained);
      response.off('close', closed);
      resolve(alive);
    };
    const drained = done(true);
    const closed = done(false);
    response.on('drain', drained);
    response.on('close', closed);
  });
}
