import { defineProvider } from '@inferbridge/core';
import { type Efforts, mapEffort, switchThinking } from './dialects/openai/effort.ts';
import { sayJson, schemaInWords } from './dialects/openai/json-words.ts';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Two steps and none: `thinking` turns it off. */
const EFFORTS: Efforts = {
  none: null,
  minimal: 'low',
  low: 'low',
  medium: 'high',
  high: 'high',
  xhigh: 'max',
  max: 'max',
};

/**
 * DeepSeek. Models think unless told not to, and want their reasoning back in every later request, be it empty.
 * Usage comes on the finish chunk. Source: https://api-docs.deepseek.com (read 2026-11-20).
 */
export const deepseek: Vendor = vendor(
  defineProvider({
    name: 'deepseek',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.deepseek.com/v1' }) =>
      openAICompatible({
        baseUrl,
        embeddings: false,
        maxTokensField: 'max_tokens',
        developerRole: false,
        stringContent: ['system', 'user', 'assistant', 'tool'],
        reasoningField: 'reasoning_content',
        reasoningWanted: true,
        treatments: {
          'custom tools': 'refused',
          'hosted tools': 'refused',
          'dated hosted tools': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          'JSON schema': 'emulated',
          images: 'refused',
          'audio input': 'refused',
          'audio output': 'refused',
          files: 'refused',
          'n > 1': 'refused',
          web_search_options: 'refused',
          'parallel_tool_calls: false': 'dropped',
          prediction: 'dropped',
          logit_bias: 'dropped',
          seed: 'dropped',
          verbosity: 'dropped',
          'prompt caching hints': 'dropped',
          user: 'dropped',
          metadata: 'dropped',
          store: 'dropped',
          service_tier: 'dropped',
          moderation: 'dropped',
        },
        prepare(body, dropped) {
          schemaInWords(body);
          sayJson(body);
          switchThinking(body);
          mapEffort(body, EFFORTS, dropped);
        },
      }),
  }),
);

export default deepseek;
