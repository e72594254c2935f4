import type { NativeReply, Outcome, Reply, Stream, Usage } from '@inferbridge/core';
import { type Clock, type Frame, onFinish } from '@inferbridge/core';

/** A text as it was sent, and in the upstream's own dialect where that is what the caller spoke. */
export interface Saying {
  readonly text: string;
  readonly native?: string;
}

/** One frame of a stream, and how long after the one before it came. */
export interface Piece extends Saying {
  readonly afterMs: number;
}

/** A complete answer as it is kept. Times are milliseconds since 1970. */
export interface Entry {
  readonly at: number;
  /** Until then it is an answer like any other. */
  readonly fresh: number;
  /** Until then it may stand in for a failure. */
  readonly until: number;
  readonly by: Pick<Outcome['by'], 'provider' | 'model' | 'residency'>;
  readonly usage: Usage | null;
  readonly dropped?: readonly string[];
  /** Of the native texts. */
  readonly dialect?: string;
  /** What was said: whole, or as the pieces of a stream. */
  readonly said: Saying | readonly Piece[];
  /** Names the request that was answered, where another one may ask for the same entry. */
  readonly meaning?: string;
  /** How that request was routed. */
  readonly mode?: string;
}

export const isStreamed = (said: Entry['said']): said is readonly Piece[] => Array.isArray(said);

/** Larger answers are not kept. */
export const MOST_ENTRY_BYTES = 4_194_304;

export const encode = (entry: Entry): string => JSON.stringify(entry);

/** `null` for what is no entry. */
export function decode(text: unknown): Entry | null {
  if (typeof text !== 'string') return null;
  try {
    const entry: Partial<Entry> | null = JSON.parse(text);
    const { at, fresh, until, by, said } = entry ?? {};
    const times = [at, fresh, until].every((time) => typeof time === 'number');
    const served = typeof by?.provider === 'string' && typeof by.model === 'string';
    const whole = Array.isArray(said) ? said.every(isSaying) : isSaying(said);
    return times && served && whole ? (entry as Entry) : null; // checked just above
  } catch {
    return null;
  }
}

const isSaying = (value: unknown): boolean => {
  const { text, native } = (value ?? {}) as { text?: unknown; native?: unknown }; // whatever was stored; only looked at
  return typeof text === 'string' && (native === undefined || typeof native === 'string');
};

const decoder = new TextDecoder();

export type Times = Pick<Entry, 'at' | 'fresh' | 'until'>;

/** An answer that is there at once. */
export const entryOf = (reply: Exclude<Reply, Stream>, times: Times): Entry => ({
  ...about(reply, times),
  ...(nativeOf(reply) && { dialect: nativeOf(reply)?.dialect ?? '' }),
  said: sayingOf(reply.bytes, nativeOf(reply)),
});

const nativeOf = (reply: Exclude<Reply, Stream>): NativeReply | undefined =>
  reply.kind === 'completion' ? reply.native : undefined;

const about = ({ by, usage, dropped }: Reply, times: Times) => ({
  ...times,
  by: { provider: by.provider, model: by.model, residency: by.residency },
  usage: usage(),
  ...(dropped && { dropped }),
});

function sayingOf(bytes: Uint8Array, native?: NativeReply): Saying {
  return { text: decoder.decode(bytes), ...(native && { native: decoder.decode(native.bytes) }) };
}

/**
 * Writes an answer down: at once, or while its stream passes. `kept` gets the entry when the answer is complete; a stream
 * that failed, was left by its reader, or is too large is forgotten.
 */
export function recorded<One extends Reply>(
  reply: One,
  clock: Clock,
  times: () => Times,
  kept: (entry: Entry) => void,
): One {
  if (reply.kind === 'stream') return recordedStream(reply, clock, times, kept) as One; // a stream stays one
  kept(entryOf(reply, times()));
  return reply;
}

function recordedStream(
  reply: Stream,
  clock: Clock,
  times: () => Times,
  kept: (entry: Entry) => void,
): Stream {
  let pieces: Piece[] | null = [];
  let bytes = 0;
  let dialect: string | undefined;
  let last = clock.now();
  const note = (frame: Frame) => {
    if (!pieces) return;
    const { native } = frame;
    const saying = sayingOf(frame.bytes, native);
    bytes += saying.text.length + (saying.native?.length ?? 0);
    if (bytes > MOST_ENTRY_BYTES) {
      pieces = null;
      return;
    }
    dialect ??= native?.dialect;
    const now = clock.now();
    pieces.push({ ...saying, afterMs: Math.round(now - last) });
    last = now;
  };
  onFinish(reply, ({ error, abandoned }) => {
    if (error || abandoned || !pieces) return;
    kept({ ...about(reply, times()), ...(dialect !== undefined && { dialect }), said: pieces });
  });
  return { ...reply, frames: noted(reply.frames, note) };
}

function noted(frames: AsyncIterable<Frame>, note: (frame: Frame) => void): AsyncIterable<Frame> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = frames[Symbol.asyncIterator]();
      return {
        async next() {
          const step = await iterator.next();
          if (!step.done) note(step.value);
          return step;
        },
        return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}
