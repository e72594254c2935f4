import { defineProvider } from '@inferbridge/core';
import { type Efforts, mapEffort } from './dialects/openai/effort.ts';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Thinking is on or off. */
const EFFORTS: Efforts = {
  none: 'none',
  minimal: 'none',
  low: 'high',
  medium: 'high',
  high: 'high',
  xhigh: 'high',
  max: 'high',
};

/** Cohere by its OpenAI-compatible endpoint. Source: https://docs.cohere.com/docs/compatibility-api (read 2026-11-20). */
export const cohere: Vendor = vendor(
  defineProvider({
    name: 'cohere',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.cohere.ai/compatibility/v1' }) =>
      openAICompatible({
        baseUrl,
        maxTokensField: 'max_tokens',
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
        prepare: (body, dropped) => mapEffort(body, EFFORTS, dropped),
      }),
  }),
);

export default cohere;
