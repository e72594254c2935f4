import { defineProvider } from '@inferbridge/core';
import { mapEffort, THREE_STEPS } from './dialects/openai/effort.ts';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/**
 * Ollama, on the operator's own machine unless the configuration says otherwise; needs no key. Its ids are not
 * unique, and it fetches no pictures. Source: https://docs.ollama.com/api/openai-compatibility (read 2026-11-20).
 */
export const ollama: Vendor = vendor(
  defineProvider({
    name: 'ollama',
    template: true,
    options: vendorOptions,
    create: ({ baseUrl = 'http://localhost:11434/v1' }) =>
      openAICompatible({
        baseUrl,
        keyless: true,
        ownIds: true,
        thinkTags: true,
        developerRole: false,
        maxTokensField: 'max_tokens',
        reasoningField: 'reasoning',
        fetchImages: () => true,
        embeddings: { encodingFormat: false },
        prepare: (body, dropped) => mapEffort(body, { ...THREE_STEPS, none: 'none' }, dropped),
        treatments: {
          'custom tools': 'refused',
          'hosted tools': 'refused',
          'dated hosted tools': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          'audio input': 'refused',
          'audio output': 'refused',
          files: 'refused',
          'n > 1': 'refused',
          logprobs: 'refused',
          web_search_options: 'refused',
          'parallel_tool_calls: false': 'dropped',
          prediction: 'dropped',
          logit_bias: 'dropped',
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

export default ollama;
