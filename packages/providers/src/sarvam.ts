import { defineProvider } from '@inferbridge/core';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

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
        maxTokensField: 'max_tokens',
        developerRole: false,
        stringContent: ['system', 'assistant', 'tool'],
        drop: ['store', 'user', 'metadata', 'logit_bias'],
        auth: ({ secret }) => ({ 'api-subscription-key': secret, authorization: `Bearer ${secret}` }),
      }),
  }),
);

export default sarvam;
