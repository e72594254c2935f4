import { defineProvider } from '@inferbridge/core';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** OpenAI itself; its replies pass byte by byte. Source: https://platform.openai.com/docs/api-reference/chat (read 2026-11-20). */
export const openai: Vendor = vendor(
  defineProvider({
    name: 'openai',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.openai.com/v1' }) => openAICompatible({ baseUrl, clean: true }),
  }),
);

export default openai;
