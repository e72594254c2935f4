import { defineProvider } from '@inferbridge/core';
import { switchThinking } from './dialects/openai/effort.ts';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Moonshot, maker of Kimi. Cached tokens stand at the top level of its usage. Source: https://platform.moonshot.ai/docs/api/chat (read 2026-11-20). */
export const moonshot: Vendor = vendor(
  defineProvider({
    name: 'moonshot',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.moonshot.ai/v1' }) =>
      openAICompatible({
        baseUrl,
        embeddings: false,
        maxTokensField: 'max_tokens',
        developerRole: false,
        reasoningField: 'reasoning_content',
        treatments: {
          'custom tools': 'refused',
          'dated hosted tools': 'refused',
          'forced tool choice': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          'audio input': 'refused',
          'audio output': 'refused',
          files: 'refused',
          logprobs: 'refused',
          web_search_options: 'refused',
          'parallel_tool_calls: false': 'dropped',
          prediction: 'dropped',
          logit_bias: 'dropped',
          seed: 'dropped',
          verbosity: 'dropped',
          user: 'dropped',
          metadata: 'dropped',
          store: 'dropped',
          service_tier: 'dropped',
          moderation: 'dropped',
        },
        // https://github.com/MoonshotAI/Kimi-K2/issues/5 and kimi-cli/issues/2011 (read 2026-11-21)
        classify(_, { type, message }) {
          if (type === 'exceeded_current_quota_error' || /insufficient balance/i.test(message))
            return 'quota_exhausted';
          return /exceeded model token limit/i.test(message) ? 'context_length' : null;
        },
        prepare(body) {
          switchThinking(body);
          delete body['reasoning_effort'];
          const { temperature } = body;
          if (typeof temperature === 'number') body['temperature'] = Math.min(1, temperature);
        },
      }),
  }),
);

export default moonshot;
