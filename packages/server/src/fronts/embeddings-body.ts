import type { EmbeddingsRequest } from '@inferbridge/core';
import { z } from 'zod';
import { unprocessable } from '../http/http-error.ts';
import { faultIn, MOST_NAME, strangers } from './fields.ts';

/*
 * The request fields that OpenAI documents; what is not listed passes.
 * Source: https://platform.openai.com/docs/api-reference/embeddings/create (openai 7.55.0, read 2026-11-20).
 */
/** More than any vendor takes at once. */
const MOST_INPUTS = 10_000;

const tokens = z.array(z.int().min(0)).min(1);
const embeddings = z.looseObject({
  model: z.string().min(1).max(MOST_NAME),
  input: z.union([z.string().min(1), z.array(z.string()).min(1), tokens, z.array(tokens).min(1)], {
    error: 'a text, a list of texts, or tokens are wanted',
  }),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
  user: z.string().nullish(),
  models: z.array(z.string().min(1).max(MOST_NAME)).min(1).max(32).nullish(),
});

export function checkEmbeddings(
  body: Record<string, unknown>,
  { strict, defaultModel }: { strict: boolean; defaultModel: string },
): EmbeddingsRequest {
  const { input } = body;
  if (Array.isArray(input) && input.length > MOST_INPUTS && typeof input[0] !== 'number')
    throw unprocessable('input', `input: at most ${MOST_INPUTS} are taken`);
  const given =
    body['model'] === undefined || body['model'] === null ? { ...body, model: defaultModel } : body;
  if (strict) strangers(given, Object.keys(embeddings.shape));
  const result = embeddings.safeParse(given);
  if (!result.success) throw faultIn(result.error);
  return given as EmbeddingsRequest; // checked field by field just above; the rest is the index signature's
}
