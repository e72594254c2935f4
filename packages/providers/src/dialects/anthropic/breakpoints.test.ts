import type { ChatRequest, ContentPart } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { messagesRequest } from './request.ts';

const MARK = { type: 'ephemeral' };
const HOUR = { type: 'ephemeral', ttl: '1h' };
const part = (text: string, cache_control: object = MARK): ContentPart => ({
  type: 'text',
  text,
  cache_control,
});
const user = (...content: ContentPart[]) => ({ role: 'user', content });

const sent = (request: Partial<ChatRequest>) =>
  JSON.parse(
    JSON.stringify(
      messagesRequest(
        { model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'Hi' }], ...request },
        { dropped() {} },
      ).body,
    ),
  );
const count = (body: unknown) => JSON.stringify(body).split('"cache_control"').length - 1;

describe('a breakpoint of the prompt cache', () => {
  it.each<[string, ContentPart, object]>([
    ['in Anthropic’s words', part('a'), MARK],
    ['for an hour', part('a', HOUR), HOUR],
    ['in OpenAI’s words', { type: 'text', text: 'a', prompt_cache_breakpoint: { mode: 'explicit' } }, MARK],
  ])('stays on its part: %s', (_, given, control) => {
    expect(sent({ messages: [user(given)] }).messages[0].content).toEqual([
      { type: 'text', text: 'a', cache_control: control },
    ]);
  });

  it('on a message stands on its last block', () => {
    const text = (said: string) => ({ type: 'text', text: said });
    const marked = { ...user(text('a'), text('b')), cache_control: MARK };
    expect(sent({ messages: [marked] }).messages[0].content).toEqual([text('a'), part('b')]);
    const plain = { role: 'user', content: 'a', cache_control: MARK };
    expect(sent({ messages: [plain] }).messages[0].content).toEqual([part('a')]);
    const system = { role: 'system', content: 's', cache_control: HOUR };
    expect(sent({ messages: [system, plain] }).system).toEqual([part('s', HOUR)]);
  });

  const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };

  it('on a message of nothing but calls stands on the last call', () => {
    const { messages } = sent({
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: null, tool_calls: [call], cache_control: MARK },
        { role: 'tool', tool_call_id: 'c', content: 'r' },
      ],
    });
    expect(messages[1].content).toMatchObject([{ type: 'tool_use', cache_control: MARK }]);
  });

  it('on a result stands on the result', () => {
    const { messages } = sent({
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c', content: 'r', cache_control: MARK },
      ],
    });
    expect(messages[2].content).toMatchObject([{ type: 'tool_result', cache_control: MARK }]);
  });

  it('that is no object is none', () => {
    for (const cache_control of [true, 'ephemeral', null, 5])
      expect(count(sent({ messages: [user({ type: 'text', text: 'a', cache_control })] }))).toBe(0);
  });
});

describe('breakpoints', () => {
  const tools = ['f', 'g'].map((name) => ({
    type: 'function',
    function: { name },
    cache_control: MARK,
  }));
  const messages = [{ role: 'system', content: [part('s1'), part('s2')] }, user(part('u1'), part('u2'))];

  it('beyond the fourth go, the earliest first', () => {
    const body = sent({ tools, messages });
    expect(count(body)).toBe(4);
    expect(count(body.tools)).toBe(0);
    expect(count(body.system)).toBe(2);
    expect(count(body.messages)).toBe(2);
  });

  it('inside of results count as well', () => {
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };
    const result = { role: 'tool', tool_call_id: 'c', content: [part('r1'), part('r2'), part('r3')] };
    const body = sent({
      tools,
      messages: [
        user(part('u1')),
        { role: 'assistant', tool_calls: [call] },
        { ...result, cache_control: MARK },
      ],
    });
    expect(count(body)).toBe(4);
  });

  it('that go, go from what is sent and not from what was given', () => {
    const content = [1, 2, 3, 4, 5, 6].map((at) => ({
      type: 'server_tool_result',
      content: [{ type: 'text', text: `${at}`, cache_control: MARK }],
    }));
    const request = {
      model: 'claude-sonnet-4-5',
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'x', provider_specific_fields: { anthropic: { content } } },
        { role: 'user', content: 'Go on' },
      ],
    };
    const before = structuredClone(request);
    expect(count(messagesRequest(request, { dropped() {} }).body)).toBe(4);
    expect(request).toEqual(before);
  });
});
