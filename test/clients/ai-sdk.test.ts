import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embed, generateText, isStepCount, Output, streamText, tool } from 'ai';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { account } from '../support/account.ts';
import { standard } from '../support/standard.ts';
import { ANSWERING, conversation, ROUTES, routeTiers } from '../support/turns.ts';

const parts = standard({ config: () => ({ tiers: routeTiers }) });
const CALL = { id: 'call_1', name: 'weather', args: { city: 'Paris' } };

const provider = async () =>
  createOpenAICompatible({
    name: 'inferbridge',
    apiKey: (await account(parts.gateway, ANSWERING)).key,
    baseURL: `${parts.gateway.url}/v1`,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
const weather = (asked: unknown[]) =>
  tool({
    description: 'Tells the weather.',
    inputSchema: z.object({ city: z.string() }),
    execute: async (args) => {
      asked.push(args);
      return 'sunny';
    },
  });

describe.each(ROUTES)('the Vercel AI SDK over $name', (route) => {
  it('generates text in several steps with tools', async () => {
    const bridge = await provider();
    conversation(parts.upstream, route, { calls: [CALL] }, { text: 'Sunny in Paris.' });
    const asked: unknown[] = [];
    const { text, steps } = await generateText({
      model: bridge(route.model),
      prompt: 'How is the weather in Paris?',
      tools: { weather: weather(asked) },
      stopWhen: isStepCount(4),
      maxRetries: 0,
    });
    expect({ text, steps: steps.length, asked }).toEqual({
      text: 'Sunny in Paris.',
      steps: 2,
      asked: [{ city: 'Paris' }],
    });
  });

  it('streams text in several steps with tools', async () => {
    const bridge = await provider();
    conversation(
      parts.upstream,
      route,
      { text: 'Let me see.', calls: [CALL, { ...CALL, id: 'call_2' }] },
      { text: 'Sunny in Paris.' },
    );
    const asked: unknown[] = [];
    const result = streamText({
      model: bridge(route.model),
      prompt: 'How is the weather in Paris?',
      tools: { weather: weather(asked) },
      stopWhen: isStepCount(4),
      maxRetries: 0,
    });
    let text = '';
    for await (const piece of result.textStream) text += piece;
    expect(text).toContain('Sunny in Paris.');
    expect(asked).toEqual([{ city: 'Paris' }, { city: 'Paris' }]);
    expect(await result.finishReason).toBe('stop');
    expect((await result.totalUsage).totalTokens).toBe(60);
  });

  it('generates objects by a schema', async () => {
    const bridge = await provider();
    conversation(parts.upstream, route, { text: '{"city":"Paris","degrees":21}' });
    const { output } = await generateText({
      model: bridge(route.model),
      prompt: 'How is the weather in Paris?',
      output: Output.object({ schema: z.object({ city: z.string(), degrees: z.number() }) }),
      maxRetries: 0,
    });
    expect(output).toEqual({ city: 'Paris', degrees: 21 });
  });
});

describe('the Vercel AI SDK', () => {
  it('embeds', async () => {
    const bridge = await provider();
    parts.upstream.script('openai', {
      status: 200,
      body: '{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,1]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}',
    });
    const { embedding } = await embed({ model: bridge.embeddingModel('ib/embed'), value: 'Hello' });
    expect(embedding).toEqual([0.5, 1]);
  });
});
