import type { HttpRequest, HttpResponse, ProviderPlugin, Transport } from '@inferbridge/core';
import { providerContract } from '@inferbridge/core/testing';
import { describe, it } from 'vitest';
import {
  anthropic,
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
  selfHosted,
  together,
  vllm,
  xai,
  zhipu,
} from './index.ts';

const URL_OF_USER = 'https://llm.example/v1';
const openaiStyle: [ProviderPlugin, Record<string, unknown>?][] = [
  [openai],
  [groq],
  [deepseek],
  [together],
  [sarvam],
  [mistral],
  [cohere],
  [krutrim],
  [openrouter],
  [ollama],
  [vllm],
  [xai],
  [qwen],
  [zhipu],
  [moonshot],
  [fireworks],
  [cerebras],
  [azure, { resource: 'r' }],
  [selfHosted, { baseUrl: URL_OF_USER }],
  [generic, { baseUrl: URL_OF_USER }],
];

const answer = (type: string, text: string, status = 200): HttpResponse => {
  const bytes = Buffer.from(text);
  async function* body() {
    yield bytes;
  }
  return { status, headers: { 'content-type': type }, bytes: async () => bytes, body: body() };
};
const sent = ({ body }: Pick<HttpRequest, 'body'>): Record<string, unknown> =>
  JSON.parse(Buffer.from(body ?? '{}').toString());
const events = (...values: object[]) => values.map((value) => `data: ${JSON.stringify(value)}\n\n`).join('');

const openaiUpstream: Transport = async (request) => {
  const head = { id: 'chatcmpl-1', created: 1, model: 'm' };
  if (sent(request)['stream'] !== true)
    return answer(
      'application/json',
      JSON.stringify({
        ...head,
        object: 'chat.completion',
        choices: [
          { index: 0, message: { role: 'assistant', content: 'Hello there' }, finish_reason: 'stop' },
        ],
      }),
    );
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, finish_reason }],
  });
  return answer(
    'text/event-stream',
    `${events(chunk({ role: 'assistant', content: '' }), chunk({ content: 'Hello ' }), chunk({ content: 'there' }), chunk({}, 'stop'))}data: [DONE]\n\n`,
  );
};

const anthropicUpstream: Transport = async (request) => {
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [],
    stop_reason: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  };
  if (sent(request)['stream'] !== true)
    return answer(
      'application/json',
      JSON.stringify({
        ...message,
        content: [{ type: 'text', text: 'Hello there' }],
        stop_reason: 'end_turn',
      }),
    );
  return answer(
    'text/event-stream',
    events(
      { type: 'message_start', message },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello there' } },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
      { type: 'message_stop' },
    ),
  );
};

const everyone = [
  ...openaiStyle.map(([plugin, options]) => ({ plugin, options, transport: openaiUpstream })),
  { plugin: anthropic as ProviderPlugin, options: undefined, transport: anthropicUpstream },
];

describe.each(everyone.map((one) => ({ name: one.plugin.name, ...one })))(
  '$name',
  ({ plugin, options, transport }) => {
    const checks = providerContract({ plugin, model: 'm', transport, ...(options && { options }) });
    for (const { name, run } of checks) it(name, run);
  },
);
