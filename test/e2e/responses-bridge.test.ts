import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { account, PROMPT } from '../support/account.ts';
import { haveFixtures, recorded, WITHOUT } from '../support/fixtures.ts';
import { standard } from '../support/standard.ts';
import type { Act } from '../support/upstream.ts';

/* Function tools on models that take them on /v1/responses alone, asked for by chat clients. */

const parts = standard();
const TOOL = {
  type: 'function' as const,
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};
const usage = {
  input_tokens: 20,
  input_tokens_details: { cached_tokens: 5 },
  output_tokens: 10,
  output_tokens_details: { reasoning_tokens: 4 },
  total_tokens: 30,
};
const reasoning = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'b3BhcXVl' };
const call = {
  type: 'function_call',
  id: 'fc_1',
  call_id: 'call_1',
  name: 'weather',
  arguments: '{"city":"Paris"}',
  status: 'completed',
};
const head = { id: 'resp_1', object: 'response', created_at: 1_780_000_000, model: 'gpt-6-luna' };
const answer = { ...head, status: 'completed', output: [reasoning, call], usage };
const whole: Act = { status: 200, body: JSON.stringify(answer) };
const event = (value: { type: string; [field: string]: unknown }) =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
const stream: Act = {
  sse: [
    event({ type: 'response.created', response: { ...head, status: 'in_progress', output: [] } }),
    event({
      type: 'response.output_item.added',
      output_index: 0,
      item: { ...reasoning, encrypted_content: '' },
    }),
    event({ type: 'response.output_item.done', output_index: 0, item: reasoning }),
    event({
      type: 'response.output_item.added',
      output_index: 1,
      item: { ...call, arguments: '', status: 'in_progress' },
    }),
    event({
      type: 'response.function_call_arguments.delta',
      item_id: 'fc_1',
      output_index: 1,
      delta: '{"city":',
    }),
    event({
      type: 'response.function_call_arguments.delta',
      item_id: 'fc_1',
      output_index: 1,
      delta: '"Paris"}',
    }),
    event({
      type: 'response.function_call_arguments.done',
      item_id: 'fc_1',
      output_index: 1,
      arguments: call.arguments,
    }),
    event({ type: 'response.output_item.done', output_index: 1, item: call }),
    event({ type: 'response.completed', response: answer }),
  ],
};
const client = async () =>
  new OpenAI({
    apiKey: (await account(parts.gateway, ['openai'])).key,
    baseURL: `${parts.gateway.url}/v1`,
    maxRetries: 0,
  });
const messages = PROMPT as [{ role: 'user'; content: string }];
const last = async () => (await parts.upstream.seen('openai')).at(-1);

describe('tools on a model that takes them on /v1/responses alone', () => {
  it('go there and come back as tool calls, whole', async () => {
    parts.upstream.script('openai', { whole, stream });
    const reply = await (await client()).chat.completions.create({
      model: 'openai:gpt-6-luna',
      messages,
      tools: [TOOL],
    });
    expect(reply.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } },
        ],
      },
    });
    expect(reply.usage).toMatchObject({ prompt_tokens: 20, completion_tokens: 10, total_tokens: 30 });
    const seen = await last();
    expect(seen?.path).toBe('/openai/v1/responses');
    expect(JSON.parse(seen?.body ?? '{}')).toMatchObject({
      model: 'gpt-6-luna',
      store: false,
      include: ['reasoning.encrypted_content'],
      tools: [{ type: 'function', name: 'weather', strict: false }],
    });
  });

  it('and as a stream, whose reasoning survives the next turn', async () => {
    const openai = await client();
    parts.upstream.script('openai', { whole, stream });
    const final = await openai.chat.completions
      .stream({
        model: 'openai:gpt-6-luna',
        messages,
        tools: [TOOL],
        stream_options: { include_usage: true },
      })
      .finalChatCompletion();
    expect(final.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        tool_calls: [{ id: 'call_1', function: { name: 'weather', arguments: '{"city":"Paris"}' } }],
      },
    });
    expect(final.usage?.total_tokens).toBe(30);
    const message = final.choices[0]?.message;
    if (!message) throw new Error('no message');
    await openai.chat.completions.create({
      model: 'openai:gpt-6-luna',
      messages: [...messages, message, { role: 'tool', tool_call_id: 'call_1', content: 'sunny' }],
      tools: [TOOL],
    });
    const { input } = JSON.parse((await last())?.body ?? '{}') as { input: { type: string }[] };
    expect(input.slice(1).map(({ type }) => type)).toEqual([
      'reasoning',
      'function_call',
      'function_call_output',
    ]);
  });

  it.each([
    ['openai:gpt-6-luna', {}],
    ['openai:gpt-6-luna', { tools: [TOOL], reasoning_effort: 'none' as const }],
    ['openai:gpt-4.1', { tools: [TOOL] }],
  ])('stay on chat completions where that does: %s with %j', async (model, more) => {
    parts.upstream.script('openai', {
      status: 200,
      body: JSON.stringify({
        id: 'c',
        object: 'chat.completion',
        created: 1,
        model: 'm',
        choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
      }),
    });
    await (await client()).chat.completions.create({ model, messages, ...more });
    expect((await last())?.path).toBe('/openai/v1/chat/completions');
  });

  it.skipIf(!haveFixtures)(`report a recorded failure as an error${WITHOUT}`, async () => {
    const lines = recorded('openai/responses/openai-error.1.chunks.txt').split('\n').filter(Boolean);
    parts.upstream.script('openai', { sse: lines.map((line) => event(JSON.parse(line))) });
    const user = await account(parts.gateway, ['openai']);
    const response = await user.chat({ model: 'openai:gpt-6-luna', messages, tools: [TOOL], stream: true });
    expect(response.status).not.toBe(200);
  });
});
