import { defineProvider } from '@inferbridge/core';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** xAI. Leaves reasoning out of its completion tokens; the total tells. Source: https://docs.x.ai/docs/api-reference (read 2026-11-20). */
export const xai: Vendor = vendor(
  defineProvider({
    name: 'xai',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.x.ai/v1' }) =>
      openAICompatible({
        baseUrl,
        embeddings: false,
        developerRole: false,
        treatments: {
          'custom tools': 'refused',
          'hosted tools': 'refused',
          'dated hosted tools': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          'audio input': 'refused',
          'audio output': 'refused',
          files: 'refused',
          web_search_options: 'refused',
          prediction: 'dropped',
          logit_bias: 'dropped',
          verbosity: 'dropped',
          'prompt caching hints': 'dropped',
          metadata: 'dropped',
          store: 'dropped',
          service_tier: 'dropped',
          moderation: 'dropped',
        },
        // a key that it does not know is a 400 here: https://github.com/continuedev/continue/issues/10778 (read 2026-11-21)
        classify({ status }, { message }) {
          if (status !== 400) return null;
          if (/^incorrect api key/i.test(message)) return 'bad_credential';
          return /maximum prompt length/i.test(message) ? 'context_length' : null;
        },
        prepare(body, dropped) {
          // the models that take an effort know two of them; the others refuse the field and are corrected
          const effort = body['reasoning_effort'];
          if (effort === undefined || effort === null) return;
          if (effort === 'none') {
            delete body['reasoning_effort'];
            dropped('reasoning_effort');
          } else body['reasoning_effort'] = effort === 'minimal' || effort === 'low' ? 'low' : 'high';
        },
      }),
  }),
);

export default xai;
