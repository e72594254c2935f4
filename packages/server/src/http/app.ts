import type { Log } from '@inferbridge/core';
import Koa from 'koa';
import { requestId } from '../compat/headers.ts';
import { chatFailure } from '../fronts/chat.ts';
import type { Front } from '../fronts/front.ts';
import { HttpError, notFound } from './http-error.ts';
import { type RoutesOptions, routes } from './routes.ts';
import { sendWire, wireErrorOf } from './send.ts';

export interface AppOptions extends RoutesOptions {
  readonly log: Log;
  /** Where model calls are answered; they are no routes of this app. */
  readonly modelPaths: readonly string[];
}

/** Every route but the model calls': a request id on each answer, every failure in one shape. */
export function createApp(options: AppOptions): Koa {
  const { log } = options;
  const app = new Koa({ proxy: false });
  app.silent = true;

  app.use(async (context, next) => {
    const { req, res } = context;
    const id = requestId(req.headers);
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
      const failure = (context.state['failure'] as Front['failure'] | undefined) ?? chatFailure; // set by the route
      sendWire(res, wire, failure(wire, id), { 'x-request-id': id });
    }
  });

  const router = routes(options);
  app.use(router.routes());
  app.use(async (context) => {
    const allowed = allowedAt(router, context.path);
    if (options.modelPaths.includes(context.path)) allowed.push('POST');
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

function allowedAt(router: ReturnType<typeof routes>, path: string): string[] {
  const { path: matched } = router.match(path, 'TRACE');
  return [...new Set(matched.flatMap((layer) => layer.methods))];
}
