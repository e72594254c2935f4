import { type ChatMessage, GatewayError } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { itemsOf } from './input.ts';
import { completionOfResponse } from './response.ts';

const USER: ChatMessage = { role: 'user', content: 'Hello' };
const inputOf = (...messages: ChatMessage[]) => itemsOf(messages, false);
const call = (id: string) => ({ id, type: 'function', function: { name: 'weather', arguments: '{"a":1}' } });

describe('the conversation', () => {
  it('has parts of every kind', () => {
    const content = [
      { type: 'text', text: 'Look', prompt_cache_breakpoint: { mode: 'explicit' }, cache_control: {} },
      { type: 'image_url', image_url: { url: 'https://a.example/p.png', detail: 'low' } },
      { type: 'file', file: { file_data: 'data:application/pdf;base64,AA', filename: 'a.pdf' } },
    ];
    expect(inputOf({ role: 'system', content: 'Be brief' }, { role: 'user', content })).toEqual([
      { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Be brief' }] },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text: 'Look', prompt_cache_breakpoint: { mode: 'explicit' } },
          { type: 'input_image', image_url: 'https://a.example/p.png', detail: 'low' },
          { type: 'input_file', file_data: 'data:application/pdf;base64,AA', filename: 'a.pdf' },
        ],
      },
    ]);
  });

  const thought = { id: 'rs_1', type: 'reasoning', summary: [], encrypted_content: 'secret', status: null };
  const openai = { reasoning: [thought] };

  it('puts what was thought before what was said and called, and each result behind its call', () => {
    const said = { role: 'assistant', content: 'Wait', tool_calls: [call('a'), call('b')] };
    const items = inputOf(
      USER,
      { ...said, provider_specific_fields: { openai } },
      { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: 'B' }] },
      { role: 'tool', tool_call_id: 'a', content: 'A' },
    ) as Record<string, unknown>[];
    expect(items.slice(1)).toEqual([
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'secret' },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Wait' }] },
      { type: 'function_call', call_id: 'a', name: 'weather', arguments: '{"a":1}' },
      { type: 'function_call', call_id: 'b', name: 'weather', arguments: '{"a":1}' },
      { type: 'function_call_output', call_id: 'a', output: 'A' },
      { type: 'function_call_output', call_id: 'b', output: [{ type: 'input_text', text: 'B' }] },
    ]);
  });

  it('puts each thought before the call that it led to, as it came', () => {
    const item = (type: string, id: string) =>
      type === 'reasoning'
        ? { type, id, summary: [], encrypted_content: `secret ${id}` }
        : { type, call_id: id, name: 'weather', arguments: '{}' };
    const output = [
      item('reasoning', 'r1'),
      item('function_call', 'c1'),
      item('reasoning', 'r2'),
      item('function_call', 'c2'),
      item('function_call', 'c3'),
    ];
    const completion = completionOfResponse(
      { object: 'response', status: 'completed', output },
      0,
      () => new GatewayError('internal', 'x'),
    );
    const results = ['c1', 'c2', 'c3'].map((id) => ({ role: 'tool', tool_call_id: id, content: id }));
    const items = inputOf(USER, completion?.choices[0]?.message ?? USER, ...results);
    expect(items.slice(1, 6)).toEqual(output);
  });

  it('leaves a thought away that led to nothing, that came before, or that only OpenAI could know', () => {
    const fields = { provider_specific_fields: { openai } };
    const reference = {
      provider_specific_fields: {
        openai: { reasoning: [{ ...thought, id: 'rs_2', encrypted_content: null }] },
      },
    };
    const items = inputOf(
      { role: 'assistant', content: '', ...fields },
      { role: 'assistant', content: 'One', ...fields },
      { role: 'assistant', content: 'Two', ...fields },
      { role: 'assistant', content: 'Three', ...reference },
    ) as { type: string }[];
    expect(items.map(({ type }) => type)).toEqual(['reasoning', 'message', 'message', 'message']);
  });

  it('says where a call has no result, and gives a result that nobody called for to the user', () => {
    expect(
      inputOf(
        { role: 'assistant', tool_calls: [call('a')] },
        { role: 'tool', tool_call_id: 'x', content: 'X' },
      ),
    ).toMatchObject([
      { type: 'function_call' },
      { type: 'function_call_output', call_id: 'a', output: 'no result' },
      { type: 'message', role: 'user', content: [{}, { text: 'X' }] },
    ]);
  });

  it('rewrites ids that are too long or odd, alike in call and output, and different ones differently', () => {
    const ids = ['x'.repeat(65), 'x'.repeat(66), 'call_1|fc_2', 'call_1_fc_2', 'functions.f:0'];
    const items = inputOf(
      { role: 'assistant', tool_calls: ids.map(call) },
      ...ids.map((id) => ({ role: 'tool', tool_call_id: id, content: id })),
    ) as { call_id: string; output?: string }[];
    const calls = items.slice(0, 5).map(({ call_id }) => call_id);
    expect(new Set(calls).size).toBe(5);
    for (const id of calls) expect(id).toMatch(/^[\w-]{1,64}$/);
    expect(items.slice(5).map(({ call_id, output }) => [call_id, output])).toEqual(
      calls.map((id, at) => [id, ids[at]]),
    );
  });

  it('keeps free-form calls, refusals and the part of an answer that a message is', () => {
    const custom = { id: 'c', type: 'custom', custom: { name: 'sql', input: 'SELECT 1' } };
    const own = { provider_specific_fields: { openai: { phase: 'commentary' } } };
    expect(
      inputOf(
        { role: 'assistant', content: null, refusal: 'No', tool_calls: [custom], ...own },
        { role: 'tool', tool_call_id: 'c', content: '1' },
      ),
    ).toEqual([
      {
        type: 'message',
        role: 'assistant',
        content: [{ type: 'refusal', refusal: 'No' }],
        phase: 'commentary',
      },
      { type: 'custom_tool_call', call_id: 'c', name: 'sql', input: 'SELECT 1' },
      { type: 'custom_tool_call_output', call_id: 'c', output: '1' },
    ]);
  });

  it.each([
    [
      { role: 'user', content: [{ type: 'image_url', image_url: {} }] },
      'messages[0].content[0].image_url.url',
    ],
    [{ role: 'user', content: 5 }, 'messages[0].content'],
    [{ role: 'robot', content: 'x' }, 'messages[0].role'],
    [{ role: 'assistant', tool_calls: [{ id: 'a' }] }, 'messages[0].tool_calls[0].function'],
    [
      { role: 'assistant', tool_calls: [{ id: 'a', function: {} }] },
      'messages[0].tool_calls[0].function.name',
    ],
  ])('names the place of %j', (message, param) => {
    expect(() => inputOf(message as unknown as ChatMessage)).toThrow(
      expect.objectContaining({ class: 'invalid_request', details: { param } }),
    );
  });

  it('leaves a part that it does not know to others', () => {
    expect(() => inputOf({ role: 'user', content: [{ type: 'video' }] })).toThrow(
      expect.objectContaining({
        class: 'unsupported',
        details: { param: 'messages[0].content[0].type', code: 'unsupported_parameter' },
      }),
    );
  });

  it('gives two calls with one id an id and a result each, here and in later turns', () => {
    const turn = { role: 'assistant', content: null, tool_calls: [call('c'), call('c')] };
    const result = (content: string) => ({ role: 'tool', tool_call_id: 'c', content });
    const items = inputOf(USER, turn, result('1'), result('2'), turn, result('3'), result('4')) as {
      type: string;
      call_id: string;
      output?: string;
    }[];
    const outputs = items.filter(({ type }) => type === 'function_call_output');
    const calls = items.filter(({ type }) => type === 'function_call');
    expect(outputs.map(({ output }) => output)).toEqual(['1', '2', '3', '4']);
    expect(outputs.map(({ call_id }) => call_id)).toEqual(calls.map(({ call_id }) => call_id));
    expect(new Set(calls.map(({ call_id }) => call_id)).size).toBe(4);
  });

  it('takes more calls than can be arguments of one function', () => {
    const calls = Array.from({ length: 150_000 }, (_, nth) => call(`c${nth}`));
    expect(inputOf(USER, { role: 'assistant', content: null, tool_calls: calls })).toHaveLength(300_001);
  });
});
