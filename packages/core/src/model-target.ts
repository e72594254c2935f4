import type { Call } from './call.ts';
import type { ChatCompletion, ChatRequest } from './chat.ts';
import { aborting, asAsked, choicesOf, givenBy } from './chat-answer.ts';
import { abortable } from './clock.ts';
import type { EmbeddingsRequest } from './embeddings.ts';
import { asGatewayError, GatewayError } from './errors.ts';
import type { Host } from './host.ts';
import type { ChatBody, ChatStream, Credential, Provider, ProviderIO } from './provider.ts';
import { begin, type Record } from './record.ts';
import { refused, refusedInStream } from './refusal.ts';
import { createEnding, type End, type Outcome, type Reply } from './reply.ts';
import { observe } from './stream/observe.ts';
import type { Permit, Target } from './target.ts';
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
    account: credential.account ?? credential.id,
    ownAddress: credential.baseUrl !== undefined,
    residency,
    facts: ({ request }) => ({
      price,
      window: options.window ?? null,
      residency,
      latencyMs: null,
      slowMs: null,
      ewmaMs: null,
      errorRate: null,
      inFlight: null,
      blocked: null,
      unfit:
        request.operation === 'embeddings'
          ? embedless(provider)
          : (provider.unfit?.(request.value, model) ?? null),
    }),
    acquire: () => open,
    async handle(call, permit) {
      const record = begin(call, target, host, permit, price);
      try {
        call.signal.throwIfAborted();
        const told: Told = { record, dropped: new Set() };
        const io = ioOf(host, credential, call, told);
        const { request } = call;
        if (request.operation === 'embeddings')
          return await embeddings(call, { ...request.value, model }, provider, target, io, told);
        const { native, value } = request;
        const asked: ChatRequest = { ...value, model };
        const given = await givenBy(
          provider.chat(asked, io, native?.of === value ? native : undefined),
          call,
          record.sent,
        );
        const shaped = asAsked(given, call);
        const answer = shaped instanceof Promise ? await shaped : shaped;
        if (answer.kind === 'completion') return completion(answer, target, told, call);
        return await stream(answer, target, told, call);
      } catch (error) {
        throw record.entry.outcome === 'running' ? record.failed(failureOf(error, call)) : error;
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

/** What an attempt learns on its way. */
interface Told {
  readonly record: Record;
  readonly dropped: Set<string>;
}

const about = ({ dropped }: Told) => (dropped.size > 0 ? { dropped: [...dropped] } : null);

const embedless = ({ embed }: Provider): GatewayError | null =>
  embed
    ? null
    : new GatewayError('unsupported', 'this provider has no embeddings', {
        param: 'model',
        code: 'unsupported_parameter',
      });

const ioOf = (host: Host, credential: Credential, call: Call, told: Told): ProviderIO => ({
  signal: call.signal,
  credential,
  clock: host.clock,
  random: host.random,
  dropped: (param) => void told.dropped.add(param),
  http: (request) =>
    (call.transport ?? host.transport)({
      ...request,
      signal: request.signal ? AbortSignal.any([request.signal, call.signal]) : call.signal,
      progress(phase) {
        if (phase === 'connected') told.record.sent();
        call.progress?.(phase);
      },
    }),
});

function completion(body: ChatBody, target: Target, told: Told, call: Call): Reply {
  const value = body.json();
  if (!Array.isArray(value.choices) || value.choices.length === 0)
    throw new GatewayError('malformed', 'the upstream answered without choices', { status: 200 });
  if (call.state.refusalFails) refuse(value, told);
  return {
    kind: 'completion',
    bytes: body.bytes,
    json: body.json,
    ...(body.native && { native: body.native }),
    ...whole(readUsage(value.usage), target, told),
  };
}

/** The refusal was an answer, and is paid. */
function refuse(value: ChatCompletion, told: Told): void {
  try {
    refused(value);
  } catch (error) {
    throw told.record.failed(asGatewayError(error), readUsage(value.usage));
  }
}

async function embeddings(
  { signal }: Call,
  request: EmbeddingsRequest,
  provider: Provider,
  target: Target,
  io: ProviderIO,
  told: Told,
): Promise<Reply> {
  const asked = provider.embed?.(request, io);
  const body = asked && (await abortable(asked, signal));
  if (!body) throw embedless(provider) ?? new TypeError('a provider with embed answered nothing');
  return {
    kind: 'embeddings',
    bytes: body.bytes,
    json: body.json,
    ...whole(readUsage(body.json().usage), target, told),
  };
}

/** What is known of a reply that is there at once. */
function whole(usage: Usage | null, by: Target, told: Told): Outcome {
  const { record } = told;
  record.content();
  const ending = createEnding();
  const end: End = { abandoned: false };
  record.ended(end, usage, 0);
  ending.finish(end);
  return { by, ending, usage: () => usage, cost: () => record.entry.cost, ...about(told) };
}

async function stream(answer: ChatStream, target: Target, told: Told, call: Call): Promise<Reply> {
  const { record } = told;
  const ending = createEnding();
  const { frames, observed } = await observe(
    aborting(answer.frames, call),
    (end) => {
      record.ended(end, observed.usage, observed.tokens());
      ending.finish(end);
    },
    choicesOf(call),
    call.state.refusalFails ? refusedInStream : undefined,
  );
  record.content();
  return {
    kind: 'stream',
    by: target,
    frames,
    ending,
    usage: () => observed.usage,
    cost: () => record.entry.cost,
    ...about(told),
  };
}
