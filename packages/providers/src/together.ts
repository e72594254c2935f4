import { defineProvider } from '@inferbridge/core';
import { mapEffort, THREE_STEPS } from './dialects/openai/effort.ts';
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
        // a prompt that is too long is a 403 here
        classify: ({ status }, { message }) =>
          status === 403 && !/key|credential|permission|unauthori/i.test(message) ? 'context_length' : null,
        prepare(body, dropped) {
          if (body['reasoning_effort'] !== 'none') return mapEffort(body, THREE_STEPS, dropped);
          delete body['reasoning_effort'];
          body['reasoning'] ??= { enabled: false };
        },
      }),
  }),
);

export default together;
