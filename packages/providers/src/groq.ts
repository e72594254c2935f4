import { defineProvider, type WireUsage } from '@inferbridge/core';
import { isRecord } from './dialects/openai/errors.ts';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Groq. Older answers keep their usage in `x_groq` alone. Source: https://console.groq.com/docs/openai (read 2026-11-20). */
export const groq: Vendor = vendor(
  defineProvider({
    name: 'groq',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.groq.com/openai/v1' }) =>
      openAICompatible({
        baseUrl,
        drop: ['store', 'logit_bias', 'metadata'],
        usageOf: ({ x_groq: extra }) => (isRecord(extra) ? (extra['usage'] as WireUsage | undefined) : null), // readUsage checks every count
      }),
  }),
);

export default groq;
