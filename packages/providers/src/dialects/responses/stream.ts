import {
  type ChatChunk,
  createCutter,
  type Frame,
  frameOf,
  type GatewayError,
  nativeFrame,
  parseEvents,
  type StreamEnd,
} from '@inferbridge/core';
import { parseJson } from '../../json.ts';
import { createTranslation } from './translation.ts';

/** The name of this dialect, for requests and replies that are kept as they came. */
export const RESPONSES_DIALECT = 'responses';

/**
 * The events of /v1/responses as chat chunks: text, thinking and calls as they come, then the finish reason, then the
 * usage. `created` stands where the response has no time of its own. Throws `failure(…)` where the response failed;
 * ends as `cut` where it was never said to be over. With `native`, every frame carries the events as they came.
 * Source: https://platform.openai.com/docs/api-reference/responses-streaming (openai 7.55.0, read 2026-11-20).
 */
export async function* responseFrames(
  body: AsyncIterable<Uint8Array>,
  created: number,
  failure: (body: unknown) => GatewayError,
  native = false,
): AsyncGenerator<Frame, StreamEnd, undefined> {
  const translate = createTranslation({ created, failure });
  const cutter = createCutter();
  /** What came before an event that reports a failure is sent on before that is thrown. */
  const frames = function* (bytes: Uint8Array | null): Generator<Frame, undefined, undefined> {
    if (!bytes) return;
    const chunks: ChatChunk[] = [];
    try {
      for (const { data } of parseEvents(bytes)) chunks.push(...translate.event(parseJson(data)));
    } catch (error) {
      if (chunks.length > 0 && !native) yield frameOf(...chunks);
      throw error;
    }
    if (native) yield nativeFrame({ dialect: RESPONSES_DIALECT, bytes }, chunks);
    else if (chunks.length > 0) yield frameOf(...chunks);
    return undefined;
  };
  for await (const piece of body) {
    yield* frames(cutter.push(piece));
    if (translate.stopped()) return 'complete';
  }
  yield* frames(cutter.end());
  return translate.stopped() ? 'complete' : 'cut';
}
