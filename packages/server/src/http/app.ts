import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '@inferbridge/core';
import Koa from 'koa';
import { requestId } from '../compat/headers.ts';
import { HttpError, notFound } from './http-error.ts';
import { type RoutesOptions, routes } from './routes.ts';
import { sendError, wireErrorOf } from './send.ts';

export interface AppOptions extends RoutesOptions {
  readonly chat: (request: IncomingMessage, response: ServerResponse, requestId: string) => Promise<void>;
  readonly log: Log;
  /** In [0, 1); spreads the next tries of clients that were turned away. */
  readonly random: () => number;
  /** Model calls at the same time; beyond it 503 at once. */
  readonly inFlight: number;
  /** True once the server is on its way out. */
  readonly draining: () => boolean;
}

const CHAT = '/v1/chat/completions';

/** The HTTP edge: model calls on the short way, everything else by the router, every failure in one shape. */
export function createApp(options: AppOptions): Koa {
  const { chat, log, random, inFlight, draining } = options;
  const app = new Koa({ proxy: false });
  app.silent = true;
  let running = 0;

  app.use(async (context, next) => {
    const { req, res } = context;
    const id = requestId(req.headers);
    context.state['requestId'] = id;
    if (draining()) res.setHeader('connection', 'close');
    if (context.path === CHAT && req.method === 'POST') {
      context.respond = false;
      if (running >= inFlight) return sendError(res, overloaded(random()), { 'x-request-id': id });
      running += 1;
      try {
        return await chat(req, res, id);
      } finally {
        running -= 1;
      }
    }
    context.set('x-request-id', id);
    context.set('cache-control', 'no-store');
    context.set('x-content-type-options', 'nosniff');
    try {
      await next();
      if (context.status === 404 && context.body === undefined)
        throw notFound(`there is no ${req.method} ${context.path}`);
    } catch (error) {
      const wire = wireErrorOf(error);
      if (wire.status === 500)
        log.error({ err: error, request_id: id, path: context.path }, 'a request failed unexpectedly');
      context.respond = false;
      sendError(res, wire, { 'x-request-id': id });
    }
  });

  const router = routes(options);
  app.use(router.routes());
  app.use(async (context) => {
    const allowed = allowedAt(router, context.path);
    if (context.path === CHAT) allowed.push('POST');
    if (allowed.length === 0) return;
    throw new HttpError(
      405,
      'invalid_request_error',
      `${context.method} is not allowed here; allowed: ${allowed.join(', ')}`,
      { headers: { allow: allowed.join(', ') } },
    );
  });
  return app;
}

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

function allowedAt(router: ReturnType<typeof routes>, path: string): string[] {
  const { path: matched } = router.match(path, 'TRACE');
  return [...new Set(matched.flatMap((layer) => layer.methods))];
}
