import type { ChatRequest } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { chatBodyOf, type RequestTraits } from './request.ts';

const chatBody = (request: ChatRequest, traits: RequestTraits) => chatBodyOf(traits)(request, () => {});

const HELLO: ChatRequest = { model: 'm-1', messages: [{ role: 'user', content: 'Hi' }] };
const body = (request: Partial<ChatRequest>, traits: RequestTraits = {}) =>
  JSON.parse(JSON.stringify(chatBody({ ...HELLO, ...request }, traits)));

describe('chatBody', () => {
  it('passes what it does not know as it came', () => {
    const odd = { top_k: 40, chat_template_kwargs: { thinking: false }, provider: { order: ['a'] }, seed: 7 };
    expect(body(odd)).toEqual({ ...HELLO, ...odd });
  });

  it('asks for usage on every stream, and keeps the other stream options', () => {
    expect(body({ stream: true }).stream_options).toEqual({ include_usage: true });
    expect(
      body({ stream: true, stream_options: { include_usage: false, include_obfuscation: false } })
        .stream_options,
    ).toEqual({ include_usage: true, include_obfuscation: false });
    expect(body({ stream: true, stream_options: null }).stream_options).toEqual({ include_usage: true });
  });

  it('sends no stream options without a stream', () => {
    expect(body({ stream: false, stream_options: { include_usage: true } })).not.toHaveProperty(
      'stream_options',
    );
    expect(body({ stream_options: { include_usage: true } })).not.toHaveProperty('stream_options');
  });

  it('sends no stream options to a vendor that refuses them', () => {
    const sent = body({ stream: true, stream_options: { include_usage: true } }, { includeUsage: false });
    expect(sent).not.toHaveProperty('stream_options');
    expect(sent.stream).toBe(true);
  });

  it.each(['models', 'api_base', 'base_url', 'api_key'])(
    'never sends %s, which steers the gateway',
    (field) => {
      expect(body({ [field]: 'x' })).not.toHaveProperty(field);
    },
  );

  it('leaves the request itself as it was', () => {
    const request: ChatRequest = { ...HELLO, models: ['a'], stream: true, max_tokens: 5, seed: 1 };
    const before = structuredClone(request);
    chatBody(request, {
      maxTokensField: 'max_completion_tokens',
      drop: ['seed'],
      developerRole: false,
      stringContent: ['user'],
    });
    expect(request).toEqual(before);
  });

  describe('limit on the answer', () => {
    it('travels as the client spelled it where the vendor knows both names', () => {
      expect(body({ max_tokens: 5 })).toMatchObject({ max_tokens: 5 });
      expect(body({ max_completion_tokens: 6 })).toMatchObject({ max_completion_tokens: 6 });
    });

    it.each([
      ['max_tokens', { max_completion_tokens: 6 }, { max_tokens: 6 }],
      ['max_tokens', { max_tokens: 5 }, { max_tokens: 5 }],
      ['max_tokens', { max_tokens: 5, max_completion_tokens: 6 }, { max_tokens: 6 }],
      ['max_completion_tokens', { max_tokens: 5 }, { max_completion_tokens: 5 }],
      ['max_tokens', { max_tokens: null }, {}],
      ['max_tokens', {}, {}],
    ] as const)('goes into %s alone, from %j', (maxTokensField, given, expected) => {
      expect(body(given, { maxTokensField })).toEqual({ ...HELLO, ...expected });
    });
  });

  it('drops what the vendor refuses, and renames what it calls otherwise', () => {
    const sent = body(
      { seed: 0, user: 'u', store: true, top_p: 0.5 },
      { drop: ['user', 'store'], rename: { seed: 'random_seed', absent: 'other' } },
    );
    expect(sent).toEqual({ ...HELLO, random_seed: 0, top_p: 0.5 });
  });

  describe('messages', () => {
    const parts = (...texts: string[]) => texts.map((text) => ({ type: 'text', text }));
    const calling = {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
    };

    it('turn from developer to system where the vendor has no developers', () => {
      const messages = [
        { role: 'developer', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ];
      expect(body({ messages }, { developerRole: false }).messages).toEqual([
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ]);
      expect(body({ messages }).messages).toEqual(messages);
    });

    it('have their text parts joined for the roles that need plain strings, a developer counting as system', () => {
      const messages = [
        { role: 'developer', content: parts('one', 'two') },
        { role: 'user', content: parts('three', 'four') },
        calling,
        { role: 'tool', tool_call_id: 'c1', content: parts('five') },
      ];
      const traits = { developerRole: false, stringContent: ['system', 'tool'] };
      expect(body({ messages }, traits).messages).toEqual([
        { role: 'system', content: 'one\ntwo' },
        { role: 'user', content: parts('three', 'four') },
        calling,
        { role: 'tool', tool_call_id: 'c1', content: 'five' },
      ]);
    });

    it('keep an image among their parts', () => {
      const content = [
        ...parts('look'),
        { type: 'image_url', image_url: { url: 'https://x.example/a.png' } },
      ];
      const messages = [{ role: 'user', content }];
      expect(body({ messages }, { stringContent: ['user'] }).messages).toEqual(messages);
    });

    it('keep content that is null beside tool calls', () => {
      const messages = [
        { role: 'user', content: 'Hi' },
        calling,
        { role: 'tool', tool_call_id: 'c1', content: 'x' },
      ];
      expect(body({ messages }, { stringContent: ['assistant'], developerRole: false }).messages).toEqual(
        messages,
      );
    });
  });
});
