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

export interface Edge {
  readonly handle: RequestListener;
  /** Resolves when no model call is on its way any more, also none whose client has left. */
  idle(): Promise<void>;
}

/**
 * What every request meets first. Model calls are told by method and path and go straight to their handler: measured,
 * koa's context and its listeners cost them a quarter of their CPU. All other routes are koa's.
 */
export function createEdge({ chat, rest, random, inFlight, draining }: EdgeOptions): Edge {
  const running = new Set<Promise<void>>();
  const handle: RequestListener = (request, response) => {
    if (draining()) response.setHeader('connection', 'close');
    if (request.method !== 'POST' || !isChat(request.url)) return rest(request, response);
    const id = requestId(request.headers);
    if (running.size >= inFlight) return sendError(response, overloaded(random()), { 'x-request-id': id });
    const call = chat(request, response, id).finally(() => running.delete(call));
    running.add(call);
  };
  return {
    handle,
    async idle() {
      while (running.size > 0) await Promise.allSettled(running);
    },
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
