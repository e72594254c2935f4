import {
  type EmbeddingsRequest,
  type EmbeddingsResponse,
  GatewayError,
  type WireUsage,
} from '@inferbridge/core';
import { unsupported } from '../../features.ts';
import { readEmbeddings } from '../openai/embeddings.ts';
import { isRecord } from '../openai/errors.ts';

const KNOWN: ReadonlySet<string> = new Set([
  'model',
  'models',
  'input',
  'dimensions',
  'encoding_format',
  'stream',
]);

/** One request for all texts. Source: https://ai.google.dev/api/embeddings (read 2026-11-20). */
export function embeddingsBody(
  request: EmbeddingsRequest,
  model: string,
  dropped: (param: string) => void,
): Record<string, unknown> {
  const { dimensions } = request;
  for (const [name, value] of Object.entries(request))
    if (!KNOWN.has(name) && value !== undefined && value !== null) dropped(name);
  return {
    requests: textsOf(request).map((text) => ({
      model,
      content: { parts: [{ text }] },
      ...(typeof dimensions === 'number' && { outputDimensionality: dimensions }),
    })),
  };
}

function textsOf({ input }: { readonly input: unknown }): readonly string[] {
  const texts: readonly unknown[] = Array.isArray(input) ? input : [input];
  return texts.map((text) => {
    if (typeof text === 'string') return text;
    if (typeof text === 'number' || Array.isArray(text))
      throw unsupported('input', 'tokens instead of texts');
    throw new GatewayError('invalid_request', 'input: a text or a list of texts is wanted', {
      param: 'input',
    });
  });
}

/** `null` where the answer is none: as many vectors as texts, and every one of numbers. */
export function embeddingsOf(body: unknown, request: EmbeddingsRequest): EmbeddingsResponse | null {
  if (!isRecord(body) || !Array.isArray(body['embeddings'])) return null;
  const list: readonly unknown[] = body['embeddings'];
  const data = list.map((one) => ({ embedding: isRecord(one) ? shortened(one['values'], request) : null }));
  const usage = usageOf(body['usageMetadata']);
  return readEmbeddings({ data, model: request.model, ...(usage && { usage }) }, request);
}

/** A vector that was cut short comes as it was cut; OpenAI's have the length one. */
function shortened(values: unknown, { dimensions }: EmbeddingsRequest): unknown {
  if (typeof dimensions !== 'number' || !Array.isArray(values)) return values;
  const length = Math.hypot(...values.map(Number));
  return length > 0 && Math.abs(length - 1) > 1e-3 ? values.map((value) => Number(value) / length) : values;
}

/** Not every model counts. */
function usageOf(given: unknown): WireUsage | null {
  const tokens = isRecord(given) ? given['promptTokenCount'] : null;
  return typeof tokens === 'number' && Number.isInteger(tokens) && tokens >= 0
    ? { prompt_tokens: tokens, total_tokens: tokens }
    : null;
}
