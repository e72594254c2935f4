import type { Call } from './call.ts';
import type { ChatChunk } from './chat.ts';
import { abortable } from './clock.ts';
import { asGatewayError } from './errors.ts';
import { type Frame, type Frames, frameOf, type StreamEnd } from './frame.ts';
import type { ChatAnswer, ChatBody, ChatStream } from './provider.ts';
import { foldFrames } from './stream/fold.ts';
import { observe } from './stream/observe.ts';
import { unfold } from './stream/unfold.ts';

/** What a provider gives, chunks as frames; ends when the call does. */
export function givenBy(
  answer: ChatAnswer,
  call: Call,
  sent: () => void,
): ChatStream | Promise<ChatBody | ChatStream> {
  if (!(Symbol.asyncIterator in answer)) return abortable(answer, call.signal);
  sent(); // nobody says when; it may be at once
  return { kind: 'stream', frames: framesOf(answer, call) };
}

/** An answer as asked for: a stream where the caller streams, folded where not. */
export function asAsked(given: ChatBody | ChatStream, call: Call): ChatBody | ChatStream | Promise<ChatBody> {
  const streams = call.request.value.stream === true;
  if (given.kind === 'completion') return streams ? unfolded(given) : given;
  return streams ? given : folded(given, call);
}

async function folded(given: ChatStream, call: Call): Promise<ChatBody> {
  const observation = await observe(aborting(given.frames, call), () => {}, choicesOf(call));
  try {
    return await foldFrames(observation.frames);
  } catch (error) {
    // nobody has seen any of it, so nothing is committed
    throw asGatewayError(error).cause ?? error;
  }
}

/** A whole answer where a stream was asked for. */
const unfolded = (body: ChatBody): ChatStream => ({
  kind: 'stream',
  frames: (async function* () {
    for (const chunk of unfold(body.json())) yield frameOf(chunk);
    return 'complete' as const;
  })(),
});

/** How many answers were asked for. */
export const choicesOf = ({ request }: Call): number =>
  request.operation === 'chat' ? (request.value.n ?? 1) : 1;

/** By hand, so that whoever leaves reaches the source at once: a generator's `return` waits for its `next`. */
function framesOf(chunks: AsyncIterable<ChatChunk>, call: Call): Frames {
  return {
    [Symbol.asyncIterator]() {
      const iterator = chunks[Symbol.asyncIterator]();
      return {
        async next() {
          const step = await iterator.next();
          if (step.done) return { done: true, value: undefined };
          call.progress?.('bytes');
          return { done: false, value: frameOf(step.value) };
        },
        async return() {
          await iterator.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

type Step = IteratorResult<Frame, StreamEnd | undefined>;

/**
 * Frames that end when their call does, with its reason, whatever the source makes of the abort: a plugin's may know
 * nothing of signals, and nobody waits for it.
 */
export function aborting(frames: Frames, { signal }: Call): Frames {
  return {
    [Symbol.asyncIterator]() {
      const iterator = frames[Symbol.asyncIterator]();
      // of the one step that is waited for
      let resolve: (step: Step) => void = () => {};
      let reject: (reason: unknown) => void = () => {};
      const came = (step: Step) => resolve(step);
      const failed = (error: unknown) => reject(asGatewayError(signal.aborted ? signal.reason : error));
      signal.addEventListener('abort', failed, { once: true });
      return {
        next: () =>
          new Promise((onStep, onFailure) => {
            resolve = onStep;
            reject = onFailure;
            if (signal.aborted) failed(signal.reason);
            else iterator.next().then(came, failed);
          }),
        return() {
          // one that hangs would not come back from this either
          void (async () => iterator.return?.())().catch(() => {});
          return Promise.resolve({ done: true, value: undefined });
        },
      };
    },
  };
}
