import {
  type ChatBody,
  type ChatChunk,
  type ChatRequest,
  type ChatStream,
  type Clock,
  createHost,
  type GatewayError,
  type HttpRequest,
  isGatewayError,
  type Provider,
  type ProviderIO,
  type ProviderPlugin,
  type StreamEnd,
} from '@inferbridge/core';
import { virtualClock } from '@inferbridge/core/testing';

export const SECRET = 'sk-secret-0123456789';

/** What an upstream answers: JSON for an object, bytes as they are for a text, events for `pieces`. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly pieces?: readonly Uint8Array[];
}

export interface Sent {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly guarded: boolean;
  readonly body: Record<string, unknown>;
}

export interface Exchange {
  /** What went upstream, in order. */
  readonly sent: readonly Sent[];
  readonly dropped: readonly string[];
  readonly error: GatewayError | null;
  readonly completion: ReturnType<ChatBody['json']> | null;
  readonly chunks: readonly ChatChunk[];
  readonly end: StreamEnd | undefined;
}

export const HELLO: ChatRequest = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
/** The least that is a completion. */
export const WHOLE = {
  id: 'c-1',
  object: 'chat.completion',
  created: 5,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
};

const host = createHost({
  transport: () => Promise.reject(new Error('nobody is called past the script')),
  clock: virtualClock(),
  random: () => 0.25,
});

/** A vendor as it is made from its configuration. */
export const made = (plugin: ProviderPlugin, options?: object): Omit<Provider, 'name'> =>
  plugin.init(options as Record<string, unknown> | undefined, host); // the plugin checks it

/** What a provider gets, with an upstream that answers by a script and a caller who hears what is dropped. */
export function scriptedIO(
  answers: readonly Answer[],
  more: { baseUrl?: string; secret?: string; clock?: Clock } = {},
): { io: ProviderIO; sent: Sent[]; dropped: string[]; requests: Partial<HttpRequest>[] } {
  const sent: Sent[] = [];
  const dropped: string[] = [];
  const requests: Partial<HttpRequest>[] = [];
  const io: ProviderIO = {
    ...host,
    ...(more.clock && { clock: more.clock }),
    signal: new AbortController().signal,
    dropped: (param) => void dropped.push(param),
    credential: { id: 'c', secret: more.secret ?? SECRET, ...(more.baseUrl && { baseUrl: more.baseUrl }) },
    async http(request) {
      const answer = answers[requests.length] ?? { status: 500 };
      requests.push(request);
      const body: Record<string, unknown> = JSON.parse(Buffer.from(request.body ?? '{}').toString());
      sent.push({ url: request.url, headers: request.headers, guarded: request.guarded ?? false, body });
      const { body: said = WHOLE } = answer;
      const bytes =
        said instanceof Uint8Array
          ? said
          : Buffer.from(typeof said === 'string' ? said : JSON.stringify(said));
      const type = answer.pieces ? 'text/event-stream' : 'application/json';
      return {
        status: answer.status ?? 200,
        headers: { 'content-type': type, ...answer.headers },
        bytes: async () => bytes,
        body: (async function* () {
          yield* answer.pieces ?? [bytes];
        })(),
      };
    },
  };
  return { io, sent, dropped, requests };
}

/** Asks once and reads the whole answer. Rejects only with what is no `GatewayError`. */
export async function exchange(
  provider: Omit<Provider, 'name'>,
  request: Partial<ChatRequest> = {},
  answers: readonly Answer[] = [{}],
  more: Parameters<typeof scriptedIO>[1] = {},
): Promise<Exchange> {
  const { io, sent, dropped } = scriptedIO(answers, more);
  const chunks: ChatChunk[] = [];
  const told = { sent, dropped, chunks, completion: null, error: null, end: undefined };
  try {
    const answer = await (provider.chat({ ...HELLO, ...request }, io) as Promise<ChatBody | ChatStream>); // these vendors speak HTTP
    if (answer.kind === 'completion') return { ...told, completion: answer.json() };
    const frames = answer.frames[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await frames.next();
      if (done) return { ...told, end: value };
      chunks.push(...value.chunks());
    }
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    return { ...told, error };
  }
}

/** Events as they are on the wire, with the mark at the end. */
export const events = (...values: readonly unknown[]): Uint8Array[] => [
  Buffer.from([...values.map((value) => `data: ${JSON.stringify(value)}\n\n`), 'data: [DONE]\n\n'].join('')),
];
