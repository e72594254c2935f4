import { defineProvider } from '@inferbridge/core';
import { z } from 'zod';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

const options = vendorOptions.extend({
  /** Who is asking, for the vendor's own rankings: HTTP-Referer. */
  referer: z.string().min(1).optional(),
  /** X-Title. */
  title: z.string().min(1).optional(),
});

/**
 * OpenRouter. `reasoning_details` and breakpoints of the prompt cache travel as they are; what a model behind it does
 * not take it leaves out by itself. Source: https://openrouter.ai/docs/api-reference (read 2026-11-20).
 */
export const openrouter: Vendor = vendor(
  defineProvider({
    name: 'openrouter',
    options,
    create: ({ baseUrl = 'https://openrouter.ai/api/v1', referer, title }) =>
      openAICompatible({
        baseUrl,
        developerRole: false,
        cacheControl: true,
        reasoningField: 'reasoning',
        carries: ['reasoning_details'],
        treatments: {
          'custom tools': 'refused',
          'dated hosted tools': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          store: 'dropped',
          moderation: 'dropped',
        },
        headers: { ...(referer && { 'http-referer': referer }), ...(title && { 'x-title': title }) },
      }),
  }),
);

export default openrouter;
