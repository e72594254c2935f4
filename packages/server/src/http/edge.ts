import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { requestId } from '../compat/headers.ts';
import { chatFailure } from '../fronts/chat.ts';
import type { Front } from '../fronts/front.ts';
import type { Cors } from './cors.ts';
import { badRequest, HttpError } from './http-error.ts';
import { sendWire } from './send.ts';

export interface EdgeOptions {
  /** Who answers model calls, by path. */
  readonly models: ReadonlyMap<string, ModelRoute>;
  /** Everything that is no model call. */
  readonly rest: RequestListener;
  /** In [0, 1); spreads the next tries of clients that were turned away. */
  readonly random: () => number;
  /** Model calls at the same time; beyond it 503 at once. */
  readonly inFlight: number;
  /** Calls that run on without anybody who waits: they count as well. */
  readonly orphans: ReadonlySet<{ readonly over: Promise<unknown> }>;
  /** Why no more of them are taken at the moment. */
  readonly overloaded: () => string | null;
  /** True once the server is on its way out. */
  readonly draining: () => boolean;
  readonly cors: Cors;
}

export interface ModelRoute {
  readonly front: Pick<Front, 'failure' | 'headers'>;
  readonly answer: (request: IncomingMessage, response: ServerResponse, requestId: string) => Promise<void>;
}

export interface Edge {
  readonly handle: RequestListener;
  /** Is a model call on its way? */
  busy(): boolean;
  /** Model calls that have come so far. */
  calls(): number;
  /** Resolves when no model call is on its way any more, also none whose client has left. */
  idle(): Promise<void>;
}

/**
 * What every request meets first. Model calls are told by method and path and go straight to their handler: measured,
 * koa's context and its listeners cost them a quarter of their CPU. All other routes are koa's.
 */
export function createEdge({
  models,
  rest,
  random,
  inFlight,
  orphans,
  overloaded,
  draining,
  cors,
}: EdgeOptions): Edge {
  let running = 0;
  let calls = 0;
  let waiting: (() => void)[] = [];
  const over = () => {
    running -= 1;
    if (running > 0) return;
    for (const wake of waiting) wake();
    waiting = [];
  };
  const nobody = () => new Promise<void>((resolve) => (running === 0 ? resolve() : waiting.push(resolve)));
  const handle: RequestListener = (request, response) => {
    if (draining()) response.setHeader('connection', 'close');
    if (cors(request, response)) return;
    const target = originForm(request.url);
    if (target === null || hostsOf(request) > 1) {
      const id = requestId(request.headers);
      const { wire } = badRequest(
        target === null ? 'the address of the request cannot be read' : 'a request has one Host header',
      );
      return sendWire(response, wire, chatFailure(wire, id), { 'x-request-id': id });
    }
    request.url = target;
    const model = request.method === 'POST' ? models.get(pathOf(target)) : undefined;
    if (!model) return rest(request, response);
    const id = requestId(request.headers);
    const why = running + orphans.size >= inFlight ? 'too many requests are in flight' : overloaded();
    if (why !== null) {
      const wire = shed(why, random());
      return sendWire(response, wire, model.front.failure(wire, id), {
        'x-request-id': id,
        ...model.front.headers?.(id),
      });
    }
    running += 1;
    calls += 1;
    model.answer(request, response, id).then(over, (error: unknown) => {
      over();
      throw error;
    });
  };
  return {
    handle,
    busy: () => running + orphans.size > 0,
    calls: () => calls,
    async idle() {
      while (running + orphans.size > 0) {
        await Promise.allSettled([nobody(), ...[...orphans].map((orphan) => orphan.over)]);
        await new Promise(setImmediate); // their rows come behind their ends
      }
    },
  };
}

/** The path and query, also of a whole address (RFC 9112, 3.2.2; read 2026-11-21); `null` where it is none. */
function originForm(url = ''): string | null {
  if (url.startsWith('/') || url === '*') return url;
  const parsed = URL.parse(url);
  return parsed && `${parsed.pathname}${parsed.search}`;
}

/** RFC 9112, 3.2: more than one is a 400; a proxy in front may have gone by another one than we would. */
function hostsOf({ rawHeaders }: IncomingMessage): number {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts;
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** Shed at once rather than queued; the client may well try again. */
const shed = (why: string, random: number) =>
  new HttpError(503, 'service_unavailable_error', `the server is overloaded: ${why}`, {
    code: 'overloaded',
    headers: {
      'retry-after': '1',
      'retry-after-ms': String(250 + Math.floor(random * 500)),
      'x-should-retry': 'true',
    },
  }).wire;
