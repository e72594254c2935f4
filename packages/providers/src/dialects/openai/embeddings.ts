import {
  type Embedding,
  type EmbeddingsRequest,
  type EmbeddingsResponse,
  GatewayError,
} from '@inferbridge/core';
import { isRecord } from './errors.ts';

/*
 * Embeddings: the official clients ask for base64 and decode it themselves; not every vendor has it.
 * Source: https://platform.openai.com/docs/api-reference/embeddings (openai 7.55.0, read 2026-11-20).
 */

export interface EmbeddingsTraits {
  /** Does the vendor take `encoding_format`? Default true; otherwise it is left out and converted here. */
  readonly encodingFormat?: boolean;
  readonly dimensions?: boolean;
}

export function embeddingsBody(
  request: EmbeddingsRequest,
  { encodingFormat = true, dimensions = true }: EmbeddingsTraits,
  dropped: (param: string) => void,
): Record<string, unknown> {
  const { encoding_format: format, dimensions: size, user, models: _, stream: __, ...rest } = request;
  if (typeof size === 'number' && !dimensions)
    throw new GatewayError('unsupported', 'this provider cannot honour "dimensions"', {
      param: 'dimensions',
      code: 'unsupported_parameter',
    });
  if (user !== undefined && !encodingFormat) dropped('user');
  return {
    ...rest,
    ...(encodingFormat && format && { encoding_format: format }),
    ...(typeof size === 'number' && { dimensions: size }),
    ...(user !== undefined && encodingFormat && { user }),
  };
}

/** An upstream's answer in canonical form; `null` where it is none: every input has its own vector, and none is empty. */
export function readEmbeddings(
  body: unknown,
  { model, input }: EmbeddingsRequest,
): EmbeddingsResponse | null {
  if (!isRecord(body) || !Array.isArray(body['data'])) return null;
  const given: readonly unknown[] = body['data'];
  const data = given.flatMap((one, position): Embedding[] => {
    if (!isRecord(one) || !isVector(one['embedding'])) return [];
    const index = Number.isInteger(one['index']) ? Number(one['index']) : position;
    return [{ ...one, object: 'embedding', index, embedding: one['embedding'] }];
  });
  const wanted = Array.isArray(input) && typeof input[0] !== 'number' ? input.length : 1;
  const places = new Set(data.map(({ index }) => index));
  if (data.length !== given.length || data.length !== wanted || places.size !== wanted) return null;
  return {
    ...body,
    object: 'list',
    data: data.sort((a, b) => a.index - b.index),
    model: typeof body['model'] === 'string' ? body['model'] : model,
  };
}

const isVector = (value: unknown): value is number[] | string =>
  typeof value === 'string'
    ? value.length > 0 && Buffer.from(value, 'base64').length % 4 === 0 && /^[A-Za-z0-9+/]+=*$/.test(value)
    : Array.isArray(value) && value.length > 0 && value.every((number) => typeof number === 'number');

/** The answer in the encoding that was asked for; default `float`. */
export function encoded(response: EmbeddingsResponse, format: 'float' | 'base64'): EmbeddingsResponse {
  const wanted = format === 'base64' ? 'string' : 'object';
  if (response.data.every(({ embedding }) => typeof embedding === wanted)) return response;
  return {
    ...response,
    data: response.data.map((one) => ({
      ...one,
      embedding: format === 'base64' ? toBase64(one.embedding) : toNumbers(one.embedding),
    })),
  };
}

/** Little-endian 32-bit floats. */
function toBase64(vector: number[] | string): string {
  if (typeof vector === 'string') return vector;
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, number] of vector.entries()) bytes.writeFloatLE(number, index * 4);
  return bytes.toString('base64');
}

function toNumbers(vector: number[] | string): number[] {
  if (typeof vector !== 'string') return vector;
  const bytes = Buffer.from(vector, 'base64');
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => bytes.readFloatLE(index * 4));
}
