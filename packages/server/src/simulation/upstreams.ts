import {
  type ChatBody,
  type ChatChunk,
  type ChatRequest,
  type ErrorClass,
  GatewayError,
  type Provider,
  type ProviderIO,
  requestFacts,
  sleep,
  type Transport,
} from '@inferbridge/core';
import type { Latency } from './scenario.ts';

/** What one simulated request meets. */
export interface Fate {
  /** It fails with this, before any content, after a while. */
  readonly fails?: { readonly error: GatewayError; readonly afterMs: number };
  /** It never answers. */
  readonly hangs?: boolean;
  readonly firstContentMs: number;
  /** From the first content to the end. */
  readonly restMs: number;
  /** A stream breaks after this share of its pieces. */
  readonly breaksAt?: number;
}

/** Decides what becomes of a request to a provider at a moment. */
export type Decide = (asked: {
  readonly provider: string;
  readonly model: string;
  readonly outputTokens: number;
  readonly stream: boolean;
  /** On the simulation's clock, milliseconds since it began. */
  readonly at: number;
  random(): number;
}) => Fate;

/** Streams are told in so many pieces: enough to break in the middle. */
const PIECES = 4;
const encoder = new TextEncoder();

/** A provider that behaves as it is decided; what it can do and cannot do is the real one's. */
export function simulated(real: Provider, decide: Decide): Provider {
  const { name } = real;
  const fateOf = (request: ChatRequest, io: ProviderIO, stream: boolean): Fate =>
    decide({
      provider: name,
      model: request.model,
      outputTokens: outputOf(request),
      stream,
      at: io.clock.now(),
      random: io.random,
    });
  return {
    name,
    ...(real.residency !== undefined && { residency: real.residency }),
    ...(real.keyless !== undefined && { keyless: real.keyless }),
    ...(real.unfit && {
      unfit: (request: ChatRequest, model: string) => real.unfit?.(request, model) ?? null,
    }),
    chat(request, io) {
      const stream = request.stream === true;
      const fate = fateOf(request, io, stream);
      return stream ? streamed(request, io, fate) : whole(request, io, fate);
    },
  };
}

/** A connection that stands at once: from here on the request costs; and the head of an answer when it comes. */
export const reach: Transport = async ({ url, progress }) => {
  for (const phase of url === HEAD ? (['headers'] as const) : (['connecting', 'connected'] as const))
    progress?.(phase);
  return { status: 200, headers: {}, bytes: async () => new Uint8Array(), body: (async function* () {})() };
};

const ASK = 'simulated:ask';
const HEAD = 'simulated:head';
const toldOf = (url: string) => ({ method: 'POST', url, headers: {} }) as const;

/** The traffic says how long the answer is to be. */
const outputOf = ({ max_completion_tokens: tokens }: ChatRequest): number => tokens ?? 100;

const usageOf = (request: ChatRequest) => {
  const { inputTokens: input } = requestFacts({ operation: 'chat', value: request });
  const output = outputOf(request);
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
};

async function meet({ fails, hangs }: Fate, io: ProviderIO): Promise<void> {
  const { clock, signal } = io;
  // whoever refuses the connection is never asked
  if (fails?.error.class !== 'unreachable') await io.http(toldOf(ASK));
  if (hangs) await sleep(clock, Number.MAX_SAFE_INTEGER, signal);
  if (!fails) return;
  await sleep(clock, fails.afterMs, signal);
  throw fails.error;
}

async function whole(request: ChatRequest, io: ProviderIO, fate: Fate): Promise<ChatBody> {
  await meet(fate, io);
  await sleep(io.clock, fate.firstContentMs + fate.restMs, io.signal);
  await io.http(toldOf(HEAD));
  if (fate.breaksAt !== undefined) throw broken();
  const value = {
    id: 'simulated',
    object: 'chat.completion' as const,
    created: 0,
    model: request.model,
    choices: [{ index: 0, message: { role: 'assistant' as const, content: 'ok' }, finish_reason: 'stop' }],
    usage: usageOf(request),
  };
  return { kind: 'completion', bytes: encoder.encode('{}'), json: () => value };
}

async function* streamed(request: ChatRequest, io: ProviderIO, fate: Fate): AsyncGenerator<ChatChunk> {
  await meet(fate, io);
  const { firstContentMs, restMs, breaksAt = 2 } = fate;
  const head = {
    id: 'simulated',
    object: 'chat.completion.chunk' as const,
    created: 0,
    model: request.model,
  };
  await sleep(io.clock, firstContentMs, io.signal);
  await io.http(toldOf(HEAD));
  for (let piece = 0; piece < PIECES; piece++) {
    if (piece / PIECES >= breaksAt) throw broken();
    if (piece > 0) await sleep(io.clock, restMs / (PIECES - 1), io.signal);
    yield { ...head, choices: [{ index: 0, delta: { content: 'ok ' }, finish_reason: null }] };
  }
  yield {
    ...head,
    choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
    usage: usageOf(request),
  };
}

const broken = () => new GatewayError('unreachable', 'the connection broke (simulated)');

const BY_STATUS: Readonly<Record<number, ErrorClass>> = {
  400: 'invalid_request',
  401: 'bad_credential',
  402: 'quota_exhausted',
  403: 'bad_credential',
  404: 'model_not_found',
  408: 'server_error',
  409: 'server_error',
  413: 'context_length',
  422: 'invalid_request',
  425: 'server_error',
  429: 'rate_limited',
  498: 'overloaded',
  503: 'overloaded',
  529: 'overloaded',
};

/** A refusal with this status, as vendors' own files would class it. */
export const refusalOf = (status: number, retryAfterMs?: number): GatewayError =>
  new GatewayError(
    BY_STATUS[status] ?? (status < 500 ? 'invalid_request' : 'server_error'),
    `simulated ${status}`,
    {
      status,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    },
  );

/** Of a log-normal distribution with these two points. */
export function drawn({ p50, p95 }: Latency, random: () => number): number {
  const sigma = Math.log(p95 / p50) / 1.6449;
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return p50 * Math.exp(sigma * normal);
}
