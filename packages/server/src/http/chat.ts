import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type Call,
  createBudget,
  type Gateway,
  GatewayError,
  type Host,
  isGatewayError,
  type Stream,
} from '@inferbridge/core';
import type { User } from '@inferbridge/plugins';
import { OPENAI_DIALECT } from '@inferbridge/providers';
import { type BlockFacts, blockOf, withBlock } from '../compat/block.ts';
import { envelope } from '../compat/error-shape.ts';
import { type RequestHeaders, readHeaders } from '../compat/headers.ts';
import { clientStream } from '../compat/stream.ts';
import { parseObject, readBody } from './body.ts';
import { checkChat } from './chat-body.ts';
import { unauthenticated } from './http-error.ts';
import { type Authenticate, bearerOf } from './identify.ts';
import { createPatience, requestName } from './patience.ts';
import { sendError, sendJson, wireErrorOf, write } from './send.ts';
import { createTurns } from './turn.ts';

export interface ChatOptions {
  readonly gateway: Gateway;
  readonly host: Host;
  readonly authenticate: Authenticate;
  readonly bodyLimitBytes: number;
  /** Streams that are open, so that a shutdown can end them. */
  readonly open: Set<(reason: GatewayError) => void>;
}

/** A whole reply must be there, and a stream's first content, by then. */
const DEADLINE_MS = 600_000;
/** What of a client's own patience is kept for the way back. */
const WAY_BACK = { share: 0.05, mostMs: 500 } as const;
/** Comments for a client that waits for the first content; they commit to nothing but the status. */
const KEEP_ALIVE_MS = 15_000;
const KEEP_ALIVE = Buffer.from(': keep-alive\n\n');
const SSE = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const;

/** `POST /v1/chat/completions`. */
export function createChat(options: ChatOptions) {
  const { gateway, host, authenticate, bodyLimitBytes, open } = options;
  const patience = createPatience(host.clock);
  const nextTurn = createTurns();

  return async (request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> => {
    const startedAt = host.clock.now();
    const id = { 'x-request-id': requestId };
    const leave = new AbortController();
    const end = (reason: GatewayError) => leave.abort(reason);
    let user: User | null = null;
    let body: Buffer | null = null;
    response.on('close', () => {
      open.delete(end);
      if (response.writableFinished) return;
      if (user && body && !response.headersSent)
        patience.gaveUp(requestName(user.id, body), host.clock.now() - startedAt);
      leave.abort(gone());
    });
    open.add(end);
    let direct = false;
    try {
      const bearer = bearerOf(request);
      user = bearer === null ? null : await authenticate(bearer);
      if (!user) throw unauthenticated();
      const headers = readHeaders(request.headers);
      const again = Number(request.headers['x-stainless-retry-count'] ?? 0) > 0;
      direct = headers.override !== null;
      body = await readBody(request, bodyLimitBytes);
      const patienceMs = headers.patienceMs ?? (again ? patience.learned(requestName(user.id, body)) : null);
      await nextTurn();
      const value = checkChat(parseObject(body));
      const call: Call = {
        id: requestId,
        request: { operation: 'chat', value, native: { dialect: OPENAI_DIALECT, bytes: body, of: value } },
        signal: leave.signal,
        budget: createBudget(host.clock, { deadlineMs: deadline(patienceMs), ...(again && NO_RETRIES) }),
        state: { user, ...stateOf(headers) },
        trail: [],
      };
      const facts = (): BlockFacts => ({
        mode: call.state.mode ?? value.model,
        requestId,
        latencyMs: host.clock.now() - startedAt,
      });
      const waiting = value.stream === true ? keepAlive(response, host, id) : null;
      const reply = await gateway.handle(call).finally(() => waiting?.stop());
      await nextTurn();
      if (reply.kind === 'completion')
        return sendJson(response, 200, withBlock(reply.bytes, blockOf(reply, facts())), id);
      if (reply.kind !== 'stream') throw new TypeError('a chat was answered with embeddings');
      await sendStream(response, reply, facts, value.stream_options?.include_usage === true, id);
    } catch (error) {
      const wire = wireErrorOf(error, { direct });
      if (isGatewayError(error) && error.class === 'internal')
        host.log.error({ err: error.cause, request_id: requestId }, 'a request failed unexpectedly');
      else if (!isGatewayError(error) && wire.status === 500)
        host.log.error({ err: error, request_id: requestId }, 'a request failed unexpectedly');
      if (!response.headersSent) return sendError(response, wire, id);
      if (!response.destroyed) response.end(`data: ${JSON.stringify(envelope(wire))}\n\n`);
    } finally {
      open.delete(end);
    }
  };
}

const gone = () => new GatewayError('client_closed', 'the client closed the connection');

const stateOf = ({ override, residency, timeoutMs, session }: RequestHeaders): Call['state'] => ({
  ...(override !== null && { override }),
  ...(residency !== null && { residency }),
  ...(timeoutMs !== null && { attemptTimeoutMs: timeoutMs }),
  ...(session !== null && { session }),
});

/** Our deadline, or the client's own where that is sooner. */
function deadline(patienceMs: number | null): number {
  if (patienceMs === null) return DEADLINE_MS;
  return Math.min(DEADLINE_MS, patienceMs - Math.min(WAY_BACK.mostMs, patienceMs * WAY_BACK.share));
}

/** A client that is trying again spends from the same purse: no further tries of ours on top. */
const NO_RETRIES = { retries: 0 } as const;

function startStream(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
  if (!response.headersSent && !response.destroyed) response.writeHead(200, { ...SSE, ...headers });
}

function keepAlive(response: ServerResponse, { clock }: Host, headers: Readonly<Record<string, string>>) {
  let timer: unknown = null;
  const beat = () => {
    startStream(response, headers);
    if (response.destroyed) return;
    response.write(KEEP_ALIVE);
    timer = clock.setTimeout(beat, KEEP_ALIVE_MS);
  };
  timer = clock.setTimeout(beat, KEEP_ALIVE_MS);
  return { stop: () => clock.clearTimeout(timer) };
}

async function sendStream(
  response: ServerResponse,
  reply: Stream,
  facts: () => BlockFacts,
  usage: boolean,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  startStream(response, headers);
  for await (const bytes of clientStream(reply, { usage, block: () => blockOf(reply, facts()) })) {
    const alive = write(response, bytes);
    if (alive !== true && !(await alive)) break;
  }
  if (!response.destroyed) response.end();
}
