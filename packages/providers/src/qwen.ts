import { defineProvider } from '@inferbridge/core';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/**
 * Qwen by DashScope (Alibaba Cloud), the international endpoint. Thinking is switched, not graded.
 * Source: https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope (read 2026-11-20).
 */
export const qwen: Vendor = vendor(
  defineProvider({
    name: 'qwen',
    options: vendorOptions,
    create: ({ baseUrl = 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1' }) =>
      openAICompatible({
        baseUrl,
        maxTokensField: 'max_tokens',
        developerRole: false,
        embeddings: { encodingFormat: false },
        treatments: {
          'custom tools': 'refused',
          'hosted tools': 'refused',
          'dated hosted tools': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          files: 'refused',
          web_search_options: 'refused',
          prediction: 'dropped',
          logit_bias: 'dropped',
          verbosity: 'dropped',
          'prompt caching hints': 'dropped',
          user: 'dropped',
          metadata: 'dropped',
          store: 'dropped',
          service_tier: 'dropped',
          moderation: 'dropped',
        },
        // https://www.alibabacloud.com/help/en/model-studio/error-code (read 2026-11-21)
        classify(_, { code, message }) {
          if (code === 'Arrearage') return 'quota_exhausted';
          if (/^data_?inspection_?failed$/i.test(code ?? '')) return 'content_policy';
          return /^Range of input length/.test(message) ? 'context_length' : null;
        },
        prepare(body) {
          const effort = body['reasoning_effort'];
          delete body['reasoning_effort'];
          if (effort !== undefined && effort !== null) body['enable_thinking'] ??= effort !== 'none';
        },
      }),
  }),
);

export default qwen;
