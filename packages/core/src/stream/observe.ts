import type { ChatChunk } from '../chat.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import { carriesContent, type Frame, type Frames } from '../frame.ts';
import type { End } from '../reply.ts';
import { readUsage, type Usage } from '../usage.ts';

/** What a stream has told so far. */
export interface Observed {
  usage: Usage | null;
  finished: boolean;
  /** Tokens of content that have come, estimated (characters / 4); what an upstream bills that was not let finish. */
  tokens(): number;
}

/** The same while it grows: a stream has finished when as many choices have as were asked for. */
interface Observing extends Observed {
  readonly finishedChoices: Set<number>;
  readonly choices: number;
  bytes: number;
  /** Characters of content in a byte of the first frame that had any; later frames are taken to be like it. */
  density: number;
}

/** What may come before the first content; a role and some comments take a thousandth of it. */
const MOST_HELD_BYTES = 1_048_576;

export interface Observation {
  /** What to send on, beginning with what came before the first content. Can be read once. */
  readonly frames: AsyncIterable<Frame>;
  readonly observed: Observed;
}

/**
 * Reads a stream up to its first content (the commit point) and hands it on from its start. Before that, every
 * failure rejects and the stream may be replaced; after it, failures are thrown to the reader of `frames`.
 * A stream that ends without any content but with a finish reason is an answer (an empty one); one that just ends is
 * `malformed`. `ended` runs exactly once, also where the reader leaves early. `accept` sees the first content, or the
 * end where there is none, and may throw.
 */
export async function observe(
  source: Frames,
  ended: (end: End) => void,
  choices = 1,
  accept: (chunks: readonly ChatChunk[]) => void = () => {},
): Promise<Observation> {
  const iterator = source[Symbol.asyncIterator]();
  const observed: Observing = {
    usage: null,
    finished: false,
    finishedChoices: new Set(),
    choices,
    bytes: 0,
    density: 0,
    tokens: () => Math.ceil((observed.bytes * observed.density) / 4),
  };
  const held: Frame[] = [];
  let heldBytes = 0;
  let complete = false;
  try {
    for (;;) {
      const step = await iterator.next();
      if (step.done) {
        honest(step.value, observed, !observed.finished);
        accept(held.flatMap((frame) => frame.chunks()));
        complete = true;
        break;
      }
      held.push(step.value);
      heldBytes += step.value.bytes.length;
      note(step.value.chunks(), observed);
      if (step.value.chunks().some(carriesContent)) {
        accept(step.value.chunks());
        observed.bytes = sizeOf(step.value);
        observed.density = charactersOf(step.value) / Math.max(1, observed.bytes);
        break;
      }
      if (heldBytes > MOST_HELD_BYTES)
        throw new GatewayError('malformed', 'the upstream sent too much without any content', {
          code: 'upstream_no_content',
        });
    }
  } catch (error) {
    await iterator.return?.().catch(() => {});
    throw asGatewayError(error);
  }
  return { observed, frames: committed(iterator, held, complete, observed, ended) };
}

type Step = IteratorResult<Frame, undefined>;

function committed(
  iterator: AsyncIterator<Frame, unknown, undefined>,
  held: Frame[],
  complete: boolean,
  observed: Observing,
  ended: (end: End) => void,
): AsyncIterable<Frame> {
  let over = false;
  const finish = (end: End) => {
    if (over) return;
    over = true;
    ended(end);
  };
  const done = { done: true, value: undefined } as const;
  const came = (step: IteratorResult<Frame, unknown>): Step | Promise<Step> => {
    try {
      if (step.done) {
        honest(step.value, observed, false);
        finish({ abandoned: false });
        return done;
      }
      if (step.value.tells()) note(step.value.chunks(), observed);
      observed.bytes += sizeOf(step.value);
      return step;
    } catch (error) {
      return failed(error);
    }
  };
  const failed = async (error: unknown): Promise<Step> => {
    if (observed.finished && asGatewayError(error).details.code === 'upstream_cut') {
      // all had been said; only the goodbye is missing
      finish({ abandoned: false });
      return done;
    }
    const failure = commitError(asGatewayError(error));
    finish({ abandoned: false, error: failure });
    await iterator.return?.().catch(() => {});
    throw failure;
  };
  // handlers that are there once, and no async functions: every event passes here
  const reader: AsyncIterator<Frame, undefined, undefined> = {
    next() {
      const early = held.shift();
      if (early) return Promise.resolve({ done: false, value: early });
      if (complete) finish({ abandoned: false });
      if (over) return Promise.resolve(done);
      return iterator.next().then(came, failed);
    },
    async return() {
      finish({ abandoned: true });
      held.length = 0;
      await iterator.return?.().catch(() => {});
      return done;
    },
  };
  return { [Symbol.asyncIterator]: () => reader };
}

/** Of what is sent on; the other form is not made for this. */
const sizeOf = (frame: Frame): number => (frame.native ?? frame).bytes.length;

/** Characters of what a frame says, however it says it. */
function charactersOf(frame: Frame): number {
  let characters = 0;
  for (const { choices } of frame.chunks())
    for (const { delta } of choices)
      for (const value of Object.values(delta ?? {}))
        if (typeof value === 'string') characters += value.length;
        else if (typeof value === 'object' && value !== null) characters += JSON.stringify(value).length;
  return characters;
}

/** The same failure, marked as one that came after content had been sent on. */
function commitError(error: GatewayError): GatewayError {
  return new GatewayError(error.class, error.message, { ...error.details, committed: true, cause: error });
}

function honest(end: unknown, observed: Observing, empty: boolean): void {
  if (empty)
    throw new GatewayError('malformed', 'the upstream ended the stream without an answer', {
      code: 'upstream_stream_empty',
    });
  if (end === 'cut' && !observed.finished)
    throw new GatewayError('malformed', 'the upstream cut the stream before its end', {
      code: 'upstream_stream_truncated',
    });
}

function note(chunks: readonly ChatChunk[], observed: Observing): void {
  for (const chunk of chunks) {
    if (chunk.usage) observed.usage = readUsage(chunk.usage) ?? observed.usage;
    for (const { index, finish_reason } of chunk.choices)
      if (typeof finish_reason === 'string') observed.finishedChoices.add(index);
    observed.finished = observed.finishedChoices.size >= observed.choices;
  }
}
