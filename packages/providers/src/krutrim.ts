import { defineProvider } from '@inferbridge/core';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Krutrim cloud, in India. Source: https://docs.cloud.olakrutrim.com/basics/ai-studio/ai-jobs/inferencing (read 2026-11-21). */
export const krutrim: Vendor = vendor(
  defineProvider({
    name: 'krutrim',
    options: vendorOptions,
    create: ({ baseUrl = 'https://cloud.olakrutrim.com/v1' }) =>
      openAICompatible({
        baseUrl,
        residency: 'india',
        maxTokensField: 'max_tokens',
        developerRole: false,
        thinkTags: true,
        embeddings: { encodingFormat: false },
        treatments: {
          'custom tools': 'refused',
          'hosted tools': 'refused',
          'dated hosted tools': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          'audio input': 'refused',
          'audio output': 'refused',
          files: 'refused',
          web_search_options: 'refused',
          prediction: 'dropped',
          reasoning_effort: 'dropped',
          verbosity: 'dropped',
          'prompt caching hints': 'dropped',
          user: 'dropped',
          metadata: 'dropped',
          store: 'dropped',
          service_tier: 'dropped',
          moderation: 'dropped',
        },
      }),
  }),
);

export default krutrim;
