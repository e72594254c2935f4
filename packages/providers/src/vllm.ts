import { defineProvider } from '@inferbridge/core';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/**
 * A vLLM server of the operator's own; a key only where it was started with one. Fields that it does not know
 * (`chat_template_kwargs` and the like) travel as they are.
 * Source: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (read 2026-11-20).
 */
export const vllm: Vendor = vendor(
  defineProvider({
    name: 'vllm',
    template: true,
    options: vendorOptions,
    create: ({ baseUrl = 'http://localhost:8000/v1' }) =>
      openAICompatible({
        baseUrl,
        keyless: true,
        thinkTags: true,
        developerRole: false,
        reasoningField: 'reasoning',
        treatments: {
          'custom tools': 'refused',
          'hosted tools': 'refused',
          'dated hosted tools': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          'audio output': 'refused',
          web_search_options: 'refused',
          prediction: 'dropped',
          verbosity: 'dropped',
          'prompt caching hints': 'dropped',
          metadata: 'dropped',
          store: 'dropped',
          service_tier: 'dropped',
          moderation: 'dropped',
        },
      }),
  }),
);

export default vllm;
