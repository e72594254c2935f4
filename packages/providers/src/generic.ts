import { defineProvider } from '@inferbridge/core';
import { z } from 'zod';
import { FEATURES, type Feature } from './features.ts';
import { type OpenAICompatibleOptions, openAICompatible } from './openai-compatible.ts';

const FEATURE_NAMES = Object.keys(FEATURES) as [Feature, ...Feature[]]; // the keys are the list's own

/** Any vendor of which only the address is known: `acme: { use: openai-compatible, baseUrl: … }`. */
export const generic = defineProvider({
  name: 'openai-compatible',
  template: true,
  options: z.strictObject({
    baseUrl: z.url({ protocol: /^https?$/, error: 'an http(s) URL is wanted' }),
    /** `max_tokens` where the vendor knows no `max_completion_tokens`. */
    maxTokensField: z.enum(['max_tokens', 'max_completion_tokens']).optional(),
    /** False where `developer` messages must become `system` ones. */
    developerRole: z.boolean().optional(),
    /** False where `stream_options.include_usage` is refused. */
    includeUsage: z.boolean().optional(),
    /** Request fields that the vendor refuses. */
    drop: z.array(z.string()).optional(),
    rename: z.record(z.string(), z.string()).optional(),
    headers: z.record(z.string(), z.string()).optional(),
    /** Added to every address: `api-version=…`. */
    query: z.string().min(1).optional(),
    /** True for a server that needs no key. */
    keyless: z.boolean().optional(),
    /** Roles whose content must be one string. */
    stringContent: z.array(z.string()).optional(),
    /** Under which name an assistant's earlier reasoning goes back; without it, it does not. */
    reasoningField: z.enum(['reasoning_content', 'reasoning']).optional(),
    /** True where that field is wanted on every assistant message, be it empty. */
    reasoningWanted: z.boolean().optional(),
    /** True where models think aloud between `<think>` and `</think>`. */
    thinkTags: z.boolean().optional(),
    /** False where `name` on messages is refused. */
    messageNames: z.boolean().optional(),
    /** True where a tool's result may hold pictures. */
    toolImages: z.boolean().optional(),
    /** True where Anthropic's `cache_control` is understood. */
    cacheControl: z.boolean().optional(),
    /** True where the vendor's ids are not unique. */
    ownIds: z.boolean().optional(),
    /** What the vendor does with features: `{ "n > 1": refused, seed: dropped }`. */
    treatments: z.partialRecord(z.enum(FEATURE_NAMES), z.enum(['native', 'dropped', 'refused'])).optional(),
    embeddings: z
      .union([
        z.literal(false),
        z.strictObject({ encodingFormat: z.boolean().optional(), dimensions: z.boolean().optional() }),
      ])
      .optional(),
  }),
  create: (options) => openAICompatible(defined(options) as OpenAICompatibleOptions), // the schema says the same
});

/** Optional keys that are absent rather than undefined. */
const defined = <T extends object>(options: T) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  }; // the filter is the claim

export default generic;
