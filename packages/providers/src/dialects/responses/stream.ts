import {
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
  const frame = (bytes: Uint8Array | null): Frame | null => {
    if (!bytes) return null;
    const chunks = parseEvents(bytes).flatMap(({ data }) => translate.event(parseJson(data)));
    if (native) return nativeFrame({ dialect: RESPONSES_DIALECT, bytes }, chunks);
    return chunks.length > 0 ? frameOf(...chunks) : null;
  };
  for await (const piece of body) {
    const next = frame(cutter.push(piece));
    if (next) yield next;
    if (translate.stopped()) return 'complete';
  }
  const rest = frame(cutter.end());
  if (rest) yield rest;
  return translate.stopped() ? 'complete' : 'cut';
}
