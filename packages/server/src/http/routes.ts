import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { GatewayError } from '@inferbridge/core';
import type { User } from '@inferbridge/plugins';
import type { Context } from 'koa';
import Router from 'koa-router';
import type { AddressOf } from './address.ts';
import { parseObject, readBody } from './body.ts';
import { forbidden, unauthenticated } from './http-error.ts';
import { bearerOf, type Identities } from './identify.ts';
import { type AdminOptions, adminRoutes } from './routes/admin.ts';
import { type AuditOptions, auditRoutes } from './routes/audit.ts';
import { type CountOptions, countRoutes } from './routes/count.ts';
import { type ExplainOptions, explainRoutes } from './routes/explain.ts';
import { type HealthOptions, healthRoutes } from './routes/health.ts';
import { type KeyOptions, keyRoutes } from './routes/keys.ts';
import { type LogOptions, logRoutes } from './routes/logs.ts';
import { type ModelOptions, modelRoutes } from './routes/models.ts';
import { type ProviderHealthOptions, providerRoutes } from './routes/providers.ts';
import { type UserOptions, userRoutes } from './routes/users.ts';

/** Who may call a route: anybody, whoever holds a key, the operator, or both of these. */
export type Access = 'public' | 'user' | 'operator' | 'user or operator';

/** One route as its file describes it; everything but `/v1/chat/completions` is one of these. */
export interface Route {
  readonly method: 'get' | 'post' | 'patch' | 'delete';
  /** As koa-router spells paths. */
  readonly path: string;
  readonly access: Access;
  /** Of the body; default 64 KB. */
  readonly bodyLimitBytes?: number;
  /** Returns the body, or nothing for 204. */
  handle(request: RouteRequest): Promise<RouteAnswer>;
}

export interface RouteRequest {
  /** The caller; an empty id for the operator and on public routes. */
  readonly user: User;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly address: string;
  readonly headers: IncomingHttpHeaders;
  /** Aborts when the client has left. */
  left(): AbortSignal;
  /** The body as a JSON object. */
  body(): Promise<Record<string, unknown>>;
}

export interface RouteAnswer {
  readonly status: number;
  readonly body?: unknown;
  /** Instead of a body; its type is among the headers. */
  readonly stream?: Readable;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RoutesOptions
  extends AdminOptions,
    AuditOptions,
    CountOptions,
    ExplainOptions,
    ProviderHealthOptions,
    UserOptions,
    KeyOptions,
    LogOptions,
    ModelOptions,
    HealthOptions {
  readonly identities: Identities;
  readonly addressOf: AddressOf;
}

const ADMIN_BODY_BYTES = 65_536;
const NOBODY: User = { id: '' };

/** Every route with who may call it: the one list. */
export const routeTable = (options: RoutesOptions): readonly Route[] => [
  ...userRoutes(options),
  ...adminRoutes(options),
  ...keyRoutes(options),
  ...modelRoutes(options),
  ...countRoutes(options),
  ...explainRoutes(options),
  ...providerRoutes(options),
  ...logRoutes(options),
  ...auditRoutes(options),
  ...healthRoutes(options),
];

export function routes(options: RoutesOptions): Router {
  const router = new Router();
  for (const route of routeTable(options)) {
    router[route.method](route.path, async (context: Context) => {
      const user = await identified(context.req, route.access, options.identities);
      const answer = await route.handle({
        user,
        params: (context as { params?: Record<string, string> }).params ?? {}, // set by the router
        query: single(context.query),
        headers: context.req.headers,
        address: options.addressOf(context.req),
        left: () => leaving(context.res),
        body: async () => parseObject(await readBody(context.req, route.bodyLimitBytes ?? ADMIN_BODY_BYTES)),
      });
      context.status = answer.status;
      if (answer.headers) context.set({ ...answer.headers });
      if (answer.stream) {
        context.body = answer.stream;
        return;
      }
      if (answer.body === undefined) return;
      context.type = 'json';
      context.body = JSON.stringify(answer.body); // here, where a failure still gets its answer
    });
  }
  return router;
}

function leaving(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished)
      controller.abort(new GatewayError('client_closed', 'the client has left'));
  });
  return controller.signal;
}

async function identified(request: IncomingMessage, access: Access, identities: Identities): Promise<User> {
  if (access === 'public') return NOBODY;
  const bearer = bearerOf(request);
  if (bearer === null) throw unauthenticated();
  const operator = await identities.operator(bearer);
  if (operator) {
    if (access === 'user') throw forbidden("the operator's key is for /v1/admin; this wants a user's key");
    return NOBODY;
  }
  const user = await identities.user(bearer);
  if (!user) throw unauthenticated();
  if (access === 'operator') throw forbidden("this wants the operator's key");
  return user;
}

/** A query parameter given twice counts as its last value. */
const single = (query: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? (value.at(-1) ?? '') : value]],
    ),
  );
