import { describe, expect, it } from 'vitest';
import type { ChatChunk, ChunkDelta } from './chat.ts';
import { carriesContent, frameOf, rawFrame, readChunk } from './frame.ts';

const chunk = (delta: ChunkDelta, finish: string | null = null): ChatChunk => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 0,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: finish }],
});
const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('frameOf', () => {
  it('writes one event per chunk', () => {
    const [a, b] = [chunk({ content: 'a' }), chunk({ content: 'ü' })];
    expect(textOf(frameOf(a, b).bytes)).toBe(`data: ${JSON.stringify(a)}\n\ndata: ${JSON.stringify(b)}\n\n`);
  });

  it('serialises once', () => {
    const frame = frameOf(chunk({ content: 'a' }));
    expect(frame.bytes).toBe(frame.bytes);
  });

  it.each<[string, ChatChunk, boolean]>([
    ['text alone', chunk({ content: 'a' }), false],
    ['a finish reason', chunk({}, 'stop'), true],
    ['usage', { ...chunk({ content: 'a' }), usage: { prompt_tokens: 1 } }, true],
    ['null usage', { ...chunk({ content: 'a' }), usage: null }, false],
    ['no choices', { ...chunk({}), choices: [] }, true],
  ])('knows whether %s tells something', (_, given, tells) => {
    expect(frameOf(given).tells()).toBe(tells);
  });
});

describe('rawFrame', () => {
  it('keeps the very bytes that came', () => {
    const bytes = bytesOf('data: {"choices":[]}\r\n\r\n');
    expect(rawFrame(bytes).bytes).toBe(bytes);
  });

  it('parses once, and leaves out what is no chunk', () => {
    const good = chunk({ content: 'hi' });
    const frame = rawFrame(
      bytesOf(`data: {broken\n\n: ping\n\ndata: ${JSON.stringify(good)}\n\ndata: [DONE]\n\n`),
    );
    expect(frame.chunks()).toEqual([good]);
    expect(frame.chunks()).toBe(frame.chunks());
  });

  it.each([
    ['data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n', false],
    ['data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n', true],
    ['data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n', true],
    ['data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}}\n\n', true],
    ['data: {"choices":[{"delta":{"content":"a"}}],"usage":null}\n\n', false],
    ['data: {"choices":[],"usage": {"prompt_tokens":1}}\n\n', true],
    ['data: {"choices": []}\n\n', true],
  ])('looks without parsing whether it may tell something: %s', (text, tells) => {
    expect(rawFrame(bytesOf(text)).tells()).toBe(tells);
  });

  it('looks at its own bytes only, where they are part of a larger buffer', () => {
    const whole = bytesOf('data: {"choices":[]}\n\ndata: {"a":1}\n\n');
    expect(rawFrame(whole.subarray(22)).tells()).toBe(false);
  });
});

describe('readChunk', () => {
  it.each(['[DONE]', '{"broken', 'null', '7', '"choices"', '{}', '{"choices":null}', '{"error":{}}'])(
    'is null for %s',
    (data) => {
      expect(readChunk(data)).toBeNull();
    },
  );

  it('pollutes no prototype', () => {
    readChunk('{"choices":[],"__proto__":{"polluted":1}}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('carriesContent', () => {
  it.each<[string, ChunkDelta]>([
    ['text', { content: 'a' }],
    ['text parts', { content: [{ type: 'text', text: 'a' }] }],
    ['reasoning', { reasoning: 'hm' }],
    ['reasoning under its other name', { reasoning_content: 'hm' }],
    ['thinking blocks', { thinking_blocks: [{}] }],
    ['a refusal', { refusal: 'no' }],
    ['a tool call', { tool_calls: [{ index: 0, id: 't' }] }],
    ['an old function call', { function_call: { name: 'f' } }],
    ['audio', { audio: { data: 'x' } }],
  ])('is true for %s', (_, delta) => {
    expect(carriesContent(chunk(delta))).toBe(true);
  });

  it.each<[string, ChunkDelta]>([
    ['a role', { role: 'assistant' }],
    ['a role with empty text', { role: 'assistant', content: '' }],
    ['null text', { content: null }],
    ['no tool calls', { tool_calls: [] }],
    ['nothing', {}],
  ])('is false for %s', (_, delta) => {
    expect(carriesContent(chunk(delta))).toBe(false);
  });

  it('is false without choices', () => {
    expect(carriesContent({ ...chunk({}), choices: [] })).toBe(false);
  });

  it('is false for a choice that is not one', () => {
    const odd = readChunk('{"choices":[null]}');
    expect(odd && carriesContent(odd)).toBeFalsy();
  });
});
