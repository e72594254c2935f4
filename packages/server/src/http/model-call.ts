import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import {
  type Call,
  createBudget,
  type Gateway,
  GatewayError,
  type Host,
  isGatewayError,
  type Roster,
} from '@inferbridge/core';
import { explain, type User } from '@inferbridge/plugins';
import { blockOf } from '../compat/block.ts';
import { readHeaders, replyHeaders } from '../compat/headers.ts';
import type { Front, Writer } from '../fronts/front.ts';
import { parseObject, readBody } from './body.ts';
import type { ReadCallState } from './call-state.ts';
import { unauthenticated } from './http-error.ts';
import { type Authenticate, bearerOf } from './identify.ts';
import { createPatience, requestName } from './patience.ts';
import { sendJson, sendWire, sent, wireErrorOf, write } from './send.ts';
import { createTurns } from './turn.ts';

export interface ModelCallOptions {
  readonly gateway: Gateway;
  readonly host: Host;
  readonly authenticate: Authenticate;
  readonly bodyLimitBytes: number;
  readonly callState: ReadCallState;
  /** Streams that are open, so that a shutdown can end them. */
  readonly open: Roster<(reason: GatewayError) => void>;
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
  'x-content-type-options': 'nosniff',
} as const;

export type Answer = (request: IncomingMessage, response: ServerResponse, requestId: string) => Promise<void>;

/** Answers model calls, whatever dialect they come in. */
export function createModelCall(options: ModelCallOptions): (front: Front) => Answer {
  const { gateway, host, authenticate, bodyLimitBytes, callState, open } = options;
  const patience = createPatience(host.clock);
  const nextTurn = createTurns();

  return (front) => async (request, response, requestId) => {
    const startedAt = host.clock.now();
    const id = { 'x-request-id': requestId, ...front.headers?.(requestId) };
    const leave = new AbortController();
    const over = open.add((reason) => leave.abort(reason));
    let user: User | null = null;
    let body: Buffer | null = null;
    response.on('close', () => {
      over();
      if (response.writableFinished) return;
      if (user && body && !response.headersSent)
        patience.gaveUp(requestName(user.id, body), host.clock.now() - startedAt);
      leave.abort(gone());
    });
    let direct = false;
    let writer: Writer | null = null;
    try {
      const bearer = bearerOf(request);
      const asked = bearer === null ? null : authenticate(bearer);
      user = asked instanceof Promise ? await asked : asked; // most are known, and need not wait
      if (!user) throw unauthenticated();
      const headers = readHeaders(request.headers);
      const again = Number(request.headers['x-stainless-retry-count'] ?? 0) > 0;
      direct = headers.override !== null;
      body = await readBody(request, bodyLimitBytes);
      const patienceMs = headers.patienceMs ?? (again ? patience.learned(requestName(user.id, body)) : null);
      await nextTurn();
      const { request: understood, about } = understand(front, body, request.headers);
      const call: Call = {
        id: requestId,
        request: understood,
        signal: leave.signal,
        budget: createBudget(host.clock, { deadlineMs: deadline(patienceMs), ...(again && NO_RETRIES) }),
        state: callState(user, request.headers, about, headers),
        trail: [],
      };
      const { value } = call.request;
      writer = front.writer({
        requestId,
        asked: about,
        request: call.request,
        block: (reply) =>
          blockOf(reply, {
            mode: call.state.mode ?? value.model,
            requestId,
            latencyMs: host.clock.now() - startedAt,
            trace: headers.trace && call.state.route ? explain(call.state.route) : null,
          }),
      });
      const waiting = value.stream === true ? keepAlive(response, host, id) : null;
      const answered = gateway.handle(call);
      const reply = await (waiting ? answered.finally(waiting.stop) : answered);
      await nextTurn();
      const all = { ...id, ...replyHeaders(reply) };
      if (reply.kind === 'stream') {
        startStream(response, all);
        await pour(response, writer.stream(reply));
      } else sendJson(response, 200, writer.whole(reply), all);
      // as long as the client has not taken it, it is on its way, and counts
      const taken = sent(response);
      if (taken !== true) await taken;
    } catch (error) {
      const wire = wireErrorOf(error, { direct });
      if (isGatewayError(error) && error.class === 'internal')
        host.log.error({ err: error.cause, request_id: requestId }, 'a request failed unexpectedly');
      else if (!isGatewayError(error) && wire.status === 500)
        host.log.error({ err: error, request_id: requestId }, 'a request failed unexpectedly');
      if (!response.headersSent) return sendWire(response, wire, front.failure(wire, requestId), id);
      if (!response.destroyed) response.end(writer?.broken(wire));
    } finally {
      over();
    }
  };
}

/** The request, and what its answer may repeat: the conversation is not kept twice. */
function understand(front: Front, body: Buffer, headers: IncomingHttpHeaders) {
  const asked = parseObject(body, front.parse);
  const request = front.request(asked, body, headers);
  const { messages: _, input: __, ...about } = asked;
  return { request, about };
}

const gone = () => new GatewayError('client_closed', 'the client closed the connection');

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

/** Sends what comes, at the client's pace, until the client has gone. */
async function pour(response: ServerResponse, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of bytes) {
    const alive = write(response, piece);
    if (alive !== true && !(await alive)) break;
  }
  if (!response.destroyed) response.end();
}
