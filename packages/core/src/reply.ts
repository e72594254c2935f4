import type { NativeReply } from './call.ts';
import type { ChatCompletion } from './chat.ts';
import type { EmbeddingsResponse } from './embeddings.ts';
import type { GatewayError } from './errors.ts';
import type { Frame } from './frame.ts';
import type { Target } from './target.ts';
import type { Money, Usage } from './usage.ts';

/** How a reply ended. `abandoned`: its reader left before the end. */
export interface End {
  readonly error?: GatewayError;
  readonly abandoned: boolean;
}

/** Remembers who wants to know that a reply has finished, and tells each exactly once. */
export interface Ending {
  on(listener: (end: End) => void): void;
  finish(end: End): void;
}

/** One listener's trouble is neither the others' nor the reader's. */
function tell(listener: (end: End) => void, end: End): void {
  try {
    listener(end);
  } catch {
    // a listener that cares catches for itself
  }
}

export function createEnding(): Ending {
  let ended: End | null = null;
  let listeners: ((end: End) => void)[] = [];
  return {
    on(listener) {
      if (ended) tell(listener, ended);
      else listeners.push(listener);
    },
    finish(end) {
      if (ended) return;
      ended = end;
      const waiting = listeners;
      listeners = [];
      for (const listener of waiting) tell(listener, end);
    },
  };
}

/** What every reply tells. Usage and cost are known when it has finished; `null` is unknown, never zero. */
export interface Outcome {
  readonly by: Pick<Target, 'provider' | 'model' | 'residency' | 'account' | 'ownAddress'>;
  readonly ending: Ending;
  usage(): Usage | null;
  cost(): Money | null;
  readonly cached?: 'hit' | 'coalesced' | 'stale';
  /** The outcome of an earlier request with the same idempotency key. */
  readonly replayed?: boolean;
  /** Request fields that whoever served it could not honour and left out. */
  readonly dropped?: readonly string[];
}

export interface Completion extends Outcome {
  readonly kind: 'completion';
  /** The JSON body, whole and checked. */
  readonly bytes: Uint8Array;
  json(): ChatCompletion;
  /** The same answer as the upstream gave it, where its dialect is the one in which was asked. */
  readonly native?: NativeReply;
}

export interface Stream extends Outcome {
  readonly kind: 'stream';
  /** Ends normally when the answer is complete, throws a `GatewayError` when it is not. */
  readonly frames: AsyncIterable<Frame>;
}

export interface Embeddings extends Outcome {
  readonly kind: 'embeddings';
  /** The JSON body, whole and checked. */
  readonly bytes: Uint8Array;
  json(): EmbeddingsResponse;
}

/** What a chat is answered with. */
export type ChatReply = Completion | Stream;

export type Reply = ChatReply | Embeddings;

/**
 * Calls `listener` exactly once when the reply has finished: at once for a completion, at the end of a stream
 * otherwise, abandoned or failed ones included. Everything that counts, logs, prices or stores hangs on this.
 */
export function onFinish(reply: Reply, listener: (end: End) => void): void {
  reply.ending.on(listener);
}

/** Lets go of a reply that nobody will read; its upstream is aborted. */
export async function abandon(reply: Reply): Promise<void> {
  if (reply.kind === 'stream') await reply.frames[Symbol.asyncIterator]().return?.();
}
