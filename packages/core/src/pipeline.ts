import { createBudget } from './budget.ts';
import type { Call, Request } from './call.ts';
import type { ChatRequest } from './chat.ts';
import { type Clock, systemClock } from './clock.ts';
import type { EmbeddingsRequest } from './embeddings.ts';
import { GatewayError } from './errors.ts';
import type { ChatReply, Embeddings, Reply } from './reply.ts';

export type Handler = (call: Call) => Promise<Reply>;

/** A stage: sees the call on its way in and the reply on its way out; `next` may run 0, 1 or n times. */
export type Middleware = (call: Call, next: Handler) => Promise<Reply>;

/** Named stages around a handler, outermost first. Every method returns a new pipeline. */
export interface Pipeline {
  readonly stages: readonly string[];
  /** Adds a stage inside all that are there. */
  use(name: string, stage: Middleware): Pipeline;
  before(place: string, name: string, stage: Middleware): Pipeline;
  after(place: string, name: string, stage: Middleware): Pipeline;
  replace(name: string, stage: Middleware): Pipeline;
  without(name: string): Pipeline;
  /** Closes the pipeline with the handler that answers. */
  to(handler: Handler): Gateway;
}

/** A closed pipeline. */
export interface Gateway {
  readonly stages: readonly string[];
  readonly handle: Handler;
  /** Asks without an HTTP server in front. */
  chat(request: ChatRequest, options?: ChatOptions): Promise<ChatReply>;
  embed(request: EmbeddingsRequest, options?: ChatOptions): Promise<Embeddings>;
}

export interface ChatOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds until there is an answer or the first content of a stream; default 600,000. */
  readonly deadlineMs?: number;
  readonly id?: string;
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly state?: Call['state'];
}

interface Stage {
  readonly name: string;
  readonly run: Middleware;
}

export const pipeline = (): Pipeline => open([]);

function open(stages: readonly Stage[]): Pipeline {
  const at = (name: string) => {
    const index = stages.findIndex((stage) => stage.name === name);
    if (index >= 0) return index;
    throw new TypeError(
      `no stage named "${name}"; there are: ${stages.map((s) => s.name).join(', ') || 'none'}`,
    );
  };
  const insert = (index: number, name: string, run: Middleware) => {
    if (stages.some((stage) => stage.name === name))
      throw new TypeError(`a stage named "${name}" is there already`);
    if (typeof run !== 'function')
      throw new TypeError(`stage "${name}" is not a function (call, next) => Promise<Reply>`);
    return open(stages.toSpliced(index, 0, { name, run }));
  };
  return {
    stages: stages.map((stage) => stage.name),
    use: (name, run) => insert(stages.length, name, run),
    before: (place, name, run) => insert(at(place), name, run),
    after: (place, name, run) => insert(at(place) + 1, name, run),
    replace: (name, run) => open(stages.with(at(name), { name, run })),
    without: (name) => open(stages.toSpliced(at(name), 1)),
    to: (handler) => close(stages, handler),
  };
}

function close(stages: readonly Stage[], handler: Handler): Gateway {
  const handle = stages.reduceRight<Handler>(
    (next, { run }) =>
      (call) =>
        run(call, next),
    handler,
  );
  return {
    stages: stages.map((stage) => stage.name),
    handle: (call) => {
      try {
        return handle(call);
      } catch (error) {
        return Promise.reject(error); // a stage that is no async function throws at once
      }
    },
    chat: async (request, options = {}) => {
      if (!Array.isArray(request.messages) || request.messages.length === 0)
        throw new GatewayError('invalid_request', 'messages: at least one message is needed', {
          param: 'messages',
        });
      const reply = await handle(createCall(request, options));
      if (reply.kind !== 'embeddings') return reply;
      throw new TypeError('a stage answered a chat with embeddings');
    },
    embed: async (request, options = {}) => {
      const reply = await handle(callFor({ operation: 'embeddings', value: request }, options));
      if (reply.kind === 'embeddings') return reply;
      throw new TypeError('a stage answered embeddings with a chat');
    },
  };
}

/** A call for one chat. */
export const createCall = (value: ChatRequest, options: ChatOptions = {}): Call =>
  callFor({ operation: 'chat', value }, options);

function callFor(request: Request, options: ChatOptions): Call {
  return {
    id: options.id ?? crypto.randomUUID(),
    request,
    signal: options.signal ?? new AbortController().signal,
    budget: createBudget(options.clock ?? systemClock, { deadlineMs: options.deadlineMs ?? 600_000 }),
    state: options.state ?? {},
    trail: [],
  };
}
