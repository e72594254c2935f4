import { defineProvider } from '@inferbridge/core';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Whatever OpenAI-compatible server a user runs: the address comes with the credential and passes the guard each time. */
export const selfHosted: Vendor = vendor(
  defineProvider({
    name: 'self_hosted',
    options: vendorOptions,
    create: ({ baseUrl }) => openAICompatible({ ...(baseUrl && { baseUrl }), guarded: true }),
  }),
);

export default selfHosted;
