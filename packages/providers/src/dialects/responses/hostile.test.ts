import { type ChatMessage, type ChatRequest, GatewayError } from '@inferbridge/core';
import { seededRandom } from '@inferbridge/core/testing';
import { expect, it } from 'vitest';
import { chatOfResponses } from './inbound/request.ts';
import { responseOf } from './inbound/response.ts';
import { createResponseEvents } from './inbound/stream.ts';
import { needsResponses } from './models.ts';
import { responsesBody } from './request.ts';
import { completionOfResponse } from './response.ts';
import { responseFrames } from './stream.ts';

/** What a hostile caller, or a confused upstream, puts where something else is wanted. */
const JUNK: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  'x',
  '{',
  [],
  [null],
  [[]],
  {},
  { type: 5 },
  { type: 'text' },
  { toString: 1 },
  { type: { toString: 1 } },
  { __proto__: null },
  { content: [null] },
  { name: {} },
  { role: 'assistant' },
];
const failure = (said: unknown) => new GatewayError('server_error', 'scripted', { cause: said });

/** The same value with some of what is in it replaced by junk, or gone. */
function spoiled(value: unknown, random: () => number): unknown {
  if (random() < 0.06) return JUNK[Math.floor(random() * JUNK.length)];
  if (Array.isArray(value)) return value.filter(() => random() > 0.03).map((one) => spoiled(one, random));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]) => (random() < 0.03 ? [] : [[name, spoiled(one, random)]])),
  );
}

function gatewayErrorsOnly(run: () => unknown) {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    expect((error as GatewayError).class).toMatch(/^(invalid_request|unsupported|malformed|server_error)$/); // just checked
  }
}

const SEEDS = Array.from({ length: 1_500 }, (_, seed) => seed);
const REASONING = {
  type: 'reasoning',
  id: 'rs',
  summary: [{ type: 'summary_text', text: 'Hm' }],
  content: [{ type: 'reasoning_text', text: 'Hm' }],
  encrypted_content: 'x',
};

const INPUT = [
  {
    role: 'user',
    content: [
      { type: 'input_text', text: 'x' },
      { type: 'input_image', image_url: 'u' },
      { type: 'input_file', file_data: 'd' },
    ],
  },
  REASONING,
  {
    type: 'message',
    role: 'assistant',
    content: [
      { type: 'output_text', text: 'x' },
      { type: 'refusal', refusal: 'x' },
    ],
    phase: 'commentary',
  },
  { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}', extra_content: {} },
  { type: 'custom_tool_call', call_id: 'b', name: 'f', input: '{}' },
  { type: 'function_call_output', call_id: 'a', output: 'x' },
  { type: 'custom_tool_call_output', call_id: 'b', output: [{ type: 'input_text', text: 'x' }] },
];
const ASKED = {
  model: 'gpt-6-luna',
  instructions: 'Be brief',
  input: INPUT,
  tools: [
    { type: 'function', name: 'f', parameters: {} },
    { type: 'custom', name: 'g', format: { type: 'grammar' } },
    { type: 'web_search' },
  ],
  tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'f' }] },
  reasoning: { effort: 'low' },
  text: { format: { type: 'json_schema', name: 'o', schema: {} }, verbosity: 'low' },
  metadata: {},
  top_logprobs: 1,
  include: [],
};

/** The same, asked the other way. */
const CHAT = { ...chatOfResponses(ASKED), logprobs: null, temperature: 1, n: 1 };

it('a hostile chat request is told what is wrong with it', () => {
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    const spoilt = { ...(spoiled(CHAT, random) as ChatRequest) }; // that is the question
    const request = { ...spoilt, model: typeof spoilt.model === 'string' ? spoilt.model : 'gpt-6-luna' };
    gatewayErrorsOnly(() => needsResponses(request, request.model));
    gatewayErrorsOnly(() => JSON.stringify(responsesBody(request, () => {})));
  }
});

it('a hostile request to /v1/responses is told what is wrong with it, or goes on to either side', () => {
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    const body = spoiled(ASKED, random);
    gatewayErrorsOnly(() => {
      const asked = typeof body === 'object' && body !== null ? { ...body } : {};
      const request = chatOfResponses(asked);
      createResponseEvents(asked, { id: 'x' }).end(null);
      responsesBody(request, () => {});
    });
  }
});

it('forged things to hand back are ignored', () => {
  for (const json of [
    '5',
    '[]',
    '{',
    '{"thinking_blocks":[1],"provider_specific_fields":[],"role":"user"}',
  ]) {
    const encrypted_content = `carried.1.${Buffer.from(json).toString('base64url')}`;
    const input = [
      { ...REASONING, encrypted_content },
      { role: 'assistant', content: 'x' },
    ];
    const [message] = chatOfResponses({ model: 'm', input }).messages;
    expect(message).toMatchObject({ role: 'assistant', content: 'x', reasoning_content: 'Hm' });
    expect(message).not.toHaveProperty('thinking_blocks');
  }
});

const OUTPUT = [
  REASONING,
  {
    type: 'message',
    id: 'm',
    content: [
      { type: 'output_text', text: 'x', annotations: [{ type: 'url_citation', url: 'u' }] },
      { type: 'refusal', refusal: 'x' },
    ],
  },
  { type: 'function_call', id: 'f', call_id: 'a', name: 'f', arguments: '{}' },
  { type: 'custom_tool_call', id: 'g', call_id: 'b', name: 'g', input: 'x' },
];
const RESPONSE = {
  id: 'r',
  created_at: 1,
  model: 'm',
  status: 'incomplete',
  incomplete_details: { reason: 'x' },
  output: OUTPUT,
  usage: { input_tokens: 1, output_tokens: 1, input_tokens_details: { cached_tokens: 1 } },
};
const EVENTS = [
  { type: 'response.created', response: { id: 'r', created_at: 1, model: 'm' } },
  { type: 'response.output_item.added', output_index: 0, item: REASONING },
  { type: 'response.reasoning_summary_text.delta', output_index: 0, summary_index: 0, delta: 'x' },
  { type: 'response.output_text.delta', output_index: 1, content_index: 0, delta: 'x' },
  {
    type: 'response.output_text.annotation.added',
    output_index: 1,
    content_index: 0,
    annotation: { type: 'url_citation' },
  },
  { type: 'response.output_item.added', output_index: 2, item: OUTPUT[2] },
  { type: 'response.function_call_arguments.delta', output_index: 2, delta: '{' },
  { type: 'response.function_call_arguments.done', output_index: 2, arguments: '{}' },
  ...OUTPUT.map((item, output_index) => ({ type: 'response.output_item.done', output_index, item })),
  { type: 'response.completed', response: RESPONSE },
];

it('a confused upstream is at worst malformed', async () => {
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    gatewayErrorsOnly(() => completionOfResponse(spoiled(RESPONSE, random), 5, failure));
    const events = EVENTS.map((event) => spoiled(event, random));
    async function* body() {
      for (const event of events) yield Buffer.from(`data: ${JSON.stringify(event)}\n\n`);
    }
    const answer = createResponseEvents(ASKED, { id: 'x' });
    try {
      for await (const frame of responseFrames(body(), 5, failure))
        for (const chunk of frame.chunks()) answer.chunk(chunk);
    } catch (error) {
      expect(error).toBeInstanceOf(GatewayError);
    }
    expect(answer.end(null).at(-1)?.type).toMatch(/^response\.(completed|incomplete)$/);
  }
});

const MESSAGE = {
  role: 'assistant',
  content: [{ type: 'text', text: 'x' }],
  refusal: 'x',
  reasoning_content: 'x',
  annotations: [{ url_citation: {} }],
  tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{}' } }],
  thinking_blocks: [{}],
  provider_specific_fields: {},
};

it('a completion of any shape is a response', () => {
  for (const seed of SEEDS) {
    const message = spoiled(MESSAGE, seededRandom(seed)) as ChatMessage; // that is the question
    const choices = [{ index: 0, message: { ...message }, finish_reason: 'stop' }];
    const completion = { id: 'c', object: 'chat.completion', created: 1, model: 'm', choices };
    expect(responseOf(completion, ASKED, { id: 'x' })).toMatchObject({
      object: 'response',
      status: 'completed',
    });
  }
});
