import type { ChatChunk, ChatCompletion, ChunkChoice, ChunkDelta } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { faultsOf } from '../../../../../test/support/stream-contract.ts';
import { createNormaliser, normaliseCompletion, type ReplyTraits } from './normalise.ts';

const made = { id: 'chatcmpl-made', created: 1_000 };
const HEAD = { id: 'c-1', object: 'chat.completion.chunk', created: 5, model: 'm' };

const chunk = (delta: object, more: Partial<ChunkChoice> = {}, rest: object = {}): ChatChunk => ({
  ...HEAD,
  choices: [{ index: 0, delta: delta as ChunkDelta, finish_reason: null, ...more }],
  ...rest,
});

/** All that comes out for these chunks. */
function run(chunks: readonly unknown[], traits: ReplyTraits = {}): ChatChunk[] {
  const normal = createNormaliser(traits, made);
  const out = chunks.flatMap((one) => normal.add(one as ChatChunk) ?? []);
  return [...out, ...normal.end()];
}

const reasons = (chunks: readonly ChatChunk[]) =>
  chunks.flatMap(({ choices }) => choices.flatMap(({ finish_reason }) => finish_reason ?? []));
const calls = (chunks: readonly ChatChunk[]) =>
  chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []));

describe('tool calls that come oddly', () => {
  const call = (more: object, delta: object = {}) => chunk({ ...delta, tool_calls: [more] });
  const stop = chunk({}, { finish_reason: 'stop' });

  it('may be named late, and lose nothing that came before', () => {
    const out = run([
      call({ index: 0, id: 'x' }, { role: 'assistant', content: null }),
      call({ index: 0, function: { arguments: '{' } }),
      call({ index: 0, function: { name: 'f', arguments: '}' } }),
      stop,
    ]);
    expect(faultsOf(out)).toEqual([]);
    expect(calls(out)).toEqual([
      { index: 0, id: 'x', type: 'function', function: { name: 'f', arguments: '{}' } },
    ]);
  });

  it('that are never named are none, and no reason to call anything', () => {
    const out = run([
      chunk({ content: 'a' }),
      call({ index: 0, id: 'x', function: { arguments: '{}' } }),
      stop,
    ]);
    expect(faultsOf(out)).toEqual([]);
    expect(reasons(out)).toEqual(['stop']);
  });

  it('are told apart when their pieces come in turns', () => {
    const of = (index: number, id: string, args: string) => ({
      index,
      id,
      function: { name: 'f', arguments: args },
    });
    const more = (index: number, args: string) => ({ index, function: { arguments: args } });
    const out = run([
      chunk({ tool_calls: [of(0, 'x', '{"a"'), of(1, 'y', '{"b"')] }),
      chunk({ tool_calls: [more(1, ':2}'), more(0, ':1}')] }),
      stop,
    ]);
    expect(faultsOf(out)).toEqual([]);
    const said = (at: number) =>
      calls(out)
        .map(({ index, function: fn }) => (index === at ? fn?.arguments : ''))
        .join('');
    expect([said(0), said(1)]).toEqual(['{"a":1}', '{"b":2}']);
  });

  it('of several choices are numbered in each, and each choice ends for itself', () => {
    const of = (index: number, delta: object, finish_reason: string | null = null) => ({
      ...HEAD,
      choices: [{ index, delta, finish_reason }],
    });
    const named = (id: string) => ({
      tool_calls: [{ index: 0, id, function: { name: 'f', arguments: '{}' } }],
    });
    const out = run([
      of(1, named('y')),
      of(0, named('x')),
      of(0, {}, 'tool_calls'),
      of(2, { content: 'a' }),
      of(1, {}, 'stop'),
    ]);
    expect(faultsOf(out)).toEqual([]);
    expect(calls(out).map(({ index, id }) => [index, id])).toEqual([
      [0, 'y'],
      [0, 'x'],
    ]);
    expect(reasons(out)).toEqual(['tool_calls', 'tool_calls', 'stop']);
  });
});

describe('tool calls', () => {
  const call = (more: object) => chunk({ tool_calls: [more] });

  it('say id, type and name once, and then only arguments', () => {
    const again = { index: 0, id: 'x', type: 'function', function: { name: 'f', arguments: '{"a"' } };
    const out = calls(
      run([
        call(again),
        call({ ...again, function: { name: '', arguments: ':1' } }),
        call({ index: 0, id: null, type: null, function: { name: null, arguments: '}' } }),
      ]),
    );
    expect(out).toEqual([
      { index: 0, id: 'x', type: 'function', function: { name: 'f', arguments: '{"a"' } },
      { index: 0, function: { arguments: ':1' } },
      { index: 0, function: { arguments: '}' } },
    ]);
  });

  it('are numbered from 0 without gaps, whatever the upstream counts', () => {
    const out = calls(
      run([
        call({ index: 1, id: 'x', function: { name: 'f' } }),
        call({ index: 1, function: { arguments: '{}' } }),
        call({ index: 5, id: 'y', function: { name: 'g', arguments: '{}' } }),
      ]),
    );
    expect(out.map(({ index, id }) => [index, id])).toEqual([
      [0, 'x'],
      [0, undefined],
      [1, 'y'],
    ]);
  });

  it('without an index are told apart by id and by name, and continue the latest', () => {
    const out = calls(
      run([
        call({ id: 'x', function: { name: 'f', arguments: '' } }),
        call({ function: { arguments: '{"n":1}' } }),
        call({ id: 'y', function: { name: 'f', arguments: '{"n":2}' } }),
        call({ function: { name: 'g', arguments: '{}' } }),
      ]),
    );
    expect(out.map(({ index }) => index)).toEqual([0, 0, 1, 2]);
    expect(out[3]).toMatchObject({ id: 'chatcmpl-made-call-2', type: 'function', function: { name: 'g' } });
  });

  it('two in one delta, without index and id, become two', () => {
    const out = calls(
      run([
        chunk({
          tool_calls: [
            { function: { name: 'f', arguments: '{}' } },
            { function: { name: 'f', arguments: '{}' } },
          ],
        }),
      ]),
    );
    expect(out.map(({ index, id }) => [index, id])).toEqual([
      [0, 'chatcmpl-made-call-0'],
      [1, 'chatcmpl-made-call-1'],
    ]);
  });

  it('get an id where the upstream sends an empty one, and text where it sends an object', () => {
    const [first] = calls(run([call({ index: 0, id: '', function: { name: 'f', arguments: { a: 1 } } })]));
    expect(first).toMatchObject({ id: 'chatcmpl-made-call-0', function: { arguments: '{"a":1}' } });
  });

  it.each([[[]], [null]])('are left out where the upstream sends %j', (none) => {
    expect(run([chunk({ content: 'a', tool_calls: none })])[0]?.choices[0]?.delta).not.toHaveProperty(
      'tool_calls',
    );
  });
});

describe('completion', () => {
  const whole = (message: object, more: object = {}, rest: object = {}) =>
    normaliseCompletion(
      {
        id: 'c-1',
        object: 'chat.completion',
        created: 5,
        model: 'm',
        choices: [{ index: 0, message: message as { role: string }, finish_reason: 'stop', ...more }],
        ...rest,
      } as ChatCompletion,
      {},
      made,
    );

  it('has role, null content, a known finish reason and logprobs', () => {
    const { choices } = whole({ tool_calls: [] }, { finish_reason: 'eos', logprobs: undefined });
    expect(choices[0]).toEqual({
      index: 0,
      message: { role: 'assistant', content: null, refusal: null },
      finish_reason: 'stop',
      logprobs: null,
    });
  });

  it('has ids and types on its calls, and says tool_calls', () => {
    const { choices } = whole({
      role: 'assistant',
      content: '',
      tool_calls: [{ id: '', function: { name: 'f', arguments: '{}' } }],
    });
    expect(choices[0]?.message.tool_calls).toEqual([
      { id: 'chatcmpl-made-call-0', type: 'function', function: { name: 'f', arguments: '{}' } },
    ]);
    expect(choices[0]?.finish_reason).toBe('tool_calls');
  });

  it('has arguments in a string although the upstream sent an object', () => {
    const { choices } = whole({ tool_calls: [{ id: 'a', function: { name: 'f', arguments: { x: 1 } } }] });
    expect(choices[0]?.message.tool_calls?.[0]?.function?.arguments).toBe('{"x":1}');
  });

  it('gets what is missing at its top', () => {
    const made_up = whole({ content: 'a' }, {}, { id: '', created: 'x', object: 'text' });
    expect(made_up).toMatchObject({ id: 'chatcmpl-made', created: 1_000, object: 'chat.completion' });
    expect(made_up).not.toHaveProperty('usage');
  });
});
