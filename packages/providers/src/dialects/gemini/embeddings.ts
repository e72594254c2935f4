import type { EmbeddingsRequest, EmbeddingsResponse } from '@inferbridge/core';
import { unsupported } from '../../features.ts';
import { isRecord } from '../openai/errors.ts';

/** One request for all texts. Source: https://ai.google.dev/api/embeddings (read 2026-11-20). */
export function embeddingsBody(
  { input, dimensions, user }: EmbeddingsRequest,
  model: string,
  dropped: (param: string) => void,
): Record<string, unknown> {
  if (user !== undefined) dropped('user');
  const texts: readonly unknown[] = typeof input === 'string' ? [input] : input;
  return {
    requests: texts.map((text) => {
      if (typeof text !== 'string') throw unsupported('input', 'tokens instead of texts');
      return {
        model,
        content: { parts: [{ text }] },
        ...(typeof dimensions === 'number' && { outputDimensionality: dimensions }),
      };
    }),
  };
}

/** `null` where the answer is none. The vendor counts no tokens here. */
export function embeddingsOf(body: unknown, model: string): EmbeddingsResponse | null {
  const list = isRecord(body) ? body['embeddings'] : null;
  if (!Array.isArray(list) || list.length === 0) return null;
  const data = list.map((one: unknown, index) => ({
    object: 'embedding',
    index,
    embedding: isRecord(one) && Array.isArray(one['values']) ? one['values'] : [],
  }));
  return data.every(
    ({ embedding }) => embedding.length > 0 && embedding.every((value) => typeof value === 'number'),
  )
    ? { object: 'list', data, model }
    : null;
}
