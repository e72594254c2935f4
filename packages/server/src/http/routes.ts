import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { User } from '@inferbridge/plugins';
import type { Context } from 'koa';
import Router from 'koa-router';
import { parseObject, readBody } from './body.ts';
import { unauthenticated } from './http-error.ts';
import { type Authenticate, bearerOf } from './identify.ts';
import { type CountOptions, countRoutes } from './routes/count.ts';
import { type ExplainOptions, explainRoutes } from './routes/explain.ts';
import { type HealthOptions, healthRoutes } from './routes/health.ts';
import { type KeyOptions, keyRoutes } from './routes/keys.ts';
import { type LogOptions, logRoutes } from './routes/logs.ts';
import { type ModelOptions, modelRoutes } from './routes/models.ts';
import { type ProviderHealthOptions, providerRoutes } from './routes/providers.ts';
import { type UserOptions, userRoutes } from './routes/users.ts';

/** Who may call a route: anybody, or whoever holds a key. */
export type Access = 'public' | 'user';

/** One route as its file describes it; everything but `/v1/chat/completions` is one of these. */
export interface Route {
  readonly method: 'get' | 'post' | 'delete';
  /** As koa-router spells paths. */
  readonly path: string;
  readonly access: Access;
  /** Of the body; default 64 KB. */
  readonly bodyLimitBytes?: number;
  /** Returns the body, or nothing for 204. */
  handle(request: RouteRequest): Promise<RouteAnswer>;
}

export interface RouteRequest {
  /** The caller; an empty id on public routes. */
  readonly user: User;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly address: string;
  readonly headers: IncomingHttpHeaders;
  /** The body as a JSON object. */
  body(): Promise<Record<string, unknown>>;
}

export interface RouteAnswer {
  readonly status: number;
  readonly body?: unknown;
}

export interface RoutesOptions
  extends CountOptions,
    ExplainOptions,
    ProviderHealthOptions,
    UserOptions,
    KeyOptions,
    LogOptions,
    ModelOptions,
    HealthOptions {
  readonly authenticate: Authenticate;
}

const ADMIN_BODY_BYTES = 65_536;
const NOBODY: User = { id: '' };

/** Every route with who may call it: the one list. */
export const routeTable = (options: RoutesOptions): readonly Route[] => [
  ...userRoutes(options),
  ...keyRoutes(options),
  ...modelRoutes(options),
  ...countRoutes(options),
  ...explainRoutes(options),
  ...providerRoutes(options),
  ...logRoutes(options),
  ...healthRoutes(options),
];

export function routes(options: RoutesOptions): Router {
  const router = new Router();
  for (const route of routeTable(options)) {
    router[route.method](route.path, async (context: Context) => {
      const user = route.access === 'public' ? NOBODY : await identified(context.req, options.authenticate);
      const answer = await route.handle({
        user,
        params: (context as { params?: Record<string, string> }).params ?? {}, // set by the router
        query: single(context.query),
        headers: context.req.headers,
        address: context.req.socket.remoteAddress ?? '',
        body: async () => parseObject(await readBody(context.req, route.bodyLimitBytes ?? ADMIN_BODY_BYTES)),
      });
      context.status = answer.status;
      if (answer.body === undefined) return;
      context.type = 'json';
      context.body = JSON.stringify(answer.body); // here, where a failure still gets its answer
    });
  }
  return router;
}

async function identified(request: IncomingMessage, authenticate: Authenticate): Promise<User> {
  const bearer = bearerOf(request);
  const user = bearer === null ? null : await authenticate(bearer);
  if (!user) throw unauthenticated();
  return user;
}

/** A query parameter given twice counts as its last value. */
const single = (query: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? (value.at(-1) ?? '') : value]],
    ),
  );
