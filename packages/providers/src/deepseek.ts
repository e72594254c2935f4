import { defineProvider } from '@inferbridge/core';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** DeepSeek. Usage comes on the finish chunk. Source: https://api-docs.deepseek.com (read 2026-11-20). */
export const deepseek: Vendor = vendor(
  defineProvider({
    name: 'deepseek',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.deepseek.com/v1' }) =>
      openAICompatible({
        baseUrl,
        maxTokensField: 'max_tokens',
        developerRole: false,
        drop: ['store', 'seed'],
      }),
  }),
);

export default deepseek;
