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
  const frame = (bytes: Uint8Array | null): Frame | null => {
    if (!bytes) return null;
    const chunks = parseEvents(bytes).flatMap(({ data }) => translate.event(parseJson(data)));
    if (options.native) return nativeFrame({ dialect: ANTHROPIC_DIALECT, bytes }, chunks);
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
