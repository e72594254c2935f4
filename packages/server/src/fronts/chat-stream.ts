import { type ChatChunk, eventOf, type Frame, type Stream, writeUsage } from '@inferbridge/core';
import { type Block, deltaWithBlock } from '../compat/block.ts';

const encoder = new TextEncoder();
const event = (chunk: ChatChunk): Uint8Array => encoder.encode(eventOf(chunk));
const DONE = encoder.encode('data: [DONE]\n\n');

type Step = IteratorResult<Uint8Array, void>;

export interface StreamShape {
  /** Did the client ask for the usage chunk? Nobody else ever sees a chunk without choices. */
  readonly usage: boolean;
  /** Made at the end, when cost and tokens are known. */
  readonly block: () => Block;
}

/**
 * A stream as the client gets it: frames pass as they are, the chunk with the finish reason waits for the usage
 * behind it and takes the block along, then the usage where it was asked for, then `[DONE]`. Throws what the frames throw.
 */
export function clientStream(reply: Stream, shape: StreamShape): AsyncIterable<Uint8Array> {
  const frames = reply.frames[Symbol.asyncIterator]();
  let rest: AsyncIterator<Uint8Array, void> | null = null;
  const pass = (step: IteratorResult<Frame, unknown>): Step | Promise<Step> => {
    const bytes = step.done ? null : passing(step.value);
    if (bytes) return { done: false, value: bytes };
    rest = ending(reply, shape, step.done ? null : step.value, frames);
    return rest.next();
  };
  // by hand as long as frames pass as they are: a generator would cost as much as sending them
  const iterator: AsyncIterator<Uint8Array, void> = {
    next: () => (rest ? rest.next() : frames.next().then(pass)),
    async return() {
      await (rest ?? frames).return?.();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** The bytes of a frame that tells nothing; what cannot be read is left to the generator, which closes its source then. */
function passing(frame: Frame): Uint8Array | null {
  try {
    return frame.tells() ? null : frame.bytes;
  } catch {
    return null;
  }
}

/** From the first frame that tells something; `null` where there is none. */
async function* ending(
  reply: Stream,
  { usage, block }: StreamShape,
  first: Frame | null,
  frames: AsyncIterator<Frame>,
): AsyncGenerator<Uint8Array, void> {
  let held: ChatChunk | null = null;
  let usageChunk: ChatChunk | null = null;
  let latest: ChatChunk | null = null;
  let over = first === null;
  try {
    for (let frame = first; frame; ) {
      if (!held && !frame.tells()) yield frame.bytes;
      else
        for (const chunk of frame.chunks()) {
          if (chunk.choices.length === 0) {
            if (chunk.usage) usageChunk = chunk;
            continue;
          }
          if (held) yield event(held);
          held = null;
          latest = chunk;
          if (chunk.choices.some(({ finish_reason }) => typeof finish_reason === 'string')) held = chunk;
          else yield event(chunk);
        }
      over = true; // where it throws
      const step = await frames.next();
      over = step.done === true;
      frame = step.done ? null : step.value;
    }
  } finally {
    if (!over) await frames.return?.();
  }
  const last = held ?? closing(latest, usageChunk);
  yield event(carrying(last, block()));
  const total = usageChunk ?? usageOf(reply, last);
  if (usage && total) yield event(total);
  yield DONE;
}

/** The last chunk with a choice, the block in its first choice's delta. */
function carrying(chunk: ChatChunk, block: Block): ChatChunk {
  const [first, ...others] = chunk.choices;
  if (!first) return chunk;
  return { ...chunk, choices: [{ ...first, delta: deltaWithBlock(first.delta, block) }, ...others] };
}

/** An upstream that said it was done but not why: it stopped. */
const closing = (latest: ChatChunk | null, usageChunk: ChatChunk | null): ChatChunk => {
  const { id = 'chatcmpl-0', created = 0, model = '' } = latest ?? usageChunk ?? {};
  return {
    id,
    object: 'chat.completion.chunk',
    created,
    model,
    choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
  };
};

function usageOf(reply: Stream, { id, object, created, model }: ChatChunk): ChatChunk | null {
  const usage = reply.usage();
  return usage && { id, object, created, model, choices: [], usage: writeUsage(usage) };
}
