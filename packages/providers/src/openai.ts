import { defineProvider } from '@inferbridge/core';
import { forReasoningModels, reasoningRefuses } from './dialects/openai/models.ts';
import { bearer, openAICompatible, PLAIN_HEADERS } from './openai-compatible.ts';
import { responsesBridge } from './responses-bridge.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Ids of tool calls longer than this are refused. */
const TOOL_IDS = { pattern: /^[\s\S]{1,40}$/, length: 40 };

/** OpenAI itself; its replies pass byte by byte. Source: https://platform.openai.com/docs/api-reference/chat (read 2026-11-20). */
export const openai: Vendor = vendor(
  defineProvider({
    name: 'openai',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.openai.com/v1' }) =>
      responsesBridge(
        openAICompatible({
          baseUrl,
          clean: true,
          toolImages: true,
          openaiFields: true,
          toolIds: TOOL_IDS,
          treatments: {
            'dated hosted tools': 'refused',
            'functions (legacy)': 'native',
            'items of OpenAI alone': 'native',
            'more than 4 stops': 'refused',
          },
          refuses: reasoningRefuses,
          prepare: forReasoningModels,
        }),
        { baseUrl, headers: (credential) => ({ ...PLAIN_HEADERS, ...bearer(credential) }) },
      ),
  }),
);

export default openai;
