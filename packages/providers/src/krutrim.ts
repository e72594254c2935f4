import { defineProvider } from '@inferbridge/core';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Krutrim cloud, in India. Source: https://docs.cloud.olakrutrim.com/basics/ai-studio/ai-jobs/inferencing (read 2026-11-21). */
export const krutrim: Vendor = vendor(
  defineProvider({
    name: 'krutrim',
    options: vendorOptions,
    create: ({ baseUrl = 'https://cloud.olakrutrim.com/v1' }) =>
      openAICompatible({
        baseUrl,
        residency: 'india',
        maxTokensField: 'max_tokens',
        developerRole: false,
        drop: ['store'],
      }),
  }),
);

export default krutrim;
