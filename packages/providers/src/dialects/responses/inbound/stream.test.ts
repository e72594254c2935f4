import type { ChatChunk, ChunkDelta } from '@inferbridge/core';
import type { Response } from 'openai/resources/responses/responses';
import { describe, expect, it } from 'vitest';
import { createResponseEvents, type ResponseEvent } from './stream.ts';

const HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 7, model: 'gpt-6-luna' };
const ABOUT = { id: 'resp_abc' };
const ASKED = { model: 'gpt-6-luna', input: 'Hi', tools: [{ type: 'function', name: 'f', parameters: {} }] };
const USAGE = {
  prompt_tokens: 10,
  completion_tokens: 5,
  total_tokens: 15,
  prompt_tokens_details: { cached_tokens: 2 },
  completion_tokens_details: { reasoning_tokens: 1 },
};

const chunk = (delta: ChunkDelta, finish_reason: string | null = null): ChatChunk => ({
  ...HEAD,
  choices: [{ index: 0, delta, finish_reason }],
});
const chunksOf = (deltas: readonly ChunkDelta[], reason: string, last: ChunkDelta = {}): ChatChunk[] => [
  chunk({ role: 'assistant', content: '' }),
  ...deltas.map((delta) => chunk(delta)),
  chunk(last, reason),
  { ...HEAD, choices: [], usage: USAGE },
];

function events(chunks: readonly ChatChunk[]): ResponseEvent[] {
  const stream = createResponseEvents(ASKED, ABOUT);
  return [...chunks.flatMap((one) => stream.chunk(one)), ...stream.end(null)];
}
const types = (all: readonly ResponseEvent[]) => all.map(({ type }) => type.replace(/^response\./, ''));
const response = (all: readonly ResponseEvent[]) => all.at(-1)?.['response'] as unknown as Response; // the last event has one

const call = (index: number, name: string): ChunkDelta => ({
  tool_calls: [{ index, id: `call_${name}`, type: 'function', function: { name, arguments: '' } }],
});
const more = (index: number, args: string): ChunkDelta => ({
  tool_calls: [{ index, function: { arguments: args } }],
});

describe('a streamed answer', () => {
  it('that is a text comes in the order that clients know', () => {
    const all = events(chunksOf([{ content: 'Hel' }, { content: 'lo' }], 'stop'));
    expect(types(all)).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'completed',
    ]);
    expect(all[0]?.['response']).toMatchObject({
      id: 'resp_abc',
      status: 'in_progress',
      output: [],
      usage: null,
    });
    expect(response(all)).toMatchObject({
      id: 'resp_abc',
      object: 'response',
      created_at: 7,
      model: 'gpt-6-luna',
      status: 'completed',
      incomplete_details: null,
      error: null,
      output: [
        {
          id: 'msg_abc_0',
          type: 'message',
          status: 'completed',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'Hello', annotations: [], logprobs: [] }],
        },
      ],
      tools: [{ type: 'function', name: 'f', parameters: {}, description: null, strict: null }],
      tool_choice: 'auto',
      parallel_tool_calls: true,
      previous_response_id: null,
      text: { format: { type: 'text' } },
      usage: {
        input_tokens: 10,
        input_tokens_details: { cached_tokens: 2, cache_write_tokens: 0 },
        output_tokens: 5,
        output_tokens_details: { reasoning_tokens: 1 },
        total_tokens: 15,
      },
    });
  });

  it('lets parallel calls wait for each other', () => {
    const deltas = [
      call(0, 'a'),
      call(1, 'b'),
      more(1, '{"b":2}'),
      more(0, '{"a"'),
      more(0, ':1}'),
      call(2, 'c'),
      more(2, '{}'),
    ];
    const all = events(chunksOf(deltas, 'tool_calls'));
    expect(response(all).output).toMatchObject([
      {
        id: 'fc_abc_0',
        type: 'function_call',
        call_id: 'call_a',
        name: 'a',
        arguments: '{"a":1}',
        status: 'completed',
      },
      { call_id: 'call_b', arguments: '{"b":2}' },
      { call_id: 'call_c', arguments: '{}' },
    ]);
  });

  it('tells a call’s arguments as they come where calls follow each other', () => {
    const stream = createResponseEvents(ASKED, ABOUT);
    const seen = [call(0, 'a'), more(0, '{"a":1}'), call(1, 'b'), more(1, '{"b'), more(1, '":2}')].map(
      (delta) => types(stream.chunk(chunk(delta))),
    );
    expect(seen.slice(2)).toEqual([
      ['function_call_arguments.done', 'output_item.done', 'output_item.added'],
      ['function_call_arguments.delta'],
      ['function_call_arguments.delta'],
    ]);
  });

  it('seals what the client must hand back into the reasoning, at the end', () => {
    const block = { type: 'thinking', thinking: 'Hm', signature: 'sig' };
    const deltas = [{ reasoning_content: 'Hm' }, { thinking_blocks: [block] }, { content: 'Hi' }];
    const all = events(chunksOf(deltas, 'stop'));
    expect(types(all).slice(-3)).toEqual(['output_item.done', 'output_item.done', 'completed']);
    expect(response(all).output).toMatchObject([
      {
        id: 'rs_abc_0',
        type: 'reasoning',
        summary: [{ type: 'summary_text', text: 'Hm' }],
        encrypted_content: expect.stringMatching(/./),
      },
      { type: 'message' },
    ]);
    const silent = events(chunksOf([{ thinking_blocks: [block] }, { content: 'Hi' }], 'stop'));
    expect(response(silent).output).toMatchObject([{ type: 'message' }, { type: 'reasoning', summary: [] }]);
  });

  it('says which part of an answer its message is', () => {
    const own = { provider_specific_fields: { openai: { phase: 'final_answer' } } };
    const { output } = response(events(chunksOf([{ content: 'Hi' }], 'stop', own)));
    expect(output).toMatchObject([{ type: 'message', phase: 'final_answer' }]);
  });

  it('has refusals, citations and the input of free-form tools', () => {
    const url_citation = { url: 'https://a.example', title: 'A', start_index: 0, end_index: 2 };
    const all = events(
      chunksOf(
        [
          { content: 'Hi' },
          { annotations: [{ type: 'url_citation', url_citation }] },
          { refusal: 'No' },
          { tool_calls: [{ index: 0, id: 'c', type: 'custom', custom: { name: 'sql', input: '' } }] },
          { tool_calls: [{ index: 0, custom: { input: 'SELECT' } }] },
        ],
        'tool_calls',
      ),
    );
    expect(response(all).output).toMatchObject([
      {
        content: [
          { type: 'output_text', text: 'Hi', annotations: [{ type: 'url_citation', ...url_citation }] },
          { type: 'refusal', refusal: 'No' },
        ],
      },
      { type: 'custom_tool_call', call_id: 'c', name: 'sql', input: 'SELECT' },
    ]);
  });

  it.each([
    ['length', 'max_output_tokens'],
    ['content_filter', 'content_filter'],
  ])('that was cut short is incomplete: %s', (finish, reason) => {
    const all = events(chunksOf([{ content: 'Hel' }], finish));
    expect(types(all).at(-1)).toBe('incomplete');
    expect(response(all)).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason },
      output: [{ status: 'incomplete' }],
    });
  });

  it('that fails says so once, also before anything came', () => {
    const stream = createResponseEvents(ASKED, ABOUT);
    const all = stream.failed({ code: null, message: 'too bad' });
    expect(types(all)).toEqual(['created', 'in_progress', 'error', 'failed']);
    expect(all[2]).toMatchObject({ code: null, message: 'too bad', param: null, sequence_number: 2 });
    expect(response(all)).toMatchObject({
      status: 'failed',
      error: { code: 'server_error', message: 'too bad' },
    });
    expect([...stream.end(null), ...stream.chunk(chunk({ content: 'x' }))]).toEqual([]);
  });
});
