import { defineProvider } from '@inferbridge/core';
import { switchThinking } from './dialects/openai/effort.ts';
import { sayJson, schemaInWords } from './dialects/openai/json-words.ts';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Zhipu (Z.ai), maker of GLM. Thinking is switched, and wants to be kept. Source: https://docs.z.ai/api-reference/llm/chat-completion (read 2026-11-20). */
export const zhipu: Vendor = vendor(
  defineProvider({
    name: 'zhipu',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.z.ai/api/paas/v4' }) =>
      openAICompatible({
        baseUrl,
        maxTokensField: 'max_tokens',
        developerRole: false,
        reasoningField: 'reasoning_content',
        rename: { user: 'user_id' },
        embeddings: { encodingFormat: false },
        treatments: {
          'custom tools': 'refused',
          'dated hosted tools': 'refused',
          'forced tool choice': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          'JSON schema': 'emulated',
          'audio output': 'refused',
          'n > 1': 'refused',
          logprobs: 'refused',
          web_search_options: 'refused',
          'parallel_tool_calls: false': 'dropped',
          prediction: 'dropped',
          penalties: 'dropped',
          logit_bias: 'dropped',
          seed: 'dropped',
          verbosity: 'dropped',
          'prompt caching hints': 'dropped',
          metadata: 'dropped',
          store: 'dropped',
          service_tier: 'dropped',
          moderation: 'dropped',
        },
        drop: ['safety_identifier'],
        // an empty account is a 429 here: https://github.com/zai-org/GLM-5/issues/148 (read 2026-11-21)
        classify: (_, { code }) => (code === '1113' ? 'quota_exhausted' : null),
        prepare(body) {
          schemaInWords(body);
          sayJson(body);
          switchThinking(body);
          if (body['reasoning_effort'] === 'none') delete body['reasoning_effort'];
        },
      }),
  }),
);

export default zhipu;
