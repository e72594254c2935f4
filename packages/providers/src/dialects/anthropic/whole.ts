import { type ChatCompletion, createFold, type Frame, GatewayError, type StreamEnd } from '@inferbridge/core';
import type { Reading } from './reading.ts';
import { check } from './response.ts';

/** A stream that nobody watches, as the whole answer that it adds up to. Throws where it breaks, or is not what was asked for. */
export async function wholeOf(
  frames: AsyncGenerator<Frame, StreamEnd, undefined>,
  reading: Reading,
): Promise<ChatCompletion> {
  const fold = createFold();
  for (;;) {
    const step = await frames.next();
    if (!step.done) for (const chunk of step.value.chunks()) fold.add(chunk);
    else if (step.value === 'complete') break;
    else
      throw new GatewayError('malformed', 'the upstream cut the stream before its end', {
        code: 'upstream_stream_truncated',
      });
  }
  const whole = fold.done();
  const [choice] = whole.choices;
  if (choice) check(choice.message, choice.finish_reason ?? 'stop', reading);
  return whole;
}
