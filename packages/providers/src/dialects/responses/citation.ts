import { isRecord } from '../openai/errors.ts';
import type { Item } from './item.ts';

const place = (value: unknown): number => (typeof value === 'number' && Number.isInteger(value) ? value : 0);
const words = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * A citation as chat has it; `null` for what cites no address. `before` is the length of the text in earlier parts.
 * Source: openai 7.55.0, ResponseOutputText.URLCitation and ChatCompletionMessage.Annotation (read 2026-11-20).
 */
export function chatCitation(annotation: unknown, before: number): Item | null {
  if (!isRecord(annotation) || annotation['type'] !== 'url_citation') return null;
  const { url, title, start_index, end_index } = annotation;
  return {
    type: 'url_citation',
    url_citation: {
      url: words(url),
      title: words(title),
      start_index: place(start_index) + before,
      end_index: place(end_index) + before,
    },
  };
}

/** The same as a response has it; `null` for what cites no address. */
export function flatCitation(annotation: unknown): Item | null {
  const inner = isRecord(annotation) ? annotation['url_citation'] : null;
  if (!isRecord(inner)) return null;
  const { url, title, start_index, end_index } = inner;
  return {
    type: 'url_citation',
    url: words(url),
    title: words(title),
    start_index: place(start_index),
    end_index: place(end_index),
  };
}
