import { type AIMessageChunk, HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { account } from '../support/account.ts';
import { standard } from '../support/standard.ts';
import { ANSWERING, conversation, ROUTES, routeTiers } from '../support/turns.ts';

const parts = standard({ config: () => ({ tiers: routeTiers }) });
const CALL = { id: 'call_1', name: 'weather', args: { city: 'Paris' } };
const weather = tool(async () => 'sunny', {
  name: 'weather',
  description: 'Tells the weather.',
  schema: z.object({ city: z.string() }),
});

describe.each(ROUTES)('LangChain over $name', (route) => {
  const model = async () =>
    new ChatOpenAI({
      model: route.model,
      apiKey: (await account(parts.gateway, ANSWERING)).key,
      configuration: { baseURL: `${parts.gateway.url}/v1` },
      maxRetries: 0,
      streamUsage: true,
    });

  it('binds tools and takes their results back', async () => {
    const chat = (await model()).bindTools([weather]);
    conversation(parts.upstream, route, { calls: [CALL] }, { text: 'Sunny in Paris.' });
    const question = new HumanMessage('How is the weather in Paris?');
    const first = await chat.invoke([question]);
    expect(first.tool_calls).toMatchObject([{ name: 'weather', args: { city: 'Paris' } }]);
    const id = first.tool_calls?.[0]?.id ?? '';
    const last = await chat.invoke([
      question,
      first,
      new ToolMessage({ content: 'sunny', tool_call_id: id }),
    ]);
    expect(last.content).toBe('Sunny in Paris.');
  });

  it('streams tool calls and usage', async () => {
    const chat = (await model()).bindTools([weather]);
    conversation(parts.upstream, route, { text: 'Let me see.', calls: [CALL, { ...CALL, id: 'call_2' }] });
    const stream = await chat.stream([new HumanMessage('?')]);
    let whole: AIMessageChunk | null = null;
    for await (const chunk of stream) whole = whole === null ? chunk : whole.concat(chunk);
    expect(whole?.content).toBe('Let me see.');
    expect(whole?.tool_calls?.map(({ args }) => args)).toEqual([{ city: 'Paris' }, { city: 'Paris' }]);
    expect(whole).toMatchObject({ usage_metadata: { total_tokens: 30 } });
    expect(whole).toMatchObject({ response_metadata: { finish_reason: 'tool_calls' } });
  });

  it.each(['jsonSchema', 'functionCalling'] as const)('gives structured output by %s', async (method) => {
    const schema = z.object({ city: z.string(), degrees: z.number() });
    const chat = (await model()).withStructuredOutput(schema, { name: 'answer', method });
    const answer = { city: 'Paris', degrees: 21 };
    conversation(
      parts.upstream,
      route,
      method === 'jsonSchema'
        ? { text: JSON.stringify(answer) }
        : { calls: [{ id: 'call_9', name: 'answer', args: answer }] },
    );
    expect(await chat.invoke([new HumanMessage('?')])).toEqual(answer);
  });
});
