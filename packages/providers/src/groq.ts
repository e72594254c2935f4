import { defineProvider, type WireUsage } from '@inferbridge/core';
import { type Efforts, mapEffort, THREE_STEPS } from './dialects/openai/effort.ts';
import { isRecord } from './dialects/openai/errors.ts';
import { asText } from './json.ts';
import { openAICompatible } from './openai-compatible.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** By the beginning of a model's name; others take no effort. Source: https://console.groq.com/docs/reasoning (read 2026-11-20). */
const EFFORTS: Readonly<Record<string, Efforts>> = {
  'openai/gpt-oss': { ...THREE_STEPS, none: 'low' },
  'qwen/': {
    none: 'none',
    minimal: 'default',
    low: 'default',
    medium: 'default',
    high: 'default',
    xhigh: 'default',
    max: 'default',
  },
};
const SERVICE_TIERS: ReadonlySet<unknown> = new Set(['auto', 'on_demand', 'flex', 'performance']);
/** Zero is refused; this is what the vendor makes of it itself. */
const LEAST_TEMPERATURE = 1e-8;

/** Groq. Older answers keep their usage in `x_groq` alone. Source: https://console.groq.com/docs/openai (read 2026-11-20). */
export const groq: Vendor = vendor(
  defineProvider({
    name: 'groq',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.groq.com/openai/v1' }) =>
      openAICompatible({
        baseUrl,
        embeddings: false,
        reasoningField: 'reasoning',
        thinkTags: true,
        messageNames: false,
        stringContent: ['system', 'developer'],
        treatments: {
          'custom tools': 'refused',
          'more than 4 stops': 'refused',
          'dated hosted tools': 'refused',
          'allowed tools': 'refused',
          'functions (legacy)': 'emulated',
          'JSON output with tools': 'refused',
          'audio input': 'refused',
          'audio output': 'refused',
          files: 'refused',
          'n > 1': 'refused',
          logprobs: 'refused',
          web_search_options: 'refused',
          prediction: 'dropped',
          logit_bias: 'dropped',
          verbosity: 'dropped',
          'prompt caching hints': 'dropped',
          metadata: 'dropped',
          store: 'dropped',
          moderation: 'dropped',
        },
        prepare,
        classify: (_, { code }) => (code === 'tool_use_failed' ? 'malformed' : null),
        usageOf: ({ x_groq: extra }) => (isRecord(extra) ? (extra['usage'] as WireUsage | undefined) : null), // readUsage checks every count
      }),
  }),
);

function prepare(body: Record<string, unknown>, dropped: (param: string) => void): void {
  if (body['temperature'] === 0) body['temperature'] = LEAST_TEMPERATURE;
  const model = asText(body['model']);
  const efforts = Object.entries(EFFORTS).find(([prefix]) => model.startsWith(prefix))?.[1];
  mapEffort(body, efforts ?? {}, dropped);
  const tier = body['service_tier'];
  if (tier === 'default') body['service_tier'] = 'on_demand';
  else if (tier !== undefined && tier !== null && !SERVICE_TIERS.has(tier)) {
    delete body['service_tier'];
    dropped('service_tier');
  }
}

export default groq;
