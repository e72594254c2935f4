import type { ChatChunk, ChunkChoice, ChunkDelta } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { createNormaliser, type ReplyTraits } from './normalise.ts';

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

describe('stream', () => {
  it('says the role once, with an empty text where none came', () => {
    const out = run([
      chunk({ role: 'assistant' }),
      chunk({ role: 'assistant', content: 'a' }),
      chunk({ content: 'b' }),
    ]);
    expect(out.slice(0, 3).map(({ choices }) => choices[0]?.delta)).toEqual([
      { role: 'assistant', content: '' },
      { content: 'a' },
      { content: 'b' },
    ]);
  });

  it('says the role although the upstream never does, and null for the text where a call follows', () => {
    expect(run([chunk({ content: 'a' })])[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: 'a' });
    const call = { index: 0, id: 'x', type: 'function', function: { name: 'f', arguments: '' } };
    expect(run([chunk({ tool_calls: [call] })])[0]?.choices[0]?.delta).toMatchObject({
      role: 'assistant',
      content: null,
    });
  });

  it('keeps one id, time and model, those of the first chunk', () => {
    const out = run([
      chunk({ content: 'a' }),
      { ...chunk({ content: 'b' }), id: 'c-2', created: 9, model: 'n' },
    ]);
    expect(new Set(out.map(({ id, created, model }) => `${id} ${created} ${model}`))).toEqual(
      new Set(['c-1 5 m']),
    );
  });

  it('makes up an id and a time where there are none', () => {
    const out = run([{ choices: [{ index: 0, delta: { content: 'a' } }] }]);
    expect(out[0]).toMatchObject({
      id: 'chatcmpl-made',
      created: 1_000,
      model: '',
      object: 'chat.completion.chunk',
    });
  });

  it('takes id, time and model from the first chunk that has them, behind an empty leading one', () => {
    const leading = { choices: [], created: 0, id: '', model: '', object: '', prompt_filter_results: [] };
    const out = run([
      leading,
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'a' }, { finish_reason: 'stop' }),
    ]);
    expect(out.every(({ id, created, model }) => id === 'c-1' && created === 5 && model === 'm')).toBe(true);
  });

  it('swallows chunks without choices in the middle', () => {
    const out = run([
      chunk({ content: 'a' }),
      { ...HEAD, choices: [] },
      chunk({ content: 'b' }, { finish_reason: 'stop' }),
    ]);
    expect(out.map(({ choices }) => choices.length)).toEqual([1, 1]);
  });

  it('has a null finish reason on every chunk but the last', () => {
    const out = run([
      { ...HEAD, choices: [{ index: 0, delta: { content: 'a' } }] },
      chunk({}, { finish_reason: 'stop' }),
    ]);
    expect(out[0]?.choices[0]).toHaveProperty('finish_reason', null);
    expect(out[1]?.choices[0]).toHaveProperty('finish_reason', 'stop');
  });

  it('finishes once, however often the upstream does', () => {
    const out = run([
      chunk({ content: 'a' }),
      chunk({}, { finish_reason: 'stop' }),
      chunk({ content: '' }, { finish_reason: 'stop' }),
    ]);
    expect(reasons(out)).toEqual(['stop']);
  });

  it('finishes at the end where the upstream was done without a reason', () => {
    expect(reasons(run([chunk({ content: 'a' })]))).toEqual(['stop']);
  });

  it.each([
    ['eos', 'stop'],
    ['eos_token', 'stop'],
    ['stop_sequence', 'stop'],
    ['end_turn', 'stop'],
    ['model_length', 'length'],
    ['max_tokens', 'length'],
    ['length', 'length'],
    ['content_filter', 'content_filter'],
    ['tool_use', 'stop'], // without any call there is none to make
    ['insufficient_system_resource', 'length'],
    ['something_new', 'stop'],
  ])('turns the finish reason %s into %s', (given, expected) => {
    expect(reasons(run([chunk({ content: 'a' }), chunk({}, { finish_reason: given })]))).toEqual([expected]);
  });

  it('finishes with tool_calls where there were any, unless the answer was cut or filtered', () => {
    const call = chunk({
      tool_calls: [{ index: 0, id: 'x', type: 'function', function: { name: 'f', arguments: '{}' } }],
    });
    expect(reasons(run([call, chunk({}, { finish_reason: 'stop' })]))).toEqual(['tool_calls']);
    expect(reasons(run([call, chunk({}, { finish_reason: 'tool_use' })]))).toEqual(['tool_calls']);
    expect(reasons(run([call, chunk({}, { finish_reason: 'length' })]))).toEqual(['length']);
    expect(reasons(run([call, chunk({}, { finish_reason: 'content_filter' })]))).toEqual(['content_filter']);
    expect(reasons(run([call]))).toEqual(['tool_calls']);
  });

  it('keeps several choices apart', () => {
    const two = (index: number, delta: object, finish_reason: string | null = null) => ({
      ...HEAD,
      choices: [{ index, delta, finish_reason }],
    });
    const out = run([
      two(0, { content: 'a' }),
      two(1, { content: 'b' }),
      two(1, {}, 'length'),
      two(0, {}, 'stop'),
    ]);
    expect(
      out.map(({ choices }) => [
        choices[0]?.index,
        choices[0]?.delta.role ?? null,
        choices[0]?.finish_reason,
      ]),
    ).toEqual([
      [0, 'assistant', null],
      [1, 'assistant', null],
      [1, null, 'length'],
      [0, null, 'stop'],
    ]);
  });
});

describe('usage', () => {
  it('stands alone at the very end, wherever it came', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
    const out = run([
      chunk({ content: 'a' }),
      chunk({}, { finish_reason: 'stop' }, { usage }),
      { ...HEAD, choices: [], usage: null },
    ]);
    expect(out.at(-1)).toMatchObject({ choices: [], usage });
    expect(out.filter((one) => one.usage)).toHaveLength(1);
    expect(out.slice(0, -1).every((one) => !('usage' in one))).toBe(true);
  });

  it('comes from where the vendor hides it', () => {
    const usage = { prompt_tokens: 4, completion_tokens: 5, total_tokens: 9 };
    const out = run([chunk({ content: 'a' }, { finish_reason: 'stop' }, { x: { usage } })], {
      usageOf: ({ x }) => (x as { usage: typeof usage } | undefined)?.usage,
    });
    expect(out.at(-1)).toMatchObject({ choices: [], usage });
  });

  it('is left out where none came', () => {
    expect(
      run([chunk({ content: 'a' }, { finish_reason: 'stop' })]).every(({ choices }) => choices.length === 1),
    ).toBe(true);
  });
});
