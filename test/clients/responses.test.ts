import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, isStepCount, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { account } from '../support/account.ts';
import { FIXTURES, haveFixtures, recorded, recordedBody, WITHOUT } from '../support/fixtures.ts';
import { standard } from '../support/standard.ts';
import { ANSWERING, conversation, ROUTES, routeTiers } from '../support/turns.ts';

/* Clients of OpenAI's Responses API, over upstreams that know nothing of it. */

const parts = standard({ config: () => ({ tiers: routeTiers }) });
const CALL = { id: 'call_1', name: 'weather', args: { city: 'Paris' } };
const key = async () => (await account(parts.gateway, ANSWERING)).key;
const TOOL = {
  type: 'function' as const,
  name: 'weather',
  description: 'Tells the weather.',
  strict: false,
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

// an upstream of OpenAI's is asked in its own Responses dialect, which the routes' mock does not speak
const TRANSLATED = ROUTES.filter(({ answers }) => answers !== 'openai');

describe.each(TRANSLATED)('OpenAI’s Responses clients over $name', (route) => {
  const client = async () =>
    new OpenAI({ apiKey: await key(), baseURL: `${parts.gateway.url}/v1`, maxRetries: 0 });

  it('create a response', async () => {
    const openai = await client();
    conversation(parts.upstream, route, { text: 'Hello there.' });
    const response = await openai.responses.create({
      model: route.model,
      input: 'Say hello.',
      instructions: 'Be brief.',
    });
    expect(response.output_text).toBe('Hello there.');
    expect(response.status).toBe('completed');
    expect(response.usage).toMatchObject({ input_tokens: 20, output_tokens: 10, total_tokens: 30 });
    expect(response).toMatchObject({ inferbridge: { provider: route.answers } });
  });

  it('stream one with parallel tool calls', async () => {
    const openai = await client();
    conversation(parts.upstream, route, { text: 'Let me see.', calls: [CALL, { ...CALL, id: 'call_2' }] });
    const stream = openai.responses.stream({
      model: route.model,
      input: 'How is the weather?',
      tools: [TOOL],
    });
    const types = new Set<string>();
    for await (const { type } of stream) types.add(type);
    const final = await stream.finalResponse();
    expect(final.output_text).toBe('Let me see.');
    expect(final.output.filter(({ type }) => type === 'function_call')).toMatchObject([
      { call_id: 'call_1', arguments: '{"city":"Paris"}' },
      { call_id: 'call_2', arguments: '{"city":"Paris"}' },
    ]);
    expect(final).toMatchObject({ inferbridge: { provider: route.answers } });
    for (const type of [
      'response.created',
      'response.output_text.delta',
      'response.function_call_arguments.delta',
      'response.completed',
    ])
      expect(types).toContain(type);
  });

  it('take results back', async () => {
    const openai = await client();
    conversation(parts.upstream, route, { calls: [CALL] }, { text: 'Sunny in Paris.' });
    const asked = { role: 'user' as const, content: 'How is the weather in Paris?' };
    const first = await openai.responses.create({ model: route.model, input: [asked], tools: [TOOL] });
    const last = await openai.responses.create({
      model: route.model,
      tools: [TOOL],
      input: [
        asked,
        ...first.output,
        { type: 'function_call_output', call_id: 'call_1', output: 'sunny' },
      ] as OpenAI.Responses.ResponseInput,
    });
    expect(last.output_text).toBe('Sunny in Paris.');
  });

  it('run through the Vercel AI SDK, whole and streamed', async () => {
    const bridge = createOpenAI({ apiKey: await key(), baseURL: `${parts.gateway.url}/v1` });
    const weather = tool({
      description: 'Tells the weather.',
      inputSchema: z.object({ city: z.string() }),
      execute: async () => 'sunny',
    });
    const given = {
      model: bridge.responses(route.model),
      prompt: 'How is the weather in Paris?',
      tools: { weather },
      stopWhen: isStepCount(4),
      maxRetries: 0,
      providerOptions: { openai: { store: false } },
    };
    conversation(parts.upstream, route, { calls: [CALL] }, { text: 'Sunny in Paris.' });
    expect((await generateText(given)).text).toBe('Sunny in Paris.');
    conversation(parts.upstream, route, { calls: [CALL] }, { text: 'Sunny in Paris.' });
    expect(await streamText(given).text).toBe('Sunny in Paris.');
  });
});

describe('the same dialect in and out', () => {
  const folder = 'openai/responses';
  const names = haveFixtures ? readdirSync(join(FIXTURES, folder)) : ['none.json'];
  /** Several responses in one file, lines that are no JSON, and errors have their tests elsewhere. */
  const apart = /encrypted-content\.1\.chunks|parallel-tool-call-wrapper\.1\.chunks|error/;

  it.skipIf(!haveFixtures).each(names.filter((name) => name.endsWith('.json') && !apart.test(name)))(
    `gives %s back unchanged${WITHOUT}`,
    async (name) => {
      parts.upstream.script('openai', recordedBody(`${folder}/${name}`));
      const response = await parts.gateway.fetch('/v1/responses', {
        method: 'POST',
        key: await key(),
        body: JSON.stringify({ model: 'openai:gpt-6-luna', input: 'Hi', acme: 1 }),
      });
      const { inferbridge, ...body } = (await response.json()) as Record<string, unknown>;
      expect(body).toEqual(JSON.parse(recorded(`${folder}/${name}`)));
      expect(inferbridge).toMatchObject({ provider: 'openai' });
      const seen = (await parts.upstream.seen('openai')).at(-1);
      expect([seen?.path, JSON.parse(seen?.body ?? '{}')]).toEqual([
        '/openai/v1/responses',
        { model: 'gpt-6-luna', input: 'Hi', acme: 1 },
      ]);
    },
  );

  it.skipIf(!haveFixtures).each(names.filter((name) => name.endsWith('.chunks.txt') && !apart.test(name)))(
    `streams %s unchanged${WITHOUT}`,
    async (name) => {
      const lines = recorded(`${folder}/${name}`)
        .split('\n')
        .filter((line) => line.trim() !== '');
      const sse = lines.map(
        (line) => `event: ${(JSON.parse(line) as { type: string }).type}\ndata: ${line}\n\n`,
      );
      parts.upstream.script('openai', { sse });
      const response = await parts.gateway.fetch('/v1/responses', {
        method: 'POST',
        key: await key(),
        body: JSON.stringify({ model: 'openai:gpt-6-luna', input: 'Hi', stream: true }),
      });
      const events = (await response.text())
        .split('\n\n')
        .filter(Boolean)
        .map(
          (event) => JSON.parse(event.split('\ndata: ')[1] ?? '') as { response?: Record<string, unknown> },
        );
      expect(events.at(-1)?.response?.['inferbridge']).toMatchObject({ provider: 'openai' });
      for (const { response: body } of events) delete body?.['inferbridge'];
      expect(events).toEqual(lines.map((line) => JSON.parse(line)));
    },
  );
});

describe('a request that would need a state', () => {
  it.each([
    [{ previous_response_id: 'resp_1' }, 'previous_response_id'],
    [{ background: true }, 'background'],
  ])('is refused and names it: %j', async (more, param) => {
    const response = await parts.gateway.fetch('/v1/responses', {
      method: 'POST',
      key: await key(),
      body: JSON.stringify({ model: 'by/anthropic', input: 'Hi', ...more }),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param, code: 'unsupported_parameter' } });
  });
});
