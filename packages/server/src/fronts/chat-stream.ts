import { type ChatChunk, eventOf, type Stream, writeUsage } from '@inferbridge/core';
import { type Block, deltaWithBlock } from '../compat/block.ts';

const encoder = new TextEncoder();
const event = (chunk: ChatChunk): Uint8Array => encoder.encode(eventOf(chunk));
const DONE = encoder.encode('data: [DONE]\n\n');

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
export async function* clientStream(
  reply: Stream,
  { usage, block }: StreamShape,
): AsyncGenerator<Uint8Array> {
  let held: ChatChunk | null = null;
  let usageChunk: ChatChunk | null = null;
  let latest: ChatChunk | null = null;
  for await (const frame of reply.frames) {
    if (!held && !frame.tells()) {
      yield frame.bytes;
      continue;
    }
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
