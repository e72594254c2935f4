import { defineProvider } from '@inferbridge/core';
import { mapEffort, THREE_STEPS } from './dialects/openai/effort.ts';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Cerebras. Source: https://inference-docs.cerebras.ai/resources/openai (read 2026-11-20). */
export const cerebras: Vendor = vendor(
  defineProvider({
    name: 'cerebras',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.cerebras.ai/v1' }) =>
      openAICompatible({
        baseUrl,
        embeddings: false,
        maxTokensField: 'max_completion_tokens',
        developerRole: false,
        thinkTags: true,
        treatments: {
          'custom tools': 'refused',
          'more than 4 stops': 'refused',
          'hosted tools': 'refused',
          'dated hosted tools': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          'JSON output with tools': 'refused',
          images: 'refused',
          'audio input': 'refused',
          'audio output': 'refused',
          files: 'refused',
          'n > 1': 'refused',
          web_search_options: 'refused',
          prediction: 'dropped',
          penalties: 'dropped',
          logit_bias: 'dropped',
          verbosity: 'dropped',
          'prompt caching hints': 'dropped',
          metadata: 'dropped',
          store: 'dropped',
          service_tier: 'dropped',
          moderation: 'dropped',
        },
        prepare: (body, dropped) => mapEffort(body, { ...THREE_STEPS, none: 'low' }, dropped),
      }),
  }),
);

export default cerebras;
