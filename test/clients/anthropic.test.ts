import { createAnthropic } from '@ai-sdk/anthropic';
import Anthropic from '@anthropic-ai/sdk';
import { generateText, isStepCount, streamText, tool } from 'ai';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { account } from '../support/account.ts';
import { refusal } from '../support/answers.ts';
import { anthropicStream, haveFixtures, recorded, recordedBody, WITHOUT } from '../support/fixtures.ts';
import { standard } from '../support/standard.ts';
import { ANSWERING, anthropicTurn, conversation, openaiTurn, ROUTES, routeTiers } from '../support/turns.ts';

/* Anthropic's own clients, over Anthropic (bytes pass as they are) and over OpenAI (translated both ways). */

const parts = standard({ config: () => ({ tiers: routeTiers }) });
const CALL = { id: 'toolu_1', name: 'weather', args: { city: 'Paris' } };
const TOOL: Anthropic.Tool = {
  name: 'weather',
  description: 'Tells the weather.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const user = () => account(parts.gateway, ANSWERING);
const client = async () =>
  new Anthropic({ apiKey: (await user()).key, baseURL: parts.gateway.url, maxRetries: 0 });
const ask = [{ role: 'user' as const, content: 'How is the weather in Paris?' }];

describe.each(ROUTES)('the official @anthropic-ai/sdk over $name', (route) => {
  it('creates a message with the block', async () => {
    const anthropic = await client();
    conversation(parts.upstream, route, { text: 'Hello there.' });
    const message = await anthropic.messages.create({ model: route.model, max_tokens: 100, messages: ask });
    expect(message.content).toMatchObject([{ type: 'text', text: 'Hello there.' }]);
    expect(message.stop_reason).toBe('end_turn');
    expect(message.usage).toMatchObject({ input_tokens: 20, output_tokens: 10 });
    expect(message).toMatchObject({
      type: 'message',
      inferbridge: { provider: route.answers, mode: route.model },
    });
    expect(message._request_id).toEqual(expect.any(String));
  });

  it('streams parallel tool calls with the stream helper', async () => {
    const anthropic = await client();
    conversation(parts.upstream, route, { text: 'Let me see.', calls: [CALL, { ...CALL, id: 'toolu_2' }] });
    const stream = anthropic.messages.stream({
      model: route.model,
      max_tokens: 100,
      messages: ask,
      tools: [TOOL],
    });
    const blocks: unknown[] = [];
    stream.on('contentBlock', (block) => blocks.push(block.type));
    let block: unknown = null;
    for await (const event of stream)
      if (event.type === 'message_delta') block = (event as unknown as { inferbridge: unknown }).inferbridge;
    const final = await stream.finalMessage();
    expect(final.content).toMatchObject([
      { type: 'text', text: 'Let me see.' },
      { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Paris' } },
      { type: 'tool_use', id: 'toolu_2', name: 'weather', input: { city: 'Paris' } },
    ]);
    expect(final.stop_reason).toBe('tool_use');
    expect(final.usage.output_tokens).toBe(10);
    expect(blocks).toEqual(['text', 'tool_use', 'tool_use']);
    expect(block).toMatchObject({ provider: route.answers });
  });

  it('takes results back', async () => {
    const anthropic = await client();
    conversation(parts.upstream, route, { calls: [CALL] }, { text: 'Sunny in Paris.' });
    const given = {
      model: route.model,
      max_tokens: 100,
      tools: [TOOL],
      tool_choice: { type: 'auto' as const },
    };
    const first = await anthropic.messages.create({ ...given, messages: ask });
    const last = await anthropic.messages.create({
      ...given,
      messages: [
        ...ask,
        { role: 'assistant', content: first.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'sunny' }] },
      ],
    });
    expect(last.content).toMatchObject([{ type: 'text', text: 'Sunny in Paris.' }]);
    const sent = (await parts.upstream.seen(route.answers)).at(-1)?.body ?? '';
    expect(sent).toContain('sunny');
  });

  it('runs through the Vercel AI SDK, whole and streamed', async () => {
    const bridge = createAnthropic({ apiKey: (await user()).key, baseURL: `${parts.gateway.url}/v1` });
    const weather = tool({
      description: 'Tells the weather.',
      inputSchema: z.object({ city: z.string() }),
      execute: async () => 'sunny',
    });
    const given = {
      model: bridge(route.model),
      prompt: 'How is the weather in Paris?',
      tools: { weather },
      stopWhen: isStepCount(4),
      maxRetries: 0,
      maxOutputTokens: 100,
    };
    conversation(parts.upstream, route, { calls: [CALL] }, { text: 'Sunny in Paris.' });
    expect((await generateText(given)).text).toBe('Sunny in Paris.');
    conversation(parts.upstream, route, { calls: [CALL] }, { text: 'Sunny in Paris.' });
    expect(await streamText(given).text).toBe('Sunny in Paris.');
  });
});

describe('the same dialect in and out', () => {
  it('sends the body as it came, but for the model, with the client’s betas', async () => {
    const anthropic = await client();
    parts.upstream.script('anthropic', anthropicTurn({ text: 'Hi.' }));
    const body = {
      max_tokens: 64,
      messages: [
        {
          role: 'user' as const,
          content: [{ type: 'text' as const, text: 'Hi', cache_control: { type: 'ephemeral' as const } }],
        },
      ],
      context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] },
      acme: { unknown: true },
    };
    await anthropic.messages.create(
      { model: 'anthropic:claude-sonnet-4-5', ...body } as Anthropic.MessageCreateParamsNonStreaming,
      { headers: { 'anthropic-beta': 'context-management-2025-06-27' } },
    );
    const seen = (await parts.upstream.seen('anthropic')).at(-1);
    expect(JSON.parse(seen?.body ?? '{}')).toEqual({ model: 'claude-sonnet-4-5', ...body });
    expect(seen?.headers['anthropic-beta']).toBe('context-management-2025-06-27');
  });

  it('translates what the model at hand would refuse, and says so', async () => {
    const { key } = await user();
    parts.upstream.script('anthropic', anthropicTurn({ text: 'Hi.' }));
    const response = await parts.gateway.fetch('/v1/messages', {
      method: 'POST',
      key,
      body: JSON.stringify({
        model: 'anthropic:claude-opus-5-5',
        max_tokens: 64,
        temperature: 0.5,
        messages: ask,
      }),
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-inferbridge-dropped-params')).toBe('temperature');
    expect(JSON.parse((await parts.upstream.seen('anthropic')).at(-1)?.body ?? '{}')).not.toHaveProperty(
      'temperature',
    );
  });

  it.skipIf(!haveFixtures)(
    `gives recorded answers back unchanged, whole and streamed${WITHOUT}`,
    async () => {
      const anthropic = await client();
      const given = { model: 'by/anthropic', max_tokens: 64, messages: ask };
      const whole = 'anthropic/chat/anthropic-web-search-tool.1.json';
      parts.upstream.script('anthropic', recordedBody(whole));
      const { inferbridge: _, ...message } = (await anthropic.messages.create(given)) as unknown as Record<
        string,
        unknown
      >;
      expect(message).toEqual(JSON.parse(recorded(whole)));
      const streamed = 'anthropic/chat/anthropic-web-search-tool.1.chunks.txt';
      parts.upstream.script('anthropic', anthropicStream(streamed));
      const events: Record<string, unknown>[] = [];
      for await (const event of await anthropic.messages.create({ ...given, stream: true })) {
        const { inferbridge: __, ...rest } = event as unknown as Record<string, unknown>;
        events.push(rest);
      }
      const lines = recorded(streamed)
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as { type: string });
      expect(events).toEqual(lines.filter(({ type }) => type !== 'ping'));
    },
  );
});

describe('around it', () => {
  it('counts tokens by an estimate', async () => {
    const anthropic = await client();
    const { input_tokens } = await anthropic.messages.countTokens({
      model: 'by/openai',
      system: 'Be brief.',
      messages: [{ role: 'user', content: 'word '.repeat(400) }],
      tools: [TOOL],
    });
    expect(input_tokens).toBeGreaterThan(400);
    expect(input_tokens).toBeLessThan(800);
  });

  it.each([
    [{ max_tokens: 10, messages: [] }, 400, 'invalid_request_error', 'messages'],
    [{ messages: ask }, 400, 'invalid_request_error', 'max_tokens'],
    [
      { max_tokens: 10, messages: [{ role: 'user', content: [{ type: 'nonsense' }] }] },
      400,
      'invalid_request_error',
      'messages[0].content[0]',
    ],
  ])('refuses %j in Anthropic’s envelope', async (body, status, type, place) => {
    const response = await parts.gateway.fetch('/v1/messages', {
      method: 'POST',
      key: (await user()).key,
      body: JSON.stringify({ model: 'by/openai', ...body }),
    });
    expect(response.status).toBe(status);
    const error = (await response.json()) as {
      type: string;
      error: { type: string; message: string };
      request_id: string;
    };
    expect(error).toMatchObject({
      type: 'error',
      error: { type },
      request_id: response.headers.get('x-request-id'),
    });
    expect(error.error.message).toContain(place);
  });

  it('takes the key as x-api-key, and refuses a bad one in Anthropic’s envelope', async () => {
    const bad = new Anthropic({
      apiKey: 'ib_00000000000000000000000000000000',
      baseURL: parts.gateway.url,
      maxRetries: 0,
    });
    await expect(
      bad.messages.create({ model: 'by/openai', max_tokens: 1, messages: ask }),
    ).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
    await expect(bad.messages.countTokens({ model: 'by/openai', messages: ask })).rejects.toBeInstanceOf(
      Anthropic.AuthenticationError,
    );
  });

  it('reports an exhausted chain as overloaded, and a broken stream as an error event', async () => {
    const anthropic = await client();
    parts.upstream.script('openai', refusal(503));
    await expect(
      anthropic.messages.create({ model: 'by/openai', max_tokens: 1, messages: ask }),
    ).rejects.toBeInstanceOf(Anthropic.InternalServerError);
    const turn = openaiTurn({ text: 'one two three' });
    const pieces = 'stream' in turn && 'sse' in turn.stream ? turn.stream.sse : [];
    parts.upstream.script('openai', { sse: pieces.slice(0, 3), end: 'reset' });
    const other = await client();
    const stream = other.messages.stream({ model: 'by/openai', max_tokens: 1, messages: ask });
    await expect(stream.finalMessage()).rejects.toBeInstanceOf(Anthropic.APIError);
  });
});
