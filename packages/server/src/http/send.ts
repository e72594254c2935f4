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

/** A client that takes nothing for so long is taken for gone; nginx's `send_timeout` is the same. */
const MOST_SILENT_MS = 60_000;

/** Writes, and waits where the client reads more slowly than the upstream sends; false once the client has gone. */
export function write(
  response: ServerResponse,
  bytes: Uint8Array,
  silentMs = MOST_SILENT_MS,
): true | Promise<boolean> | false {
  if (response.destroyed || response.writableEnded) return false;
  return response.write(bytes) || taken(response, 'drain', silentMs);
}

/** Waits until a response that has ended is with the kernel, to the last byte, or its client has gone. */
export function sent(response: ServerResponse, silentMs = MOST_SILENT_MS): true | Promise<boolean> {
  // without a socket it waits behind an earlier one, or has given it back
  const gone = response.socket ? response.socket.writableLength === 0 : response.writableFinished;
  return gone || response.destroyed || taken(response, 'finish', silentMs);
}

function taken(response: ServerResponse, event: 'drain' | 'finish', silentMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    // Node counts from when the kernel took something the last time
    const stalled = () => response.destroy();
    response.setTimeout(silentMs, stalled);
    const done = (alive: boolean) => () => {
      response.off('timeout', stalled);
      response.off(event, over);
      response.off('close', closed);
      if (event === 'drain' && alive) response.setTimeout(0); // behind the end Node sets its own
      resolve(alive);
    };
    const over = done(true);
    const closed = done(false);
    response.on(event, over);
    response.on('close', closed);
  });
}
