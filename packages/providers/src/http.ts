import { isIP } from 'node:net';
import { GatewayError, type HttpRequest, type HttpResponse, type Transport } from '@inferbridge/core';
import type { buildConnector as Build, Dispatcher } from 'undici';
import { type AddressPolicy, guardedLookup, isAllowedAddress, refusedConnect } from './guard.ts';
import { createBody } from './http-body.ts';
import { decoded } from './http-decode.ts';
import { Agent, buildConnector } from './undici.ts';

export interface TransportOptions {
  /** Sockets to one origin; default 4,096. */
  readonly connections?: number;
  /** For addresses that users chose; default: public ones only. */
  readonly addresses?: AddressPolicy;
}

/** A transport with its sockets; close it and they are gone. */
export interface UndiciTransport {
  readonly send: Transport;
  close(): Promise<void>;
}

const POOL = {
  pipelining: 1, // more would queue a request behind an open stream
  allowH2: false,
  headersTimeout: 0, // the timers around a target watch, on a clock that tests can hold
  bodyTimeout: 0,
  keepAliveTimeout: 30_000,
  maxHeaderSize: 65_536,
} as const;
const CONNECT_MS = 30_000;
/** A socket that dies this soon after the write was most likely dead before: sent once more, on a fresh one. */
const STALE_SOCKET_MS = 1_000;

/** Reaches upstreams over undici: keep-alive, no redirects, no proxies from the environment. */
export function createTransport({
  connections = 4_096,
  addresses = { privateAddresses: false },
}: TransportOptions = {}): UndiciTransport {
  const plain = new Agent({ ...POOL, connections, connect: { timeout: CONNECT_MS } });
  const guarded = new Agent({ ...POOL, connections: 256, connect: guardedConnector(addresses) });
  return {
    send(request) {
      const agent = request.guarded ? guarded : plain;
      const sentAt = performance.now();
      return dispatch(agent, request).catch((error: unknown) => {
        if (!isStale(error) || performance.now() - sentAt > STALE_SOCKET_MS || request.signal.aborted)
          throw error;
        return dispatch(agent, request);
      });
    },
    async close() {
      await Promise.all([plain.destroy(), guarded.destroy()]);
    },
  };
}

/** Checks what is connected to, each time: the literal, what the name resolves to, and the socket's own word for it. */
function guardedConnector(policy: AddressPolicy): Build.connector {
  return (options, callback) => {
    const origin = `${options.protocol}//${options.host}`;
    const host = options.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !isAllowedAddress(host, origin, policy)) return callback(refusedConnect(), null);
    const connect = buildConnector({
      timeout: CONNECT_MS,
      lookup: guardedLookup(origin, policy),
      allowH2: false,
    });
    connect(options, (...answer) => {
      const [error, socket] = answer;
      if (error) return callback(error, null);
      if (socket.remoteAddress && isAllowedAddress(socket.remoteAddress, origin, policy))
        return callback(null, socket);
      socket.destroy();
      callback(refusedConnect(), null);
    });
  };
}

function dispatch(agent: Dispatcher, request: HttpRequest): Promise<HttpResponse> {
  const { signal, progress } = request;
  const { origin, path } = split(request.url);
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    let controller: Dispatcher.DispatchController | null = null;
    let settled = false;
    let answered = false;
    const body = createBody({
      pause: () => {
        progress?.('paused'); // the silence that follows is the reader's
        controller?.pause();
      },
      resume: () => {
        progress?.('bytes');
        controller?.resume();
      },
      leave: () => controller?.abort(new Error('nobody reads this any more')),
    });
    const onAbort = () => {
      if (controller) controller.abort(signal.reason);
      fail(signal.reason);
    };
    const fail = (error: unknown) => {
      signal.removeEventListener('abort', onAbort);
      const reason = signal.aborted ? signal.reason : error;
      if (!settled) {
        settled = true;
        reject(reason);
      }
      body.fail(reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    progress?.('connecting');
    agent.dispatch(
      {
        origin,
        path,
        method: request.method,
        headers: request.headers,
        body: request.body ?? null,
      },
      {
        onRequestStart(started) {
          controller = started;
          if (signal.aborted) return started.abort(signal.reason);
          progress?.('connected');
        },
        onResponseStarted() {
          answered = true;
        },
        onResponseStart(_, status, headers) {
          if (status < 200) return;
          settled = true;
          progress?.('headers');
          const plain = headersOf(headers);
          resolve(decoded({ status, headers: plain, bytes: body.bytes, body: body.pieces }));
        },
        onResponseData(_, piece) {
          progress?.('bytes');
          body.push(piece);
        },
        onResponseEnd() {
          signal.removeEventListener('abort', onAbort);
          body.end();
        },
        onResponseError(_, error) {
          fail(settled || answered ? cut(failureOf(error)) : failureOf(error));
        },
      },
    );
  });
}

function split(url: string): { origin: string; path: string } {
  const slash = url.indexOf('/', url.indexOf('://') + 3);
  return slash < 0 ? { origin: url, path: '/' } : { origin: url.slice(0, slash), path: url.slice(slash) };
}

/** undici has their names in lower case; what came several times is joined. */
function headersOf(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const plain: Record<string, string> = Object.create(null);
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) plain[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return plain;
}

const codeOf = (error: unknown): string => {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { code?: unknown } }; // anything may be thrown; both are only compared
  return String(code ?? cause?.code ?? '');
};

const RESET = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ECONNABORTED'];
const UNREADABLE = [
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RESPONSE_EXCEEDED',
  'UND_ERR_INFO',
];

const isStale = (error: unknown): boolean =>
  error instanceof GatewayError &&
  error.details.code === 'upstream_reset' &&
  error.details.status === undefined;

function failureOf(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const code = codeOf(error);
  if (
    code.startsWith('HPE_') ||
    UNREADABLE.includes(code) ||
    (error as Error | null)?.name === 'HTTPParserError'
  )
    return new GatewayError('malformed', 'the upstream did not speak proper HTTP', {
      code: 'upstream_http',
      cause: error,
    });
  if (code === 'UND_ERR_CONNECT_TIMEOUT')
    return new GatewayError('timeout', 'no connection to the upstream in time', {
      code: 'connect_timeout',
      cause: error,
    });
  if (RESET.includes(code))
    return new GatewayError('unreachable', 'the upstream closed the connection', {
      code: 'upstream_reset',
      cause: error,
    });
  return new GatewayError('unreachable', 'the upstream could not be reached', {
    code: 'upstream_unreachable',
    cause: error,
  });
}

/** A connection that ends inside a body has not failed to be reached: the answer is cut. */
const cut = (failure: GatewayError): GatewayError =>
  failure.class === 'unreachable'
    ? new GatewayError('malformed', 'the upstream cut its answer short', {
        code: 'upstream_cut',
        cause: failure,
      })
    : failure;
