import { type ChatMessage, defineProvider } from '@inferbridge/core';
import { type Efforts, mapEffort } from './dialects/openai/effort.ts';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Nine letters and digits: ids from elsewhere are rewritten. */
const TOOL_IDS = { pattern: /^[a-zA-Z0-9]{9}$/, length: 9 };
const EFFORTS: Efforts = {
  none: 'none',
  minimal: 'none',
  low: 'high',
  medium: 'high',
  high: 'high',
  xhigh: 'high',
  max: 'high',
};

/** Mistral, in the EU. Reasoning models answer with parts. Source: https://docs.mistral.ai/api (read 2026-11-20). */
export const mistral: Vendor = vendor(
  defineProvider({
    name: 'mistral',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.mistral.ai/v1' }) =>
      openAICompatible({
        baseUrl,
        residency: 'eu',
        embeddings: { encodingFormat: false, dimensions: false },
        maxTokensField: 'max_tokens',
        developerRole: false,
        messageNames: false,
        toolIds: TOOL_IDS,
        rename: { seed: 'random_seed' },
        treatments: {
          'custom tools': 'refused',
          'hosted tools': 'refused',
          'dated hosted tools': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          'audio output': 'refused',
          files: 'refused',
          logprobs: 'refused',
          web_search_options: 'refused',
          logit_bias: 'dropped',
          verbosity: 'dropped',
          user: 'dropped',
          metadata: 'dropped',
          store: 'dropped',
          service_tier: 'dropped',
          moderation: 'dropped',
        },
        drop: ['prompt_cache_retention', 'prompt_cache_options'],
        prepare,
      }),
  }),
);

function prepare(body: Record<string, unknown>, dropped: (param: string) => void): void {
  mapEffort(body, EFFORTS, dropped);
  if (body['tool_choice'] === 'required') body['tool_choice'] = 'any';
  const messages = body['messages'] as readonly ChatMessage[]; // the request's own, checked at the edge
  const last = messages.at(-1);
  if (last?.role === 'assistant' && last.tool_calls === undefined)
    body['messages'] = messages.with(-1, { ...last, prefix: true });
}

export default mistral;
