import { defineProvider } from '@inferbridge/core';
import { type Efforts, mapEffort, THREE_STEPS } from './dialects/openai/effort.ts';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Thinking is on unless the field says null. */
const EFFORTS: Efforts = THREE_STEPS;

/**
 * Sarvam, in India. A bad key is a 403, an empty account a 429 of its own; content must be a plain string.
 * Source: https://docs.sarvam.ai/api-reference-docs/chat (read 2026-11-20).
 */
export const sarvam: Vendor = vendor(
  defineProvider({
    name: 'sarvam',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.sarvam.ai/v1' }) =>
      openAICompatible({
        baseUrl,
        residency: 'india',
        embeddings: false,
        maxTokensField: 'max_tokens',
        developerRole: false,
        stringContent: ['system', 'user', 'assistant', 'tool'],
        treatments: {
          'custom tools': 'refused',
          'hosted tools': 'refused',
          'dated hosted tools': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          images: 'refused',
          'audio input': 'refused',
          'audio output': 'refused',
          files: 'refused',
          logprobs: 'refused',
          'more than 4 stops': 'refused',
          web_search_options: 'refused',
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
        auth: ({ secret }) => ({ 'api-subscription-key': secret, authorization: `Bearer ${secret}` }),
        prepare(body, dropped) {
          // null would turn it off here; elsewhere it says nothing
          if (body['reasoning_effort'] === null) delete body['reasoning_effort'];
          else if (body['reasoning_effort'] === 'none') body['reasoning_effort'] = null;
          else mapEffort(body, EFFORTS, dropped);
        },
      }),
  }),
);

export default sarvam;
