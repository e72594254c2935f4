import { describe, expect, it } from 'vitest';
import { PLAIN, type Reading } from './reading.ts';
import { completionOf, finishReason } from './response.ts';

describe('finishReason', () => {
  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['pause_turn', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
    [null, 'stop'],
    ['yet_unknown', 'stop'],
  ])('%s is %s', (given, expected) => {
    expect(finishReason(given, given === 'tool_use')).toBe(expected);
  });
});

describe('completionOf', () => {
  it('joins text blocks without anything between, and keeps thinking apart', () => {
    const content = [
      { type: 'thinking', thinking: 'hm', signature: 's' },
      { type: 'redacted_thinking', data: 'xyz' },
      { type: 'text', text: 'a' },
      { type: 'server_tool_use', id: 'x', name: 'web_search', input: {} },
      { type: 'text', text: 'b' },
    ];
    const completion = completionOf(
      { type: 'message', id: 'msg_1', model: 'm', stop_reason: 'end_turn', content },
      5,
    );
    expect(completion).toEqual({
      id: 'msg_1',
      object: 'chat.completion',
      created: 5,
      model: 'm',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'ab',
            refusal: null,
            reasoning_content: 'hm',
            thinking_blocks: content.slice(0, 2),
            provider_specific_fields: { anthropic: { content } },
          },
          finish_reason: 'stop',
          logprobs: null,
        },
      ],
    });
  });

  it.each([
    [null],
    ['text'],
    [[]],
    [{ type: 'error', error: {} }],
    [{ type: 'message' }],
    [{ type: 'message', content: 'x' }],
  ])('is null for %j', (body) => {
    expect(completionOf(body, 0)).toBeNull();
  });
});

const MESSAGE = { type: 'message', id: 'msg_1', model: 'm', content: [{ type: 'text', text: 'a' }] };
const USE = { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 } };
const told = (message: object, reading: Reading = PLAIN) =>
  completionOf({ ...MESSAGE, stop_reason: 'end_turn', ...message }, 5, reading)?.choices[0];

describe('a whole answer', () => {
  it.each([
    [[{ type: 'text', text: 'a' }], 'a', []],
    [[], '', []],
    [[USE], null, ['{"a":1}']],
    [[{ type: 'text', text: 'a' }, USE], 'a', ['{"a":1}']],
    [
      [
        { ...USE, input: {} },
        { ...USE, id: 'toolu_2' },
      ],
      null,
      ['{}', '{"a":1}'],
    ],
    [[{ type: 'tool_use', id: 'toolu_1', name: 'f' }], null, ['{}']],
    [[{ type: 'server_tool_use', id: 's', name: 'x', input: {} }], '', []],
    [[{ type: 'mcp_tool_use', id: 's', name: 'x', input: {} }], '', []],
    [
      [
        { type: 'brand_new', x: 1 },
        { type: 'text', text: 'a' },
      ],
      'a',
      [],
    ],
  ])('of %j has the content %j and calls with %j', (content, text, calls) => {
    const choice = told({ content, stop_reason: calls.length > 0 ? 'tool_use' : 'end_turn' });
    expect(choice?.message.content).toBe(text);
    expect(choice?.message.tool_calls?.map(({ function: fn }) => fn?.arguments) ?? []).toEqual(calls);
    if (calls.length === 0) expect(choice?.message).not.toHaveProperty('tool_calls');
    expect(choice?.finish_reason).toBe(calls.length > 0 ? 'tool_calls' : 'stop');
  });

  it('keeps the ids of calls', () => {
    expect(told({ content: [USE] })?.message.tool_calls).toEqual([
      { id: 'toolu_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
    ]);
  });

  it('that is refused says why, where that is known', () => {
    const stop_details = { type: 'refusal', explanation: 'Not that.' };
    expect(told({ content: [], stop_reason: 'refusal', stop_details })).toMatchObject({
      message: { content: '', refusal: 'Not that.' },
      finish_reason: 'content_filter',
    });
    expect(told({ content: [], stop_reason: 'refusal' })).toMatchObject({ message: { refusal: null } });
  });

  it('names the sequence that stopped it', () => {
    expect(told({ stop_reason: 'stop_sequence', stop_sequence: 'END' })).toMatchObject({
      message: { content: 'a', provider_specific_fields: { anthropic: { stop_sequence: 'END' } } },
      finish_reason: 'stop',
    });
  });

  it.each([['max_tokens'], ['model_context_window_exceeded']])(
    'cut by %s finishes by length',
    (stop_reason) => {
      expect(told({ content: [USE], stop_reason })?.finish_reason).toBe('length');
    },
  );

  it.each([
    ['standard', 'default'],
    ['priority', 'priority'],
    ['batch', undefined],
  ])('of the tier %s is of OpenAI’s %s', (service_tier, expected) => {
    const usage = { input_tokens: 1, output_tokens: 1, service_tier };
    expect(completionOf({ ...MESSAGE, usage }, 5)?.['service_tier']).toBe(expected);
  });

  it('always has an id', () => {
    for (const id of ['', null, undefined]) expect(completionOf({ ...MESSAGE, id }, 5)?.id).not.toBe('');
  });
});

describe('an answer by other means', () => {
  const json = { type: 'tool_use', id: 't', name: 'json', input: { a: 1 } };
  const prose = { type: 'text', text: 'Here it is:' };

  it('is the arguments of its tool, without the prose', () => {
    const choice = told(
      { content: [prose, json], stop_reason: 'tool_use' },
      { ...PLAIN, json: 'tool', answer: 'json' },
    );
    expect(choice).toMatchObject({ finish_reason: 'stop', message: { content: '{"a":1}' } });
    expect(choice?.message).not.toHaveProperty('tool_calls');
  });

  it('gives way to the caller’s own tools, and one called json is theirs where none was asked for', () => {
    const reading: Reading = { ...PLAIN, json: 'tool', answer: 'json' };
    expect(told({ content: [prose, USE], stop_reason: 'tool_use' }, reading)?.finish_reason).toBe(
      'tool_calls',
    );
    expect(told({ content: [json], stop_reason: 'tool_use' })?.message.tool_calls).toHaveLength(1);
  });

  it.each<[Reading, string, string]>([
    [{ ...PLAIN, json: 'words', answer: null }, 'Sorry, no.', 'invalid_json_output'],
    [{ ...PLAIN, json: 'words', answer: null }, '', 'invalid_json_output'],
    [{ ...PLAIN, mustCall: true }, 'Sorry, no.', 'tool_call_missing'],
  ])('that did not happen is malformed: %j "%s"', (reading, text, code) => {
    expect(() => told({ content: [{ type: 'text', text }] }, reading)).toThrow(
      expect.objectContaining({ class: 'malformed', details: { code } }),
    );
  });

  it('is not judged where it was cut or refused', () => {
    for (const stop_reason of ['max_tokens', 'refusal'])
      expect(told({ stop_reason }, { ...PLAIN, json: 'words', answer: null })).toBeDefined();
  });
});
