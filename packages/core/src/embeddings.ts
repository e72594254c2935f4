import type { WireUsage } from './chat.ts';

/*
 * The canonical form of embeddings: OpenAI's, as the wire spells it.
 * Source: https://platform.openai.com/docs/api-reference/embeddings (openai 7.55.0, read 2026-11-20).
 */

/** One text, several, one list of tokens, or several of them. */
export type EmbeddingsInput = string | string[] | number[] | number[][];

export interface EmbeddingsRequest {
  model: string;
  input: EmbeddingsInput;
  /** Default `float`; official clients ask for `base64` and decode it themselves. */
  encoding_format?: 'float' | 'base64' | null;
  dimensions?: number | null;
  user?: string;
  /** Never true: there is nothing to stream. */
  stream?: false | null;
  [field: string]: unknown;
}

export interface Embedding {
  object: string;
  /** The place of its text in the input. */
  index: number;
  /** Numbers, or the little-endian 32-bit floats in base64, as was asked for. */
  embedding: number[] | string;
}

export interface EmbeddingsResponse {
  object: string;
  data: Embedding[];
  model: string;
  usage?: WireUsage | null;
  [field: string]: unknown;
}
