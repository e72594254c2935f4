import { defineProvider } from '@inferbridge/core';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Fireworks AI. Source: https://docs.fireworks.ai/api-reference/post-chatcompletions (read 2026-11-20). */
export const fireworks: Vendor = vendor(
  defineProvider({
    name: 'fireworks',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.fireworks.ai/inference/v1' }) =>
      openAICompatible({
        baseUrl,
        maxTokensField: 'max_tokens',
        developerRole: false,
        thinkTags: true,
        reasoningField: 'reasoning_content',
        embeddings: { encodingFormat: false },
        treatments: {
          'custom tools': 'refused',
          'more than 4 stops': 'refused',
          'hosted tools': 'refused',
          'dated hosted tools': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          'audio input': 'refused',
          'audio output': 'refused',
          files: 'refused',
          web_search_options: 'refused',
          'parallel_tool_calls: false': 'dropped',
          verbosity: 'dropped',
          store: 'dropped',
          service_tier: 'dropped',
          moderation: 'dropped',
        },
      }),
  }),
);

export default fireworks;
