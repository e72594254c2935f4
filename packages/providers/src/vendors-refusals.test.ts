import type { ChatRequest, ProviderPlugin } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { HELLO, made } from '../../../test/support/exchange.ts';
import {
  azure,
  cerebras,
  cohere,
  deepseek,
  fireworks,
  generic,
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

const fn = { type: 'function', function: { name: 'f', parameters: { type: 'object' } } };
const part = (type: string, more: object = {}) => ({
  messages: [{ role: 'user', content: [{ type, ...more }] }],
});

/** What may be asked for, and which field is to blame. */
const ASKED = {
  custom: [{ tools: [{ type: 'custom', custom: { name: 'c' } }] }, 'tools'],
  hosted: [{ tools: [{ type: 'web_search' }] }, 'tools'],
  dated: [{ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'tools'],
  forced: [{ tools: [fn], tool_choice: 'required' }, 'tool_choice'],
  allowed: [{ tools: [fn], tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [] } }, 'tool_choice'],
  jsonTools: [{ tools: [fn], response_format: { type: 'json_object' } }, 'response_format'],
  image: [part('image_url', { image_url: { url: 'data:image/png;base64,AA==' } }), 'messages'],
  audioIn: [part('input_audio', { input_audio: { data: '', format: 'wav' } }), 'messages'],
  file: [part('file', { file: { file_id: 'f' } }), 'messages'],
  audioOut: [{ modalities: ['text', 'audio'], audio: { voice: 'v', format: 'wav' } }, 'audio'],
  several: [{ n: 2 }, 'n'],
  logprobs: [{ logprobs: true, top_logprobs: 2 }, 'logprobs'],
  search: [{ web_search_options: {} }, 'web_search_options'],
} as const satisfies Record<string, [request: object, param: string]>;
type Asked = keyof typeof ASKED;

const NOWHERE: Asked[] = ['dated'];
const ODD: Asked[] = [...NOWHERE, 'custom', 'allowed'];
const SOUND: Asked[] = ['audioIn', 'audioOut'];
const TABLE: [plugin: ProviderPlugin, refused: Asked[], options?: object][] = [
  [openai, NOWHERE],
  [azure, [...NOWHERE, 'hosted'], { resource: 'r' }],
  [generic, NOWHERE, { baseUrl: 'https://llm.example/v1' }],
  [openrouter, ODD],
  [groq, [...ODD, ...SOUND, 'jsonTools', 'file', 'several', 'logprobs', 'search']],
  [deepseek, [...ODD, ...SOUND, 'hosted', 'image', 'file', 'several', 'search']],
  [together, [...ODD, ...SOUND, 'hosted', 'file', 'logprobs', 'search']],
  [sarvam, [...ODD, ...SOUND, 'hosted', 'image', 'file', 'logprobs', 'search']],
  [mistral, [...ODD, 'hosted', 'audioOut', 'file', 'logprobs', 'search']],
  [cohere, [...ODD, ...SOUND, 'hosted', 'file', 'several', 'search']],
  [krutrim, [...ODD, ...SOUND, 'hosted', 'file', 'search']],
  [ollama, [...ODD, ...SOUND, 'hosted', 'file', 'several', 'logprobs', 'search']],
  [vllm, [...ODD, 'hosted', 'audioOut', 'search']],
  [xai, [...ODD, ...SOUND, 'hosted', 'file', 'search']],
  [qwen, [...ODD, 'hosted', 'file', 'search']],
  [zhipu, [...ODD, 'forced', 'audioOut', 'several', 'logprobs', 'search']],
  [moonshot, [...ODD, ...SOUND, 'forced', 'file', 'logprobs', 'search']],
  [fireworks, [...ODD, ...SOUND, 'hosted', 'file', 'search']],
  [cerebras, [...ODD, ...SOUND, 'hosted', 'jsonTools', 'image', 'file', 'several', 'search']],
];
const everyone = TABLE.map(([plugin, , options]) => [plugin, options] as const);

const names = Object.keys(ASKED) as Asked[]; // the keys are the table's own
const CELLS = TABLE.flatMap(([plugin, refused, options]) =>
  names.map((asked) => ({
    plugin,
    name: plugin.name,
    asked,
    options,
    verdict: refused.includes(asked) ? 'refused' : 'taken',
  })),
);
const unfit = (plugin: ProviderPlugin, request: Partial<ChatRequest>, options?: object) =>
  made(plugin, options).unfit?.({ ...HELLO, ...request }, 'm') ?? null;

describe('a request that would change its meaning', () => {
  it.each(CELLS)('$name: $asked is $verdict', ({ plugin, asked, options, verdict }) => {
    const [request, param] = ASKED[asked];
    const error = unfit(plugin, request as Partial<ChatRequest>, options); // spelled as the wire has it
    if (verdict === 'taken') return expect(error).toBeNull();
    expect(error).toMatchObject({
      class: 'unsupported',
      details: { param, code: 'unsupported_parameter' },
    });
  });

  it.each(everyone)('is not one that asks for nothing special, at %o', (plugin, options) => {
    const plain: Partial<ChatRequest> = {
      n: 1,
      logprobs: false,
      tools: [],
      tool_choice: 'auto',
      response_format: { type: 'text' },
      modalities: ['text'],
      audio: null,
      web_search_options: null,
      stop: null,
    };
    expect(unfit(plugin, plain, options)).toBeNull();
    expect(unfit(plugin, { tools: [fn], tool_choice: 'none' }, options)).toBeNull();
  });

  it.each(everyone)('is judged without a crash, whatever it is made of, by %o', (plugin, options) => {
    const odd: unknown[] = [null, 7, 'x', [], {}, [null], [[]], { type: 7 }];
    const fields = [
      'tools',
      'tool_choice',
      'response_format',
      'modalities',
      'n',
      'stop',
      'logprobs',
      'audio',
    ];
    for (const field of fields)
      for (const value of odd) expect(() => unfit(plugin, { [field]: value }, options)).not.toThrow();
    for (const content of odd)
      expect(() =>
        unfit(plugin, { messages: [{ role: 'user', content }] } as Partial<ChatRequest>, options),
      ).not.toThrow(); // hostile on purpose
  });
});

describe('what OpenAI’s reasoning models refuse', () => {
  it.each([
    ['gpt-6-luna', { stop: ['x'] }, 'stop'],
    ['o3-mini', { stop: 'x' }, 'stop'],
    ['gpt-5-mini', { logprobs: true }, 'logprobs'],
    ['gpt-6-luna', { stop: ['x'], reasoning_effort: 'none' }, null],
    ['gpt-6-luna', { stop: [] }, null],
    ['gpt-4.1-mini', { stop: ['x'], logprobs: true }, null],
    ['gpt-5-chat-latest', { stop: ['x'] }, null],
    ['gpt-5.1-chat-latest', { stop: ['x'] }, null],
  ])('%s and %j: %s', (model, request, param) => {
    for (const [plugin, options] of [[openai], [azure, { resource: 'r' }]] as const) {
      const error = made(plugin, options).unfit?.({ ...HELLO, ...request }, model) ?? null;
      expect(error?.details.param ?? null).toBe(param);
    }
  });
});
