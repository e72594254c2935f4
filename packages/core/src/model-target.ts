import type { Attempt, Call } from './call.ts';
import type { ChatChunk } from './chat.ts';
import { asGatewayError, GatewayError, isOurs } from './errors.ts';
import { type Frame, type Frames, frameOf } from './frame.ts';
import type { Host } from './host.ts';
import type { ChatAnswer, ChatBody, ChatStream, Credential, Provider, ProviderIO } from './provider.ts';
import { createEnding, type End, type Reply } from './reply.ts';
import { createFold } from './stream/fold.ts';
import { observe } from './stream/observe.ts';
import type { Permit, Settlement, Target } from './target.ts';
import { type Price, readUsage, type Usage } from './usage.ts';

export interface ModelTargetOptions {
  readonly provider: Provider;
  readonly model: string;
  readonly credential: Credential;
  readonly host: Host;
  readonly price?: Price | null;
  /** Context window in tokens; default unknown. */
  readonly window?: number | null;
  /** Default: the provider's own, else `global`. */
  readonly residency?: string;
}

const open: Permit = { settle() {} };
const encoder = new TextEncoder();

/**
 * The innermost target: one model of one provider under one credential. It alone writes the trail, turns whatever a
 * provider answers into a reply, and settles the permit.
 */
export function modelTarget(options: ModelTargetOptions): Target {
  const { provider, model, credential, host } = options;
  const price = options.price ?? null;
  const residency = options.residency ?? provider.residency ?? 'global';
  const target: Target = {
    id: `${provider.name}:${model}`,
    provider: provider.name,
    model,
    credential: credential.id,
    residency,
    facts: () => ({
      price,
      window: options.window ?? null,
      residency,
      latencyMs: null,
      errorRate: null,
      inFlight: null,
      blocked: null,
    }),
    acquire: () => open,
    async handle(call, permit) {
      const record = begin(call, target, host, permit, price);
      try {
        call.signal.throwIfAborted();
        const io = ioOf(host, credential, call);
        const { native, value } = call.request;
        const answer = await settleKind(
          provider.chat({ ...value, model }, io, native?.of === value ? native : undefined),
          call,
        );
        if (answer.kind === 'completion') return completion(answer, target, record);
        return await stream(answer, target, record, call);
      } catch (error) {
        throw record.failed(failureOf(error, call));
      }
    },
  };
  return target;
}

/** An abort from our side wins over whatever it made the provider throw. */
function failureOf(error: unknown, call: Call): GatewayError {
  if (call.signal.aborted) return asGatewayError(call.signal.reason);
  return asGatewayError(error);
}

const ioOf = (host: Host, credential: Credential, call: Call): ProviderIO => ({
  signal: call.signal,
  credential,
  clock: host.clock,
  random: host.random,
  http: (request) =>
    host.transport({ ...request, signal: call.signal, ...(call.progress && { progress: call.progress }) }),
});

/** Chunks as asked for: framed where the caller streams, folded where not. */
async function settleKind(answer: ChatAnswer, call: Call): Promise<ChatBody | ChatStream> {
  const streams = call.request.value.stream === true;
  const given: ChatBody | ChatStream =
    Symbol.asyncIterator in answer ? { kind: 'stream', frames: framesOf(answer, call) } : await answer;
  if (given.kind === 'completion' || streams) return given;
  const fold = createFold();
  const observation = await observe(given.frames, () => {}, choicesOf(call));
  try {
    for await (const frame of observation.frames) for (const chunk of frame.chunks()) fold.add(chunk);
  } catch (error) {
    // nobody has seen any of it, so nothing is committed
    throw asGatewayError(error).cause ?? error;
  }
  const whole = fold.done();
  return { kind: 'completion', bytes: encoder.encode(JSON.stringify(whole)), json: () => whole };
}

const choicesOf = ({ request }: Call): number => request.value.n ?? 1;

async function* framesOf(
  chunks: AsyncIterable<ChatChunk>,
  call: Call,
): AsyncGenerator<Frame, undefined, undefined> {
  for await (const chunk of chunks) {
    call.signal.throwIfAborted();
    call.progress?.('bytes');
    yield frameOf(chunk);
  }
  return undefined;
}

interface Record {
  content(): void;
  failed(error: GatewayError): GatewayError;
  ended(end: End, usage: Usage | null): void;
  readonly entry: Attempt;
}

function begin(call: Call, target: Target, host: Host, permit: Permit, price: Price | null): Record {
  const startedAt = host.clock.now();
  const entry: Attempt = {
    provider: target.provider,
    model: target.model,
    outcome: 'running',
    status: null,
    startedAt,
    waitedMs: call.waitedMs ?? 0,
    firstContentMs: null,
    latencyMs: null,
    why: null,
    until: null,
    usage: null,
    cost: null,
  };
  call.trail.push(entry);
  let settled = false;
  const settle = (outcome: Settlement['outcome'], error?: GatewayError) => {
    if (settled) return;
    settled = true;
    entry.outcome = outcome;
    entry.latencyMs = host.clock.now() - startedAt;
    entry.why = error?.message ?? entry.why;
    entry.status = error?.details.status ?? entry.status;
    const { retryAfterMs = null, blameless = false } = error?.details ?? {};
    permit.settle({
      outcome: blameless ? 'aborted' : outcome,
      retryAfterMs,
      firstContentMs: entry.firstContentMs,
      latencyMs: entry.latencyMs,
    });
  };
  return {
    entry,
    content() {
      entry.firstContentMs = host.clock.now() - startedAt;
      entry.status = 200;
      call.progress?.('content');
    },
    failed(error) {
      settle(isOurs(error) ? 'aborted' : error.class, error);
      return error;
    },
    ended(end, usage) {
      entry.usage = usage;
      entry.cost = usage && price ? price(usage, host.clock.wall()) : null;
      if (entry.cost !== null) call.budget.spend(entry.cost);
      if (end.error) settle(isOurs(end.error) ? 'aborted' : end.error.class, end.error);
      else settle(end.abandoned ? 'aborted' : 'ok');
    },
  };
}

function completion(body: ChatBody, target: Target, record: Record): Reply {
  const value = body.json();
  if (!Array.isArray(value.choices) || value.choices.length === 0)
    throw new GatewayError('malformed', 'the upstream answered without choices', { status: 200 });
  record.content();
  const usage = readUsage(value.usage);
  const ending = createEnding();
  const end: End = { abandoned: false };
  record.ended(end, usage);
  ending.finish(end);
  return {
    kind: 'completion',
    by: target,
    bytes: body.bytes,
    json: body.json,
    ending,
    usage: () => usage,
    cost: () => record.entry.cost,
  };
}

async function stream(answer: ChatStream, target: Target, record: Record, call: Call): Promise<Reply> {
  const ending = createEnding();
  const { frames, observed } = await observe(
    aborting(answer.frames, call),
    (end) => {
      record.ended(end, observed.usage);
      ending.finish(end);
    },
    choicesOf(call),
  );
  record.content();
  return {
    kind: 'stream',
    by: target,
    frames,
    ending,
    usage: () => observed.usage,
    cost: () => record.entry.cost,
  };
}

/** What an abort makes the source throw is reported as the abort's own reason. */
function aborting(frames: Frames, call: Call): Frames {
  return {
    [Symbol.asyncIterator]() {
      const iterator = frames[Symbol.asyncIterator]();
      return {
        next: () =>
          iterator.next().catch((error) => {
            throw failureOf(error, call);
          }),
        return: () => iterator.return?.() ?? Promise.resolve({ done: true, value: undefined }),
      };
    },
  };
}
