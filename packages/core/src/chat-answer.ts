import type { Call } from './call.ts';
import type { ChatChunk } from './chat.ts';
import { abortable } from './clock.ts';
import { asGatewayError } from './errors.ts';
import { type Frame, frameOf } from './frame.ts';
import type { ChatAnswer, ChatBody, ChatStream } from './provider.ts';
import { createFold } from './stream/fold.ts';
import { observe } from './stream/observe.ts';

const encoder = new TextEncoder();

/** Chunks as asked for: framed where the caller streams, folded where not. */
export async function asAsked(
  answer: ChatAnswer,
  call: Call,
  sent: () => void,
): Promise<ChatBody | ChatStream> {
  const streams = call.request.value.stream === true;
  if (Symbol.asyncIterator in answer) sent(); // nobody says when; it may be at once
  const given: ChatBody | ChatStream =
    Symbol.asyncIterator in answer
      ? { kind: 'stream', frames: framesOf(answer, call) }
      : await abortable(answer, call.signal);
  if (given.kind === 'completion' || streams) return given;
  const fold = createFold();
  const observation = await observe(given.frames, () => {}, choicesOf(call));
  try {
    for await (const frame of observation.frames) for (const chunk of frame.chunks()) fold.add(chunk);
  } catch (error) {
    // nobody has seen any of it, so nothing is committed
    throw asGatewayError(error).cause ?? error;
  }
  const whole = fold.done();
  return { kind: 'completion', bytes: encoder.encode(JSON.stringify(whole)), json: () => whole };
}

/** How many answers were asked for. */
export const choicesOf = ({ request }: Call): number =>
  request.operation === 'chat' ? (request.value.n ?? 1) : 1;

/** A plugin's generator may know nothing of signals: nobody waits for it once its call is over. */
async function* framesOf(
  chunks: AsyncIterable<ChatChunk>,
  call: Call,
): AsyncGenerator<Frame, undefined, undefined> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    for (;;) {
      const step = await abortable(iterator.next(), call.signal);
      if (step.done) return undefined;
      call.progress?.('bytes');
      yield frameOf(step.value);
    }
  } finally {
    void iterator.return?.().catch(() => {}); // one that hangs would not come back from this either
  }
}
