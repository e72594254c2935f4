import { defineProvider } from '@inferbridge/core';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/**
 * Together AI. Usage comes on the finish chunk unasked; older reasoning models think between tags in their text.
 * Source: https://docs.together.ai/reference/chat-completions-1 (read 2026-11-20).
 */
export const together: Vendor = vendor(
  defineProvider({
    name: 'together',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.together.ai/v1' }) =>
      openAICompatible({
        baseUrl,
        maxTokensField: 'max_tokens',
        developerRole: false,
        thinkTags: true,
        reasoningField: 'reasoning',
        embeddings: { encodingFormat: false, dimensions: false },
        treatments: {
          'custom tools': 'refused',
          'hosted tools': 'refused',
          'dated hosted tools': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          'audio input': 'refused',
          'audio output': 'refused',
          files: 'refused',
          logprobs: 'refused',
          web_search_options: 'refused',
          prediction: 'dropped',
          verbosity: 'dropped',
          'prompt caching hints': 'dropped',
          user: 'dropped',
          metadata: 'dropped',
          store: 'dropped',
          service_tier: 'dropped',
          moderation: 'dropped',
        },
        prepare(body) {
          if (body['reasoning_effort'] !== 'none') return;
          delete body['reasoning_effort'];
          body['reasoning'] ??= { enabled: false };
        },
      }),
  }),
);

export default together;
