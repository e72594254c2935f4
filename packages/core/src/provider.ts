import type { NativeReply, NativeRequest } from './call.ts';
import type { ChatChunk, ChatCompletion, ChatRequest } from './chat.ts';
import type { Clock } from './clock.ts';
import type { EmbeddingsRequest, EmbeddingsResponse } from './embeddings.ts';
import type { GatewayError } from './errors.ts';
import type { Frames } from './frame.ts';
import type { HttpRequest, HttpResponse } from './host.ts';

/** Who pays: a secret and a name for it. */
export interface Credential {
  /** Names the credential without telling it. */
  readonly id: string;
  readonly secret: string;
  /** Where this credential is valid, for providers that are reached at an address of the user's own. */
  readonly baseUrl?: string;
  /** Whose account at the provider it belongs to; what is cached is kept by it. Default: the id. */
  readonly account?: string;
}

/** What a provider gets for one request. */
export interface ProviderIO {
  /** Aborts when nobody waits for the answer any more; already wired into `http`. */
  readonly signal: AbortSignal;
  readonly credential: Credential;
  /** A `signal` of its own ends this one request sooner. */
  http(
    request: Omit<HttpRequest, 'signal' | 'progress'> & Partial<Pick<HttpRequest, 'signal'>>,
  ): Promise<HttpResponse>;
  /** Notes that a field of the request is left out because this vendor cannot honour it; the caller is told its name. */
  dropped(param: string): void;
  readonly clock: Clock;
  random(): number;
}

/** A whole answer: the body's bytes, and the parsed body where somebody asks. */
export interface ChatBody {
  readonly kind: 'completion';
  readonly bytes: Uint8Array;
  json(): ChatCompletion;
  /** The same as the upstream sent it, where its dialect is that of `native` in the request. */
  readonly native?: NativeReply;
}

/** The answer to an embeddings request, in the encoding that was asked for. */
export interface EmbeddingsBody {
  readonly bytes: Uint8Array;
  json(): EmbeddingsResponse;
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
  /** Can be used without any key, as a server of the operator's own can. Default false. */
  readonly keyless?: boolean;
  /** `native` is the request as it came in, where it still says the same but for the model. */
  chat(request: ChatRequest, io: ProviderIO, native?: NativeRequest): ChatAnswer;
  /** What becomes of things that a request may ask for, by their names: for people to read; `unfit` decides. */
  readonly features?: Readonly<Record<string, 'native' | 'emulated' | 'dropped' | 'refused'>>;
  /** Absent where the vendor has no embeddings. */
  embed?(request: EmbeddingsRequest, io: ProviderIO): Promise<EmbeddingsBody>;
  /**
   * Why this vendor's `model` cannot do what is asked (`unsupported`, naming the parameter), or `null`. Asked when a
   * plan is made, for each candidate: cheap and pure. Who cannot is left out before any strategy sees it.
   */
  unfit?(request: ChatRequest, model: string): GatewayError | null;
  /** The model names that this credential can use. */
  models?(io: ProviderIO): Promise<readonly string[]>;
  /** Resolves where the provider answers; throws a `GatewayError` where not. */
  health?(io: ProviderIO): Promise<void>;
}
