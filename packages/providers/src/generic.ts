import { defineProvider } from '@inferbridge/core';
import { z } from 'zod';
import { openAICompatible } from './openai-compatible.ts';

/** Any vendor of which only the address is known: `acme: { use: openai-compatible, baseUrl: … }`. */
export const generic = defineProvider({
  name: 'openai-compatible',
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
  }),
  create: (options) => openAICompatible(defined(options)),
});

/** Optional keys that are absent rather than undefined. */
const defined = <T extends object>(options: T) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  }; // the filter is the claim

export default generic;
