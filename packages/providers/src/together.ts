import { defineProvider } from '@inferbridge/core';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Together AI. Usage comes on the finish chunk unasked. Source: https://docs.together.ai/reference (read 2026-11-20). */
export const together: Vendor = vendor(
  defineProvider({
    name: 'together',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.together.ai/v1' }) =>
      openAICompatible({ baseUrl, maxTokensField: 'max_tokens', developerRole: false, drop: ['store'] }),
  }),
);

export default together;
