import type { Budget } from './budget.ts';
import type { ChatRequest } from './chat.ts';
import type { EmbeddingsRequest } from './embeddings.ts';
import type { ErrorClass } from './errors.ts';
import type { Transport } from './host.ts';
import type { Money, Usage } from './usage.ts';

/** What is asked for, in canonical form, and as it came in where the edge kept it. */
export type Request = ChatOperation | EmbeddingsOperation;

export interface ChatOperation {
  readonly operation: 'chat';
  readonly value: ChatRequest;
  readonly native?: NativeRequest;
}

export interface EmbeddingsOperation {
  readonly operation: 'embeddings';
  readonly value: EmbeddingsRequest;
}

/** A body as the client sent it. Says the same as `of`; a stage that changes the value leaves this behind. */
export interface NativeRequest {
  readonly dialect: string;
  readonly bytes: Uint8Array;
  readonly of: ChatRequest;
  /** The body as it was read, where `of` is a translation of it. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Headers that belong to the dialect, names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A body or an event as the upstream sent it, in the dialect that the client speaks as well. */
export interface NativeReply {
  readonly dialect: string;
  readonly bytes: Uint8Array;
}

/** Facts added on the way in. Plugins add their fields by declaration merging; each is written once. */
export interface CallState {
  /** Per-attempt timers that differ from the targets' own, in milliseconds. */
  timeouts?: Partial<Timeouts>;
  /** They are the caller's own wish: one that ends soon says nothing of the target. */
  timeoutsOfCaller?: boolean;
  /** Settles when every attempt that lost a race has ended and stands on the trail as it ended. */
  losers?: Promise<unknown>;
  /** An answer with 200 that is a refusal counts as `content_policy`; default: it is an answer. */
  refusalFails?: boolean;
}

/** The five timers of an attempt, in milliseconds. */
export interface Timeouts {
  readonly connectMs: number;
  readonly headersMs: number;
  readonly firstContentMs: number;
  readonly idleMs: number;
  readonly totalMs: number;
}

/** What an attempt's transport reports on its way; timers listen. */
export type Phase = 'connecting' | 'connected' | 'headers' | 'bytes' | 'content' | 'paused';

/** One request on its way. Never mutated across an attempt: `fork` derives. */
export interface Call {
  /** Becomes X-Request-ID. */
  readonly id: string;
  readonly request: Request;
  /** Aborts when the client has gone, the deadline has passed, or a race is lost. */
  readonly signal: AbortSignal;
  readonly budget: Budget;
  /** One record, shared by forks, so that the outermost stage sees what the inner ones learned. */
  readonly state: CallState;
  /** One entry per upstream request and per skipped candidate, in the order in which they began. */
  readonly trail: Attempt[];
  /** Set for one attempt by the timers around it. */
  readonly progress?: (phase: Phase) => void;
  /** Set for one attempt by the engine: ends this attempt alone. `signal` then aborts with the reason. */
  readonly abort?: (reason: unknown) => void;
  /** Set for one attempt by a layer: how the upstream is reached instead of over the host's own transport. */
  readonly transport?: Transport;
  /** Set for one attempt by the engine: how long it held it back. */
  readonly waitedMs?: number;
}

/** One line of the trail: an upstream request, or a candidate that was passed over. */
export interface Attempt {
  readonly provider: string;
  readonly model: string;
  outcome: 'running' | 'ok' | 'skipped' | 'aborted' | ErrorClass;
  /** The upstream's HTTP status, where it answered with one. */
  status: number | null;
  /** On `Clock.now()`. */
  readonly startedAt: number;
  /** How long the engine held it back before it began. */
  readonly waitedMs: number;
  firstContentMs: number | null;
  latencyMs: number | null;
  /** Why it was skipped or how it failed, in our own words. */
  why: string | null;
  /** Until when the candidate is blocked, milliseconds since 1970. */
  until: number | null;
  usage: Usage | null;
  cost: Money | null;
  /** What the fire drill did to it. */
  fault?: string;
  /** It failed because its caller gave it too little time; that says nothing of the target. */
  blameless?: boolean;
  /** The cost is an estimate: it was ended before the upstream said what it had used. */
  estimated?: boolean;
}

/** A call that differs in what is given and shares everything else. */
export function fork(
  call: Call,
  change: Partial<
    Pick<Call, 'signal' | 'abort' | 'budget' | 'progress' | 'request' | 'waitedMs' | 'transport'>
  >,
): Call {
  return { ...call, ...change };
}
