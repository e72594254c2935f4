import { createCutter, type Frame, frameOf, parseEvents, type StreamEnd } from '@inferbridge/core';
import { parseJson } from '../../json.ts';
import { createTranslation, type TranslationOptions } from './events.ts';

/**
 * Gemini's events as OpenAI's chunks. There is no mark at the end: a stream is complete when every candidate has said
 * why it ended and the connection closes. Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent (read 2026-11-20).
 */
export async function* geminiFrames(
  body: AsyncIterable<Uint8Array>,
  options: TranslationOptions,
): AsyncGenerator<Frame, StreamEnd, undefined> {
  const translate = createTranslation(options);
  const cutter = createCutter();
  const frame = (bytes: Uint8Array | null): Frame | null => {
    const chunks = bytes ? parseEvents(bytes).flatMap(({ data }) => translate.event(eventIn(data))) : [];
    return chunks.length > 0 ? frameOf(...chunks) : null;
  };
  for await (const piece of body) {
    const next = frame(cutter.push(piece));
    if (next) yield next;
  }
  const rest = frame(cutter.end());
  if (rest) yield rest;
  if (!translate.finished()) return 'cut';
  const last = translate.end();
  if (last.length > 0) yield frameOf(...last);
  return 'complete';
}

/** Errors may come in a list. */
function eventIn(data: string): unknown {
  const value = parseJson(data);
  return Array.isArray(value) ? value[0] : value;
}
