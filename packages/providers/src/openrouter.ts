import { defineProvider } from '@inferbridge/core';
import { z } from 'zod';
import { isRecord } from './dialects/openai/errors.ts';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

const options = vendorOptions.extend({
  /** Who is asking, for the vendor's own rankings: HTTP-Referer. */
  referer: z.string().min(1).optional(),
  /** X-Title. */
  title: z.string().min(1).optional(),
});

/**
 * OpenRouter. `reasoning_details` and breakpoints of the prompt cache travel as they are; what a model behind it does
 * not take it leaves out by itself. Source: https://openrouter.ai/docs/api-reference (read 2026-11-20).
 */
export const openrouter: Vendor = vendor(
  defineProvider({
    name: 'openrouter',
    options,
    create: ({ baseUrl = 'https://openrouter.ai/api/v1', referer, title }) =>
      openAICompatible({
        baseUrl,
        // its list of models is open to everybody; this asks who holds the key: https://openrouter.ai/docs/api/api-reference/api-keys/get-current-key (read 2026-11-21)
        healthPath: '/key',
        developerRole: false,
        cacheControl: true,
        reasoningField: 'reasoning',
        carries: ['reasoning_details'],
        treatments: {
          'custom tools': 'refused',
          'dated hosted tools': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          store: 'dropped',
          moderation: 'dropped',
        },
        // a prompt that its moderation has flagged is a 403 here, as a key without the right is: https://openrouter.ai/docs/api-reference/errors (read 2026-11-21)
        classify: ({ status, body }) => (status === 403 && isFlagged(body) ? 'content_policy' : null),
        headers: { ...(referer && { 'http-referer': referer }), ...(title && { 'x-title': title }) },
      }),
  }),
);

function isFlagged(body: unknown): boolean {
  const error = isRecord(body) ? body['error'] : null;
  const metadata = isRecord(error) ? error['metadata'] : null;
  return isRecord(metadata) && ('reasons' in metadata || 'flagged_input' in metadata);
}

export default openrouter;
