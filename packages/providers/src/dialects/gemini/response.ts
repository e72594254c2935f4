import { type ChatCompletion, createFold } from '@inferbridge/core';
import { isRecord } from '../openai/errors.ts';
import { createTranslation, type TranslationOptions } from './events.ts';

/**
 * A whole reply as a completion: what its chunks add up to. `null` where it is none. Throws as the stream does.
 * Source: https://ai.google.dev/api/generate-content#generatecontentresponse (read 2026-11-20).
 */
export function completionOf(body: unknown, options: TranslationOptions): ChatCompletion | null {
  const root: unknown = Array.isArray(body) ? body[0] : body;
  if (!isRecord(root)) return null;
  const translate = createTranslation(options);
  const fold = createFold();
  for (const chunk of translate.event(root)) fold.add(chunk);
  if (!translate.finished() && !Array.isArray(root['candidates'])) return null;
  for (const chunk of translate.end()) fold.add(chunk);
  const whole = fold.done();
  return whole.choices.length > 0 ? whole : null;
}
