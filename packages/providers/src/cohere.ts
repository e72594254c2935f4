import { defineProvider } from '@inferbridge/core';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Cohere by its OpenAI-compatible endpoint. Source: https://docs.cohere.com/docs/compatibility-api (read 2026-11-20). */
export const cohere: Vendor = vendor(
  defineProvider({
    name: 'cohere',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.cohere.ai/compatibility/v1' }) =>
      openAICompatible({
        baseUrl,
        maxTokensField: 'max_tokens',
        drop: ['store', 'logit_bias', 'user', 'metadata'],
      }),
  }),
);

export default cohere;
