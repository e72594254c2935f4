import type { ChatRequest, ProviderPlugin } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { exchange, made } from '../../../test/support/exchange.ts';
import {
  cerebras,
  cohere,
  deepseek,
  fireworks,
  groq,
  krutrim,
  mistral,
  moonshot,
  ollama,
  openai,
  openrouter,
  qwen,
  sarvam,
  together,
  vllm,
  xai,
  zhipu,
} from './index.ts';

/** Hints, each with a value that is set; none of them changes what is asked for. */
const HINTS: Record<string, unknown> = {
  prediction: { type: 'content', content: 'x' },
  presence_penalty: 0,
  logit_bias: { '1': 1 },
  seed: 0,
  verbosity: 'low',
  prompt_cache_key: 'k',
  prompt_cache_retention: '24h',
  prompt_cache_options: { mode: 'implicit' },
  user: 'u',
  safety_identifier: 's',
  metadata: { a: 'b' },
  store: true,
  service_tier: 'auto',
  moderation: { model: 'm' },
};
const CACHING = ['prompt_cache_key', 'prompt_cache_retention', 'prompt_cache_options'];
const PEOPLE = ['user', 'safety_identifier'];
const COMMON = ['metadata', 'store', 'moderation'];

/** What each vendor leaves out of them. Source: the vendors' documentation, see their own files. */
const DROPS: [plugin: ProviderPlugin, fields: string[]][] = [
  [openai, []],
  [groq, [...COMMON, ...CACHING, 'prediction', 'logit_bias', 'verbosity']],
  [
    deepseek,
    [...COMMON, ...CACHING, ...PEOPLE, 'prediction', 'logit_bias', 'seed', 'verbosity', 'service_tier'],
  ],
  [together, [...COMMON, ...CACHING, ...PEOPLE, 'prediction', 'verbosity', 'service_tier']],
  [sarvam, [...COMMON, ...CACHING, ...PEOPLE, 'prediction', 'logit_bias', 'verbosity', 'service_tier']],
  [
    mistral,
    [
      ...COMMON,
      ...PEOPLE,
      'prompt_cache_retention',
      'prompt_cache_options',
      'logit_bias',
      'verbosity',
      'service_tier',
    ],
  ],
  [ollama, [...COMMON, ...CACHING, ...PEOPLE, 'prediction', 'logit_bias', 'verbosity', 'service_tier']],
  [vllm, [...COMMON, ...CACHING, 'prediction', 'verbosity', 'service_tier']],
  [openrouter, ['store', 'moderation']],
  [xai, [...COMMON, ...CACHING, 'prediction', 'logit_bias', 'verbosity', 'service_tier']],
  [qwen, [...COMMON, ...CACHING, ...PEOPLE, 'prediction', 'logit_bias', 'verbosity', 'service_tier']],
  [krutrim, [...COMMON, ...CACHING, ...PEOPLE, 'prediction', 'verbosity', 'service_tier']],
  [
    cerebras,
    [...COMMON, ...CACHING, 'prediction', 'presence_penalty', 'logit_bias', 'verbosity', 'service_tier'],
  ],
];

const everyone: [ProviderPlugin][] = [
  ...DROPS.map(([plugin]): [ProviderPlugin] => [plugin]),
  [cohere],
  [moonshot],
  [zhipu],
  [fireworks],
];
const send = (plugin: ProviderPlugin, request: Partial<ChatRequest>) => exchange(made(plugin), request);
const bodyOf = async (plugin: ProviderPlugin, request: Partial<ChatRequest>) =>
  (await send(plugin, request)).sent[0]?.body ?? {};

describe('hints that a vendor cannot honour', () => {
  it.each(DROPS)('are left out for %o, and the caller is told each by its name', async (plugin, fields) => {
    const { sent, dropped } = await send(plugin, HINTS);
    expect([...dropped].sort()).toEqual([...fields].sort());
    for (const field of fields) expect(sent[0]?.body, field).not.toHaveProperty(field);
    const renamed = plugin.name === 'mistral' ? ['seed'] : [];
    for (const field of Object.keys(HINTS))
      if (!fields.includes(field) && !renamed.includes(field))
        expect(sent[0]?.body[field], field).toEqual(HINTS[field]);
  });

  it.each(everyone)('are told to nobody who did not ask, by %o', async (plugin) => {
    const nothing = Object.fromEntries(Object.keys(HINTS).map((field) => [field, null]));
    expect((await send(plugin, { ...nothing, store: false, n: 1, logprobs: false })).dropped).toEqual([]);
    expect((await send(plugin, {})).dropped).toEqual([]);
  });

  const TOOLS = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }];
  const oneByOne = [deepseek, cohere, moonshot, zhipu, ollama, fireworks].map((plugin) => [plugin] as const);

  it.each(oneByOne)('are told where calls shall come one by one, by %o', async (plugin) => {
    const { sent, dropped } = await send(plugin, { tools: TOOLS, parallel_tool_calls: false });
    expect(dropped).toEqual(['parallel_tool_calls']);
    expect(sent[0]?.body).not.toHaveProperty('parallel_tool_calls');
  });

  it.each(oneByOne)('are not calls side by side, which %o does anyway', async (plugin) => {
    const { dropped } = await send(plugin, { tools: TOOLS, parallel_tool_calls: true });
    expect(dropped).toEqual([]);
  });
});

describe('names of fields', () => {
  it.each([deepseek, together, sarvam, mistral, cohere, krutrim, ollama, qwen, zhipu, moonshot, fireworks])(
    'are max_tokens for the limit of %o, the newer one preferred',
    async (plugin) => {
      const both = await bodyOf(plugin, { max_tokens: 5, max_completion_tokens: 6 });
      expect(both['max_tokens']).toBe(6);
      expect(both).not.toHaveProperty('max_completion_tokens');
      expect((await bodyOf(plugin, { max_tokens: 5 }))['max_tokens']).toBe(5);
    },
  );

  it('are max_completion_tokens for the limit of Cerebras', async () => {
    expect(await bodyOf(cerebras, { max_tokens: 5 })).toMatchObject({ max_completion_tokens: 5 });
  });

  it('are random_seed at Mistral, zero included', async () => {
    const sent = await bodyOf(mistral, { seed: 0 });
    expect(sent['random_seed']).toBe(0);
    expect(sent).not.toHaveProperty('seed');
  });

  it('are user_id at Zhipu', async () => {
    const sent = await bodyOf(zhipu, { user: 'u' });
    expect(sent['user_id']).toBe('u');
    expect(sent).not.toHaveProperty('user');
  });
});

describe('values', () => {
  it('of a temperature of zero are as small as Groq takes', async () => {
    expect((await bodyOf(groq, { temperature: 0 }))['temperature']).toBe(1e-8);
    expect((await bodyOf(groq, { temperature: 0.5 }))['temperature']).toBe(0.5);
  });

  it.each(['logprobs', 'top_logprobs'])(
    'of %s that ask for nothing never reach Groq, which refuses the very field',
    async (field) => {
      expect(await bodyOf(groq, { [field]: field === 'logprobs' ? false : 0 })).not.toHaveProperty(field);
    },
  );

  it.each([
    ['default', 'on_demand', []],
    ['auto', 'auto', []],
    ['flex', 'flex', []],
    ['priority', undefined, ['service_tier']],
    ['scale', undefined, ['service_tier']],
  ])('of the service tier %s are %s at Groq', async (tier, expected, told) => {
    const { sent, dropped } = await send(groq, { service_tier: tier });
    expect(sent[0]?.body['service_tier']).toBe(expected);
    expect(dropped).toEqual(told);
  });

  it('of a forced call are spelled "any" at Mistral', async () => {
    const tools = [{ type: 'function', function: { name: 'f' } }];
    expect(await bodyOf(mistral, { tools, tool_choice: 'required' })).toMatchObject({ tool_choice: 'any' });
    const named = { type: 'function', function: { name: 'f' } };
    expect(await bodyOf(mistral, { tools, tool_choice: named })).toMatchObject({ tool_choice: named });
  });

  it('of a last word of the assistant are marked as such for Mistral, and for no one else', async () => {
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Well,' },
    ];
    expect((await bodyOf(mistral, { messages }))['messages']).toMatchObject([{}, { prefix: true }]);
    expect((await bodyOf(groq, { messages }))['messages']).toEqual(messages);
  });

  it.each(everyone)('of an empty list of tools are no tools at all for %o', async (plugin) => {
    const sent = await bodyOf(plugin, { tools: [], tool_choice: 'auto', parallel_tool_calls: true });
    for (const field of ['tools', 'tool_choice', 'parallel_tool_calls'])
      expect(sent).not.toHaveProperty(field);
  });

  it.each(everyone)('that nobody knows reach %o as they came', async (plugin) => {
    const odd = { top_k: 40, min_p: 0.1, chat_template_kwargs: { a: 1 }, wiki_grounding: true };
    expect(await bodyOf(plugin, odd)).toMatchObject(odd);
  });
});
