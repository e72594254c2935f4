import {
  bodyOf,
  type ChatCompletion,
  type Clock,
  type Completion,
  createEnding,
  createFold,
  type EmbeddingsResponse,
  type End,
  type Frame,
  frameOf,
  type NativeReply,
  type Outcome,
  type Reply,
  type Request,
  rawFrame,
  type Stream,
  sleep,
  unfold,
} from '@inferbridge/core';
import { type Entry, isStreamed, type Piece, type Saying } from './entry.ts';

export interface ReplayOptions {
  readonly cached: NonNullable<Outcome['cached']>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** At the pace at which it came the first time. */
  readonly paced: boolean;
}

/** Nobody waits longer than this between two pieces. */
const LONGEST_PAUSE_MS = 10_000;

/** What is kept as the reply to a request that may stream, or may not: one entry serves both. */
export function replay(entry: Entry, request: Request, options: ReplayOptions): Reply {
  const { said, dialect } = entry;
  if (request.operation === 'embeddings') {
    const bytes = isStreamed(said) ? new Uint8Array() : said.bytes;
    return {
      ...outcome(entry, options, true),
      kind: 'embeddings',
      bytes,
      json: () => parse<EmbeddingsResponse>(bytes),
    };
  }
  if (request.value.stream === true)
    return streamOf(isStreamed(said) ? piecesOf(said, dialect, options) : unfolded(said), entry, options);
  const head = { ...outcome(entry, options, true), kind: 'completion' } as const;
  if (isStreamed(said)) return { ...head, ...bodyOf(folded(said)) };
  const { bytes } = said;
  return {
    ...head,
    bytes,
    json: () => parse<ChatCompletion>(bytes),
    ...withNative(said, dialect),
  } satisfies Completion;
}

/** What came whole in the caller's own dialect cannot be told as a stream of that dialect without losing some of it. */
export const fits = ({ said, dialect }: Entry, request: Request): boolean =>
  request.operation !== 'chat' ||
  request.value.stream !== true ||
  isStreamed(said) ||
  dialect === undefined ||
  dialect !== request.native?.dialect;

/** What was written here was checked when it came. */
const parse = <T>(bytes: Uint8Array): T => JSON.parse(new TextDecoder().decode(bytes)) as T;

function outcome({ by, usage, dropped }: Entry, { cached }: ReplayOptions, ended: boolean) {
  const ending = createEnding();
  if (ended) ending.finish({ abandoned: false });
  return { by, ending, usage: () => usage, cost: () => 0, cached, ...(dropped && { dropped }) };
}

function withNative({ native }: Saying, dialect: string | undefined): { native?: NativeReply } {
  return native !== undefined && dialect !== undefined ? { native: { dialect, bytes: native } } : {};
}

function streamOf(frames: AsyncGenerator<Frame>, entry: Entry, options: ReplayOptions): Stream {
  const head = outcome(entry, options, false);
  return { ...head, kind: 'stream', frames: told(frames, head.ending.finish) };
}

/** Tells once how the reading ended. */
function told(frames: AsyncGenerator<Frame>, finish: (end: End) => void): AsyncIterable<Frame> {
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const step = await frames.next();
        if (step.done) finish({ abandoned: false });
        return step;
      },
      async return() {
        finish({ abandoned: true });
        return frames.return(undefined);
      },
    }),
  };
}

async function* piecesOf(
  pieces: readonly Piece[],
  dialect: string | undefined,
  { paced, clock, signal }: ReplayOptions,
): AsyncGenerator<Frame> {
  for (const piece of pieces) {
    if (paced && piece.afterMs > 0) await sleep(clock, Math.min(piece.afterMs, LONGEST_PAUSE_MS), signal);
    yield { ...rawFrame(piece.bytes), ...withNative(piece, dialect) };
  }
}

async function* unfolded({ bytes }: Saying): AsyncGenerator<Frame> {
  for (const chunk of unfold(parse<ChatCompletion>(bytes))) yield frameOf(chunk);
}

function folded(pieces: readonly Piece[]): ChatCompletion {
  const fold = createFold();
  for (const { bytes } of pieces) for (const chunk of rawFrame(bytes).chunks()) fold.add(chunk);
  return fold.done();
}
