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
  /** Where model calls are answered; they are no routes of this app, but what lies below them speaks their dialects. */
  readonly fronts: readonly Pick<Front, 'path' | 'failure' | 'headers'>[];
}

const PLAIN: Pick<Front, 'failure' | 'headers'> = { failure: chatFailure };

/** Every route but the model calls': a request id on each answer, every failure in one shape. */
export function createApp(options: AppOptions): Koa {
  const { log, fronts } = options;
  const app = new Koa({ proxy: false });
  app.silent = true;

  app.use(async (context, next) => {
    const { req, res } = context;
    const id = requestId(req.headers);
    const dialect =
      fronts.find(({ path }) => context.path === path || context.path.startsWith(`${path}/`)) ?? PLAIN;
    const ids = { 'x-request-id': id, ...dialect.headers?.(id) };
    context.set(ids);
    context.set('cache-control', 'no-store');
    context.set('x-content-type-options', 'nosniff');
    try {
      await next();
      if (context.status === 404 && context.body === undefined)
        throw notFound(`there is no ${req.method} ${context.path}`);
    } catch (error) {
      const wire = wireErrorOf(error);
      if (wire.status === 500 || wire.code === 'store_unavailable')
        log.error({ err: error, request_id: id, path: context.path }, 'a request failed unexpectedly');
      context.respond = false;
      sendWire(res, wire, dialect.failure(wire, id), ids);
    }
  });

  const router = routes(options);
  app.use(router.routes());
  app.use(async (context) => {
    const allowed = allowedAt(router, context.path);
    if (fronts.some(({ path }) => path === context.path)) allowed.push('POST');
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
