import type { ChatMessage, ChatRequest } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { abilitiesOf } from './models.ts';
import { messagesRequest, refuses } from './request.ts';

const messagesBody = (request: ChatRequest) => {
  const refusal = refuses(request);
  if (refusal) throw refusal;
  return messagesRequest(request, { dropped() {} }).body;
};

const SONNET = 'claude-sonnet-4-5-20250929';
const body = (request: Partial<ChatRequest>) =>
  JSON.parse(
    JSON.stringify(messagesBody({ model: SONNET, messages: [{ role: 'user', content: 'Hi' }], ...request })),
  );
const talk = (...messages: [role: string, content: ChatMessage['content']][]) =>
  body({ messages: messages.map(([role, content = null]) => ({ role, content })) });
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });

describe('messagesBody', () => {
  it('holds the model, the messages and a limit, and nothing else', () => {
    expect(
      body({ seed: 1, user: 'u', store: true, metadata: {}, presence_penalty: 1, logit_bias: {}, top_k: 3 }),
    ).toEqual({
      model: SONNET,
      max_tokens: 64_000,
      messages: [user('Hi')],
    });
  });

  it('streams where that is asked for', () => {
    expect(body({ stream: true })).toMatchObject({ stream: true });
    expect(body({ stream: false })).not.toHaveProperty('stream');
  });
});

describe('limit on the answer', () => {
  it.each([
    [{ max_tokens: 10 }, 10],
    [{ max_completion_tokens: 20 }, 20],
    [{ max_tokens: 10, max_completion_tokens: 20 }, 20],
    [{ max_tokens: null }, 64_000],
    [{}, 64_000],
    [{ max_tokens: 1_000_000 }, 64_000],
  ])('of %j is %i', (given, expected) => {
    expect(body(given).max_tokens).toBe(expected);
  });

  it.each([
    ['claude-3-haiku-20240307', 4_096],
    ['claude-opus-4-1-20250805', 32_000],
    ['claude-sonnet-4-6', 128_000],
    ['claude-opus-5-5', 128_000],
    ['claude-something-new', 128_000],
  ])('of %s is %i by default', (model, expected) => {
    expect(body({ model }).max_tokens).toBe(expected);
  });

  it.each([
    ['claude-sonnet-4-20250514', 64_000],
    ['claude-opus-4-20250514', 32_000],
  ])('of %s, a dated name of version 4.0, is %i by default', (model, expected) => {
    expect(abilitiesOf(model)).toEqual({ maxOutput: expected, sampling: 'one' });
  });
});

describe('system and roles', () => {
  it('gathers system and developer messages, wherever they stand', () => {
    const seen = talk(
      ['system', 'Be brief.'],
      ['developer', 'Be kind.'],
      ['user', 'Hi'],
      ['system', 'Now rhyme.'],
      ['user', 'Go'],
    );
    expect(seen.system).toBe('Be brief.\n\nBe kind.\n\nNow rhyme.');
    expect(seen.messages).toEqual([user('Hi\n\nGo')]);
  });

  it('has no system where there is none, or an empty one', () => {
    expect(talk(['user', 'Hi'])).not.toHaveProperty('system');
    expect(talk(['system', '  '], ['user', 'Hi'])).not.toHaveProperty('system');
  });

  it('joins neighbours of one role', () => {
    expect(
      talk(['user', 'a'], ['user', 'b'], ['assistant', 'c'], ['assistant', 'd'], ['user', 'e']).messages,
    ).toEqual([user('a\n\nb'), assistant('c\n\nd'), user('e')]);
  });

  it('joins across a message that is empty', () => {
    expect(talk(['user', 'a'], ['assistant', ' \n'], ['user', 'b']).messages).toEqual([user('a\n\nb')]);
  });

  it('begins with the user', () => {
    expect(talk(['assistant', 'Hello'], ['user', 'Hi']).messages).toEqual([
      user('.'),
      assistant('Hello'),
      user('Hi'),
    ]);
    expect(talk(['system', 'Speak.']).messages).toEqual([user('.')]);
    expect(talk(['user', '']).messages).toEqual([user('.')]);
  });

  it('reads text parts, and a refusal of the assistant as its text', () => {
    const seen = talk(
      [
        'user',
        [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      ],
      ['assistant', [{ type: 'refusal', refusal: 'I will not.' }]],
      ['user', 'Why?'],
    );
    expect(seen.messages).toEqual([user('ab'), assistant('I will not.'), user('Why?')]);
  });
});

describe('stop', () => {
  it.each([
    ['END', ['END']],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [['a', 'a', ' ', '', '\n'], ['a']],
  ])('%j becomes the sequences %j', (stop, expected) => {
    expect(body({ stop }).stop_sequences).toEqual(expected);
  });

  it.each([[null], [''], [[]], [[' ']]])('%j becomes none', (stop) => {
    expect(body({ stop })).not.toHaveProperty('stop_sequences');
  });
});

describe('sampling', () => {
  const of = (model: string, given: Partial<ChatRequest>) => {
    const { temperature, top_p } = body({ model, ...given });
    return { temperature, top_p };
  };

  it.each([
    ['claude-3-haiku-20240307', { temperature: 0.3, top_p: 0.9 }],
    ['claude-sonnet-4-5', { temperature: 0.3, top_p: undefined }],
    ['claude-opus-4-6', { temperature: 0.3, top_p: undefined }],
    ['claude-opus-4-7', { temperature: undefined, top_p: undefined }],
    ['claude-sonnet-5-5', { temperature: undefined, top_p: undefined }],
    ['claude-not-yet-known', { temperature: undefined, top_p: undefined }],
  ])('of %s keeps %j of temperature and top_p', (model, expected) => {
    expect(of(model, { temperature: 0.3, top_p: 0.9 })).toEqual(expected);
  });

  it('keeps top_p where it comes alone', () => {
    expect(of('claude-sonnet-4-5', { top_p: 0.9 })).toEqual({ temperature: undefined, top_p: 0.9 });
    expect(of('claude-sonnet-4-5', { temperature: null, top_p: 0.9 })).toEqual({
      temperature: undefined,
      top_p: 0.9,
    });
  });

  it('cuts the temperature to what Anthropic knows, and keeps zero', () => {
    expect(of(SONNET, { temperature: 1.7 }).temperature).toBe(1);
    expect(of(SONNET, { temperature: 0 }).temperature).toBe(0);
  });
});

describe('what cannot be honoured', () => {
  const tool = { type: 'function', function: { name: 'f', parameters: {} } };
  const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };

  it.each<[string, Partial<ChatRequest>]>([
    ['tools', { tools: [tool] }],
    ['functions', { functions: [{ name: 'f' }] }],
    ['response_format', { response_format: { type: 'json_object' } }],
    ['response_format', { response_format: { type: 'json_schema', json_schema: {} } }],
    ['audio', { audio: { voice: 'x' } }],
    ['web_search_options', { web_search_options: {} }],
    ['n', { n: 2 }],
    ['logprobs', { logprobs: true }],
    [
      'messages',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:' } }] }] },
    ],
    [
      'messages',
      {
        messages: [
          { role: 'user', content: 'a' },
          { role: 'assistant', content: null, tool_calls: [call] },
        ],
      },
    ],
    ['messages', { messages: [{ role: 'tool', tool_call_id: 'c', content: 'x' }] }],
    ['messages', { messages: [{ role: 'function', name: 'f', content: 'x' }] }],
  ])('is refused as unsupported and names %s: %j', (param, request) => {
    expect(() => body(request)).toThrow(
      expect.objectContaining({ class: 'unsupported', details: { param, code: 'unsupported_parameter' } }),
    );
  });

  it.each<Partial<ChatRequest>>([
    { tools: [] },
    { tools: null },
    { response_format: { type: 'text' } },
    { response_format: null },
    { n: 1 },
    { n: null },
    { logprobs: false },
    { functions: [] },
    {
      messages: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b', tool_calls: [] },
        { role: 'user', content: 'c' },
      ],
    },
  ])('is not %j', (request) => {
    expect(() => body(request)).not.toThrow();
  });
});
