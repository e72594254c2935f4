import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import type { RunnableTools } from 'openai/lib/RunnableFunction';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { account } from '../support/account.ts';
import { standard } from '../support/standard.ts';
import { ANSWERING, conversation, ROUTES, routeTiers } from '../support/turns.ts';

const parts = standard({ config: () => ({ tiers: routeTiers }) });
const CALL = { id: 'call_1', name: 'weather', args: { city: 'Paris' } };
const TOOLS = [
  {
    type: 'function' as const,
    function: {
      name: 'weather',
      description: 'Tells the weather.',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
];
const ask = (content: string) => [{ role: 'user' as const, content }];

describe.each(ROUTES)('the official openai package over $name', (route) => {
  const client = async () =>
    new OpenAI({
      apiKey: (await account(parts.gateway, ANSWERING)).key,
      baseURL: `${parts.gateway.url}/v1`,
      maxRetries: 0,
    });

  it('creates completions with parallel tool calls', async () => {
    const openai = await client();
    conversation(parts.upstream, route, { calls: [CALL, { ...CALL, id: 'call_2', args: { city: 'Rome' } }] });
    const { choices } = await openai.chat.completions.create({
      model: route.model,
      messages: ask('?'),
      tools: TOOLS,
    });
    expect(choices[0]?.finish_reason).toBe('tool_calls');
    const calls = choices[0]?.message.tool_calls ?? [];
    expect(
      calls.map((call) => (call.type === 'function' ? JSON.parse(call.function.arguments) : null)),
    ).toEqual([{ city: 'Paris' }, { city: 'Rome' }]);
  });

  it('streams them with the stream helper', async () => {
    const openai = await client();
    conversation(parts.upstream, route, { text: 'Let me see.', calls: [CALL, { ...CALL, id: 'call_2' }] });
    const stream = openai.chat.completions.stream({
      model: route.model,
      messages: ask('?'),
      tools: TOOLS,
      stream_options: { include_usage: true },
    });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.content).toBe('Let me see.');
    expect(final.choices[0]?.finish_reason).toBe('tool_calls');
    expect(final.choices[0]?.message.tool_calls).toHaveLength(2);
    expect(final.usage?.total_tokens).toBe(30);
  });

  it.each([false, true])('runs tools to the end, streaming: %s', async (stream) => {
    const openai = await client();
    conversation(parts.upstream, route, { calls: [CALL] }, { text: 'Sunny in Paris.' });
    const asked: unknown[] = [];
    const tools: RunnableTools<[object]> = [
      {
        type: 'function',
        function: {
          name: 'weather',
          description: 'Tells the weather.',
          parse: (text) => JSON.parse(text) as object,
          function: (args) => {
            asked.push(args);
            return 'sunny';
          },
          parameters: { type: 'object', properties: { city: { type: 'string' } } },
        },
      },
    ];
    const given = { model: route.model, messages: ask('How is the weather in Paris?'), tools };
    const runner = stream
      ? openai.chat.completions.runTools({ ...given, stream: true })
      : openai.chat.completions.runTools({ ...given, stream: false });
    expect(await runner.finalContent()).toBe('Sunny in Paris.');
    expect(asked).toEqual([{ city: 'Paris' }]);
    const last = JSON.parse((await parts.upstream.seen(route.answers)).at(-1)?.body ?? '{}');
    expect(JSON.stringify(last)).toContain('sunny');
  });

  it('parses structured output', async () => {
    const openai = await client();
    conversation(parts.upstream, route, { text: '{"city":"Paris","degrees":21}' });
    const format = zodResponseFormat(z.object({ city: z.string(), degrees: z.number() }), 'weather');
    const { choices } = await openai.chat.completions.parse({
      model: route.model,
      messages: ask('?'),
      response_format: format,
    });
    expect(choices[0]?.message.parsed).toEqual({ city: 'Paris', degrees: 21 });
  });
});

describe('the official openai package', () => {
  it('gets the same embeddings in base64, its default, and in floats', async () => {
    const openai = new OpenAI({
      apiKey: (await account(parts.gateway, ['openai'])).key,
      baseURL: `${parts.gateway.url}/v1`,
    });
    const floats = [0.5, -0.25, 1];
    parts.upstream.script('openai', {
      status: 200,
      body: JSON.stringify({
        object: 'list',
        data: [{ object: 'embedding', index: 0, embedding: floats }],
        model: 'text-embedding-3-small',
        usage: { prompt_tokens: 3, total_tokens: 3 },
      }),
    });
    const byDefault = await openai.embeddings.create({ model: 'ib/embed', input: 'Hello' });
    const asFloats = await openai.embeddings.create({
      model: 'ib/embed',
      input: 'Hello',
      encoding_format: 'float',
    });
    expect(byDefault.data[0]?.embedding).toEqual(floats);
    expect(asFloats.data[0]?.embedding).toEqual(floats);
    expect(byDefault.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
  });

  it('lists models and retrieves one with a slash in its name', async () => {
    const openai = new OpenAI({
      apiKey: (await account(parts.gateway, ['groq'])).key,
      baseURL: `${parts.gateway.url}/v1`,
    });
    parts.upstream.script('groq', {
      status: 200,
      body: '{"object":"list","data":[{"id":"openai/gpt-oss-20b"}]}',
    });
    const ids: string[] = [];
    for await (const { id } of await openai.models.list()) ids.push(id);
    expect(ids).toContain('groq:openai/gpt-oss-20b');
    expect((await openai.models.retrieve('groq:openai/gpt-oss-20b')).id).toBe('groq:openai/gpt-oss-20b');
  });
});
