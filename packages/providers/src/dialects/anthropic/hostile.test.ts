import { type ChatRequest, GatewayError } from '@inferbridge/core';
import { seededRandom } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { surplusFor } from './own-words.ts';
import { PLAIN, type Reading } from './reading.ts';
import { messagesRequest, refuses } from './request.ts';
import { completionOf } from './response.ts';
import { messageFrames } from './stream.ts';

/** What a hostile caller, or a confused upstream, puts where something else is wanted. */
const JUNK: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  ' ',
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
  { type: 'image_url' },
  { type: 'tool_use' },
  { function: {} },
];

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
    if (!(error instanceof GatewayError)) throw error;
    expect(error.class).toMatch(/^(invalid_request|unsupported|malformed|server_error)$/);
    expect(error.message.length).toBeLessThan(300);
  }
}

const SEEDS = Array.from({ length: 1_500 }, (_, seed) => seed);
const MODELS = ['claude-3-haiku', 'claude-sonnet-4-5', 'claude-opus-4-8', 'claude-sonnet-5-5', 'claude-?'];
const CONTROL = { type: 'ephemeral' };
const CALL = { id: 'functions.f:0', type: 'function', function: { name: 'f.g', arguments: '{"a":1}' } };
const FREE = { id: 'c2', type: 'custom', custom: { name: 'h', input: 'x' } };
const MESSAGES = [
  { role: 'system', content: [{ type: 'text', text: 'Be brief.', cache_control: CONTROL }] },
  {
    role: 'user',
    content: [
      { type: 'text', text: 'a', prompt_cache_breakpoint: { mode: 'explicit' } },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
      { type: 'file', file: { file_data: 'data:application/pdf;base64,AAAA', filename: 'a.pdf' } },
    ],
  },
  {
    role: 'assistant',
    content: null,
    reasoning_content: 'Hm',
    thinking_blocks: [{ type: 'thinking', thinking: 'Hm', signature: 's' }],
    tool_calls: [CALL, FREE],
  },
  { role: 'tool', tool_call_id: 'c2', content: 'r' },
  { role: 'tool', tool_call_id: 'functions.f:0', content: [{ type: 'text', text: 'r' }], is_error: true },
  { role: 'developer', content: 'Rhyme.' },
  {
    role: 'assistant',
    content: 'b',
    provider_specific_fields: {
      anthropic: { content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }] },
    },
  },
  { role: 'function', name: 'f', content: 'stray' },
  { role: 'user', content: 'c', cache_control: CONTROL },
];
const SCHEMA = {
  type: 'object',
  properties: { a: { $ref: '#/$defs/a' }, b: { oneOf: [{ type: 'string', minLength: 1 }] } },
  $defs: { a: { type: 'array', items: { type: 'string' }, maxItems: 2 } },
  required: ['a', 'b'],
};
const REQUEST = {
  messages: MESSAGES,
  temperature: 1,
  stop: ['a', 'b'],
  tools: [
    { type: 'function', function: { name: 'f.g', description: 'd', parameters: SCHEMA, strict: true } },
    { type: 'custom', custom: { name: 'h', format: { type: 'grammar', grammar: {} } } },
    { type: 'web_search_20250305', name: 'web_search' },
  ],
  tool_choice: {
    type: 'allowed_tools',
    allowed_tools: { mode: 'required', tools: [{ function: { name: 'f.g' } }] },
  },
  response_format: { type: 'json_schema', json_schema: { name: 'o', schema: SCHEMA } },
  thinking: { type: 'enabled', budget_tokens: 2_000 },
  output_config: { effort: 'high' },
  metadata: {},
  user: 'u',
  service_tier: 'auto',
};

/** What the edge lets through. */
const edged = (messages: unknown): unknown[] =>
  (Array.isArray(messages) ? messages : []).flatMap((message: unknown) => {
    if (typeof message !== 'object' || message === null || !('role' in message)) return [];
    return typeof message.role === 'string' ? [message] : [];
  });

describe('a hostile request', () => {
  it('is told what is wrong with it, or goes on', () => {
    for (const seed of SEEDS) {
      const random = seededRandom(seed);
      const given = Object.fromEntries(
        Object.entries(REQUEST).map(([name, value]) => [name, spoiled(value, random)]),
      );
      const model = MODELS[seed % MODELS.length] ?? '';
      const request = {
        ...given,
        model,
        max_tokens: 5_000,
        messages: edged(given['messages']),
      } as ChatRequest; // that is the question
      gatewayErrorsOnly(() => refuses(request));
      gatewayErrorsOnly(() => surplusFor(request));
      gatewayErrorsOnly(() => JSON.stringify(messagesRequest(request, { dropped() {} }).body));
    }
  });

  const deep = () => {
    let schema: Record<string, unknown> = { type: 'object' };
    for (let depth = 0; depth < 20_000; depth++) schema = { type: 'object', properties: { a: schema } };
    return schema;
  };
  const tool = (parameters: unknown) => ({
    type: 'function',
    function: { name: 'f', strict: true, parameters },
  });
  const format = (schema: unknown) => ({ type: 'json_schema', json_schema: { name: 'o', schema } });

  it.each<[string, string, () => Partial<ChatRequest>]>([
    ['a strict tool', 'claude-sonnet-4-5', () => ({ tools: [tool(deep())] })],
    ['an answer', 'claude-sonnet-4-5', () => ({ response_format: format(deep()) })],
    ['an answer in words', 'claude-sonnet-5-5', () => ({ response_format: format(deep()) })],
    [
      'a grammar',
      'claude-sonnet-4-5',
      () => ({
        tools: [{ type: 'custom', custom: { name: 'f', format: { type: 'grammar', grammar: deep() } } }],
      }),
    ],
  ])('with a schema of great depth for %s on %s is no accident', (_, model, given) => {
    gatewayErrorsOnly(() =>
      messagesRequest({ model, messages: [{ role: 'user', content: 'Hi' }], ...given() }, { dropped() {} }),
    );
  });
});

const BLOCKS = [
  { type: 'thinking', thinking: 'Hm', signature: 's' },
  { type: 'redacted_thinking', data: 'x' },
  { type: 'text', text: 'a', citations: [{ type: 'web', url: 'u', title: 't' }] },
  { type: 'tool_use', id: 't', name: 'f', input: { a: 1 } },
  { type: 'tool_use', id: 'u', name: 'json', input: {} },
  { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
];
const USAGE = { input_tokens: 5, output_tokens: 5, iterations: [{ type: 'compaction', input_tokens: 1 }] };
const READINGS: Reading[] = [
  PLAIN,
  { ...PLAIN, json: 'tool', answer: 'json' },
  { ...PLAIN, json: 'words', answer: null },
  { ...PLAIN, custom: new Set(['f']), mustCall: true },
];

describe('a confused upstream', () => {
  it('is malformed, or makes sense: whole', () => {
    const message = {
      type: 'message',
      id: 'm',
      model: 'm',
      content: BLOCKS,
      stop_reason: 'tool_use',
      stop_details: {},
      usage: USAGE,
    };
    for (const seed of SEEDS) {
      const body = spoiled(message, seededRandom(seed));
      gatewayErrorsOnly(() => JSON.stringify(completionOf(body, 5, READINGS[seed % READINGS.length])));
    }
  });

  it('is malformed, or makes sense: in pieces', async () => {
    const events = [
      { type: 'message_start', message: { id: 'm', model: 'm', usage: USAGE } },
      ...BLOCKS.flatMap((content_block, index) => [
        { type: 'content_block_start', index, content_block },
        { type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json: '{"a":1}' } },
        { type: 'content_block_delta', index, delta: { type: 'text_delta', text: 'a' } },
        { type: 'content_block_delta', index, delta: { type: 'signature_delta', signature: 's' } },
        { type: 'content_block_delta', index, delta: { type: 'citations_delta', citation: { url: 'u' } } },
        { type: 'content_block_stop', index },
      ]),
      { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_details: {} }, usage: USAGE },
      { type: 'message_stop' },
    ];
    const failure = (cause: unknown) => new GatewayError('server_error', 'scripted', { cause });
    for (const seed of SEEDS) {
      const random = seededRandom(seed);
      async function* body() {
        for (const event of events) yield Buffer.from(`data: ${JSON.stringify(spoiled(event, random))}\n\n`);
      }
      const reading = READINGS[seed % READINGS.length] ?? PLAIN;
      const frames = messageFrames(body(), { created: 5, reading, native: false, failure });
      const read = async () => {
        for await (const frame of { [Symbol.asyncIterator]: () => frames }) JSON.stringify(frame.chunks());
      };
      const fault: unknown = await read().catch((error: unknown) => error);
      if (fault !== undefined) expect(fault).toBeInstanceOf(GatewayError);
    }
  });
});
