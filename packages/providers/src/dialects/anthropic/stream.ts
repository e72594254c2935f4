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
import { createTranslation } from './events.ts';
import type { Reading } from './reading.ts';

/** The name of this dialect, for requests and replies that are kept as they came. */
export const ANTHROPIC_DIALECT = 'anthropic';

export interface StreamOptions {
  /** Seconds since 1970. */
  readonly created: number;
  readonly reading: Reading;
  /** The client speaks this dialect too: every frame carries the events as they came. */
  readonly native: boolean;
  /** An error event as the error that it is. */
  failure(event: unknown): GatewayError;
}

/**
 * Anthropic's events as OpenAI's chunks: text, thinking and tool calls as they come, then the finish reason, then the usage.
 * Source: https://docs.anthropic.com/en/api/messages-streaming (read 2026-11-20).
 */
export async function* messageFrames(
  body: AsyncIterable<Uint8Array>,
  options: StreamOptions,
): AsyncGenerator<Frame, StreamEnd, undefined> {
  const translate = createTranslation(options);
  const cutter = createCutter();
  /** What came before an event that reports a failure is sent on before that is thrown. */
  const frames = function* (bytes: Uint8Array | null): Generator<Frame, undefined, undefined> {
    if (!bytes) return;
    const chunks: ChatChunk[] = [];
    try {
      for (const { data } of parseEvents(bytes)) chunks.push(...translate.event(parseJson(data)));
    } catch (error) {
      if (chunks.length > 0 && !options.native) yield frameOf(...chunks);
      throw error;
    }
    if (options.native) yield nativeFrame({ dialect: ANTHROPIC_DIALECT, bytes }, chunks);
    else if (chunks.length > 0) yield frameOf(...chunks);
    return undefined;
  };
  const counted = () => {
    const chunks = translate.counted();
    if (chunks.length === 0) return [];
    return [
      options.native
        ? nativeFrame({ dialect: ANTHROPIC_DIALECT, bytes: NOTHING }, chunks)
        : frameOf(...chunks),
    ];
  };
  try {
    for await (const piece of body) {
      yield* frames(cutter.push(piece));
      if (translate.stopped()) return 'complete';
    }
    yield* frames(cutter.end());
  } catch (error) {
    yield* counted();
    throw error;
  }
  if (translate.stopped()) return 'complete';
  yield* counted();
  return 'cut';
}

const NOTHING = new Uint8Array(0);
