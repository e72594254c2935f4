import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, jsonSchema, type ModelMessage, Output, type ToolSet, tool } from 'ai';
import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { standard } from '../support/standard.ts';
import { anthropicTurn } from '../support/turns.ts';

/*
 * The same conversations, given to Vercel's own Anthropic provider and to the gateway: both bodies mean the same. No
 * difference was found that is meant to stay.
 */

// what it leaves out it says on the console
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });

const parts = standard();
const MODEL = 'claude-sonnet-4-5';
const weather = tool({
  description: 'Tells the weather.',
  inputSchema: jsonSchema<{ city: string }>({
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  }),
});
/** The SDK's own types do not fit `exactOptionalPropertyTypes`. */
const TOOLS = { weather } as unknown as ToolSet;
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

interface Case {
  readonly name: string;
  readonly model?: string;
  readonly messages: ModelMessage[];
  readonly instructions?: string;
  readonly tools?: ToolSet;
  readonly [setting: string]: unknown;
}

const user = (text: string): ModelMessage => ({ role: 'user', content: text });
const called = (id: string, city: string) => ({
  type: 'tool-call' as const,
  toolCallId: id,
  toolName: 'weather',
  input: { city },
});
const result = (id: string, value: string) => ({
  type: 'tool-result' as const,
  toolCallId: id,
  toolName: 'weather',
  output: { type: 'text' as const, value },
});

const PDF = Buffer.from('%PDF-1.4 nothing much').toString('base64');
const CITY = Output.object({
  schema: jsonSchema<{ city: string }>({
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  }),
});

const CASES: readonly Case[] = [
  { name: 'one question', messages: [user('Hello')] },
  {
    name: 'instructions and settings',
    instructions: 'Be brief.',
    messages: [user('Hello')],
    temperature: 0.3,
    maxOutputTokens: 100,
    stopSequences: ['END'],
  },
  { name: 'top_p', messages: [user('Hello')], topP: 0.5 },
  {
    name: 'several turns',
    messages: [user('Hello'), { role: 'assistant', content: 'Hi.' }, user('How are you?')],
  },
  { name: 'neighbours of one role', messages: [user('Hello'), user('Are you there?')] },
  { name: 'tools', messages: [user('Weather?')], tools: TOOLS },
  { name: 'a required tool', messages: [user('Weather?')], tools: TOOLS, toolChoice: 'required' },
  {
    name: 'a named tool',
    messages: [user('Weather?')],
    tools: TOOLS,
    toolChoice: { type: 'tool', toolName: 'weather' },
  },
  {
    name: 'a tool loop with parallel calls',
    messages: [
      user('Weather?'),
      {
        role: 'assistant',
        content: [{ type: 'text', text: 'Let me see.' }, called('call_1', 'Paris'), called('call_2', 'Rome')],
      },
      { role: 'tool', content: [result('call_1', 'sunny'), result('call_2', 'rain')] },
      user('Thanks. And tomorrow?'),
    ],
    tools: TOOLS,
  },
  {
    name: 'an image',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'file', data: PNG, mediaType: 'image/png' },
        ],
      },
    ],
  },
  {
    name: 'structured output',
    messages: [user('Weather?')],
    output: CITY,
  },
  {
    name: 'a model without sampling parameters',
    model: 'claude-opus-5',
    messages: [user('Hello')],
    temperature: 0.3,
  },
  { name: 'a temperature beyond the range', messages: [user('Hello')], temperature: 1.5 },
  { name: 'temperature and top_p together', messages: [user('Hello')], temperature: 0.3, topP: 0.5 },
  {
    name: 'structured output on a model of old',
    model: 'claude-opus-4-1',
    messages: [user('Weather?')],
    output: CITY,
  },
  { name: 'structured output beside tools', messages: [user('Weather?')], tools: TOOLS, output: CITY },
  {
    name: 'a document',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'file', data: PDF, mediaType: 'application/pdf', filename: 'paper.pdf' },
        ],
      },
    ],
  },
];

type Body = Record<string, unknown>;

/** Spellings that mean the same to the API. */
function plain(body: Body): Body {
  const blocks = (content: unknown): unknown =>
    typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  const messages = (body['messages'] as { role: string; content: unknown }[]).map(({ role, content }) => ({
    role,
    content: (blocks(content) as Body[]).map((block) =>
      block['type'] === 'tool_result' ? { ...block, content: blocks(block['content']) } : block,
    ),
  }));
  const tools = (body['tools'] as Body[] | undefined)?.map((one) => {
    const { $schema: _, ...schema } = one['input_schema'] as Body;
    return { ...one, input_schema: schema };
  });
  const { stream: _, ...rest } = body;
  return {
    ...rest,
    messages,
    ...(rest['system'] !== undefined && { system: blocks(rest['system']) }),
    ...(tools && { tools }),
  };
}

describe('the same conversation by @ai-sdk/anthropic and by the gateway', () => {
  it.each(CASES)('$name', async ({ name: _, model = MODEL, ...given }) => {
    let theirs: Body = {};
    const calls = [{ id: 'call_9', name: 'weather', args: { city: 'Paris' } }];
    const turn = anthropicTurn(given['toolChoice'] ? { calls } : { text: '{"city":"Paris"}' });
    const answer = 'whole' in turn && 'body' in turn.whole ? turn.whole.body : '';
    const direct = createAnthropic({
      apiKey: 'key',
      fetch: async (_, init) => {
        theirs = JSON.parse(String(init?.body)) as Body;
        return new Response(answer, { status: 200, headers: { 'content-type': 'application/json' } });
      },
    });
    await generateText({ ...given, model: direct(model), maxRetries: 0 });
    const gateway = createOpenAICompatible({
      name: 'inferbridge',
      apiKey: (await account(parts.gateway, ['anthropic'])).key,
      baseURL: `${parts.gateway.url}/v1`,
      supportsStructuredOutputs: true,
    });
    parts.upstream.script('anthropic', turn);
    await generateText({ ...given, model: gateway(`anthropic:${model}`), maxRetries: 0 });
    const ours = JSON.parse((await parts.upstream.seen('anthropic')).at(-1)?.body ?? '{}') as Body;
    expect(plain(ours)).toEqual(plain(theirs));
  });
});
