import { defineProvider } from '@inferbridge/core';
import { isRecord } from './dialects/openai/errors.ts';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Mistral, in the EU. Reasoning models answer with parts. Source: https://docs.mistral.ai/api (read 2026-11-20). */
export const mistral: Vendor = vendor(
  defineProvider({
    name: 'mistral',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.mistral.ai/v1' }) =>
      openAICompatible({
        baseUrl,
        residency: 'eu',
        maxTokensField: 'max_tokens',
        developerRole: false,
        drop: ['store', 'user', 'logit_bias'],
        rename: { seed: 'random_seed' },
        message: splitParts,
      }),
  }),
);

/** `[{type: "thinking", thinking: [{text}]}, {type: "text", text}]` → content and reasoning_content. */
function splitParts(message: Record<string, unknown>): void {
  const { content } = message;
  if (!Array.isArray(content)) return;
  const parts = content.filter(isRecord);
  const text = parts.filter((part) => part['type'] === 'text').map((part) => String(part['text'] ?? ''));
  const thinking = parts
    .filter((part) => part['type'] === 'thinking')
    .flatMap((part) => (Array.isArray(part['thinking']) ? part['thinking'].filter(isRecord) : []))
    .map((part) => String(part['text'] ?? ''));
  message['content'] = text.join('');
  if (thinking.length > 0) message['reasoning_content'] = thinking.join('');
}

export default mistral;
