import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { requestId } from '../compat/headers.ts';
import { HttpError } from './http-error.ts';
import { sendError } from './send.ts';

/** Where model calls come in. */
export const CHAT = '/v1/chat/completions';

export interface EdgeOptions {
  readonly chat: (request: IncomingMessage, response: ServerResponse, requestId: string) => Promise<void>;
  /** Everything that is no model call. */
  readonly rest: RequestListener;
  /** In [0, 1); spreads the next tries of clients that were turned away. */
  readonly random: () => number;
  /** Model calls at the same time; beyond it 503 at once. */
  readonly inFlight: number;
  /** True once the server is on its way out. */
  readonly draining: () => boolean;
}

/**
 * What every request meets first. Model calls are told by method and path and go straight to their handler: measured,
 * koa's context and its listeners cost them a quarter of their CPU. All other routes are koa's.
 */
export function createEdge({ chat, rest, random, inFlight, draining }: EdgeOptions): RequestListener {
  let running = 0;
  return (request, response) => {
    if (draining()) response.setHeader('connection', 'close');
    if (request.method !== 'POST' || !isChat(request.url)) return rest(request, response);
    const id = requestId(request.headers);
    if (running >= inFlight) return sendError(response, overloaded(random()), { 'x-request-id': id });
    running += 1;
    void chat(request, response, id).finally(() => {
      running -= 1;
    });
  };
}

const isChat = (url: string | undefined): boolean => url === CHAT || (url?.startsWith(`${CHAT}?`) ?? false);

/** Shed at once rather than queued; the client may well try again. */
const overloaded = (random: number) =>
  new HttpError(503, 'service_unavailable_error', 'too many requests are in flight', {
    code: 'overloaded',
    headers: {
      'retry-after': '1',
      'retry-after-ms': String(250 + Math.floor(random * 500)),
      'x-should-retry': 'true',
    },
  }).wire;
