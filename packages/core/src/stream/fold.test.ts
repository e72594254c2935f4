import { describe, expect, it } from 'vitest';
import { type ChatChunk, type ChunkChoice, type ChunkDelta, chunksOf } from '../chat.ts';
import { createFold } from './fold.ts';

const choice = (delta: ChunkDelta, more: Partial<ChunkChoice> = {}): ChunkChoice => ({
  index: 0,
  delta,
  finish_reason: null,
  ...more,
});
const chunk = (choices: ChunkChoice[], more: Partial<ChatChunk> = {}): ChatChunk => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 5,
  model: 'm',
  choices,
  ...more,
});
const fold = (chunks: Iterable<ChatChunk>) => {
  const folding = createFold();
  for (const one of chunks) folding.add(one);
  return folding.done();
};
const call = (index: number | undefined, name: string, args: string, id?: string) => ({
  ...(index !== undefined && { index }),
  ...(id && { id }),
  type: 'function',
  function: { ...(name && { name }), arguments: args },
});

describe('createFold', () => {
  it('makes the completion that the stream would have been', () => {
    expect(fold(chunksOf('hello wide world', { id: 'c1', model: 'm', created: 5 }))).toEqual({
      id: 'c1',
      object: 'chat.completion',
      created: 5,
      model: 'm',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'hello wide world', refusal: null },
          finish_reason: 'stop',
          logprobs: null,
        },
      ],
    });
  });

  it('takes usage from wherever it stands', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2 };
    expect(fold([chunk([choice({ content: 'a' })]), chunk([], { usage })]).usage).toEqual(usage);
  });

  it('has no usage where the stream had none', () => {
    expect(fold([chunk([choice({ content: 'a' })], { usage: null })])).not.toHaveProperty('usage');
  });

  it('keeps choices apart and in order, however they are interleaved', () => {
    const whole = fold([
      chunk([choice({ content: 'b' }, { index: 1 })]),
      chunk([choice({ content: 'a' }), choice({ content: 'B' }, { index: 1 })]),
      chunk([choice({}, { finish_reason: 'length' })]),
    ]);
    expect(whole.choices.map(({ message, finish_reason }) => [message.content, finish_reason])).toEqual([
      ['a', 'length'],
      ['bB', null],
    ]);
  });

  it('joins tool calls by their index, and has no text where there was none', () => {
    const whole = fold([
      chunk([choice({ tool_calls: [call(0, 'look', '{"a"', 't0')] })]),
      chunk([choice({ tool_calls: [call(1, 'find', '{', 't1')] })]),
      chunk([choice({ tool_calls: [call(0, '', ':1}'), call(1, '', '}')] })]),
    ]);
    expect(whole.choices[0]?.message).toEqual({
      role: 'assistant',
      content: null,
      refusal: null,
      tool_calls: [
        { id: 't0', type: 'function', function: { name: 'look', arguments: '{"a":1}' } },
        { id: 't1', type: 'function', function: { name: 'find', arguments: '{}' } },
      ],
    });
  });

  it('adds a piece without an index to the call before it', () => {
    const whole = fold([
      chunk([choice({ tool_calls: [call(undefined, 'look', '{', 't0')] })]),
      chunk([choice({ tool_calls: [call(undefined, '', '}')] })]),
    ]);
    expect(whole.choices[0]?.message.tool_calls).toEqual([
      { id: 't0', type: 'function', function: { name: 'look', arguments: '{}' } },
    ]);
  });

  it('leaves no holes where the indices of tool calls do not begin at 0', () => {
    const whole = fold([chunk([choice({ tool_calls: [call(1, 'look', '{}', 't1')] })])]);
    expect(JSON.parse(JSON.stringify(whole)).choices[0].message.tool_calls).toEqual([
      { id: 't1', type: 'function', function: { name: 'look', arguments: '{}' } },
    ]);
  });

  it('makes no room for a tool call with an absurd index', () => {
    const whole = fold([chunk([choice({ tool_calls: [call(50_000_000, 'look', '{}', 't')] })])]);
    expect(whole.choices[0]?.message.tool_calls?.length).toBe(1);
  });

  it('keeps text beside tool calls', () => {
    const whole = fold([
      chunk([choice({ content: 'wait' })]),
      chunk([choice({ tool_calls: [call(0, 'f', '{}', 't')] })]),
    ]);
    expect(whole.choices[0]?.message.content).toBe('wait');
  });

  it('joins reasoning, refusals and blocks, and takes any other field as it comes', () => {
    const whole = fold([
      chunk([choice({ role: 'assistant', reasoning_content: 'let ', refusal: null })]),
      chunk([choice({ reasoning_content: 'me', refusal: 'no', thinking_blocks: [{ n: 1 }] })]),
      chunk([choice({ thinking_blocks: [{ n: 2 }], refusal: '!', annotations: { a: 1 } })]),
    ]);
    expect(whole.choices[0]?.message).toEqual({
      role: 'assistant',
      content: '',
      refusal: 'no!',
      reasoning_content: 'let me',
      thinking_blocks: [{ n: 1 }, { n: 2 }],
      annotations: { a: 1 },
    });
  });

  it('keeps the log probabilities of every token, as the answer without streaming has them', () => {
    const logged = (token: string) => ({ logprobs: { content: [{ token, logprob: -1 }], refusal: null } });
    const whole = fold([
      chunk([choice({ content: 'a' }, logged('a'))]),
      chunk([choice({ content: 'b' }, logged('b'))]),
      chunk([choice({}, { finish_reason: 'stop', logprobs: null })]),
    ]);
    expect(whole.choices[0]?.['logprobs']).toEqual({
      content: [
        { token: 'a', logprob: -1 },
        { token: 'b', logprob: -1 },
      ],
      refusal: null,
    });
  });

  it('joins the pieces of an old function call', () => {
    const whole = fold([
      chunk([choice({ function_call: { name: 'f', arguments: '' } })]),
      chunk([choice({ function_call: { arguments: '{"a"' } })]),
      chunk([choice({ function_call: { arguments: ':1}' } })]),
    ]);
    expect(whole.choices[0]?.message['function_call']).toEqual({ name: 'f', arguments: '{"a":1}' });
  });

  it('takes the head from the first chunk that has an id', () => {
    const whole = fold([
      chunk([], { id: '', model: '', created: 0 }),
      chunk([choice({ content: 'a' })], { id: 'c2', model: 'late', created: 9 }),
      chunk([choice({ content: 'b' })], { id: 'c3' }),
    ]);
    expect([whole.id, whole.model, whole.created]).toEqual(['c2', 'late', 9]);
  });

  it('is empty where nothing came', () => {
    expect(fold([])).toEqual({ id: '', object: 'chat.completion', created: 0, model: '', choices: [] });
  });

  it('pollutes no prototype', () => {
    fold([JSON.parse('{"id":"c","choices":[{"index":0,"delta":{"__proto__":{"polluted":1}}}]}')]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
