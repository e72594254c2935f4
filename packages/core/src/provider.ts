import type { Request } from './call.ts';
import type { ChatChunk, ChatCompletion, ChatRequest } from './chat.ts';
import type { Clock } from './clock.ts';
import type { Frames } from './frame.ts';
import type { HttpRequest, HttpResponse } from './host.ts';

/** Who pays: a secret and a name for it. */
export interface Credential {
  /** Names the credential without telling it. */
  readonly id: string;
  readonly secret: string;
  /** Where this credential is valid, for providers that are reached at an address of the user's own. */
  readonly baseUrl?: string;
}

/** What a provider gets for one request. */
export interface ProviderIO {
  /** Aborts when nobody waits for the answer any more; already wired into `http`. */
  readonly signal: AbortSignal;
  readonly credential: Credential;
  http(request: Omit<HttpRequest, 'signal' | 'progress'>): Promise<HttpResponse>;
  readonly clock: Clock;
  random(): number;
}

/** A whole answer: the body's bytes, and the parsed body where somebody asks. */
export interface ChatBody {
  readonly kind: 'completion';
  readonly bytes: Uint8Array;
  json(): ChatCompletion;
}

/** A streamed answer. Its iterator throws a `GatewayError` where the upstream reports an error in the stream. */
export interface ChatStream {
  readonly kind: 'stream';
  readonly frames: Frames;
}

/** A promise of bytes for those who speak HTTP, or just chunks; core folds and frames as needed. */
export type ChatAnswer = Promise<ChatBody | ChatStream> | AsyncIterable<ChatChunk>;

/** One vendor. `request` is canonical, its `model` is the vendor's own name; failures are thrown as `GatewayError`. */
export interface Provider {
  readonly name: string;
  /** Where the data goes; default `global`. */
  readonly residency?: string;
  /** `native` is the request as it came in, where it still says the same but for the model. */
  chat(request: ChatRequest, io: ProviderIO, native?: Request['native']): ChatAnswer;
  /** The model names that this credential can use. */
  models?(io: ProviderIO): Promise<readonly string[]>;
  /** Resolves where the provider answers; throws a `GatewayError` where not. */
  health?(io: ProviderIO): Promise<void>;
}
