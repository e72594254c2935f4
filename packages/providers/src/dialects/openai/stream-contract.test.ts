import type { ChatChunk } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { faultsOf } from '../../../../../test/support/stream-contract.ts';

const HEAD = { id: 'c', object: 'chat.completion.chunk', created: 5, model: 'm' };
const chunk = (delta: object, finish_reason: unknown = null, rest: object = {}) => ({
  ...HEAD,
  choices: [{ index: 0, delta, finish_reason }],
  ...rest,
});
const USAGE = { ...HEAD, choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } };
const FIRST = chunk({ role: 'assistant', content: '' });
const call = (index: number, more: object) => chunk({ tool_calls: [{ index, ...more }] });
const NAMED = { id: 'a', type: 'function', function: { name: 'f', arguments: '' } };
const ARGS = { function: { arguments: '{}' } };
const STOP = chunk({}, 'stop');
const CALLS = chunk({}, 'tool_calls');
const faults = (...chunks: unknown[]) => faultsOf(chunks as ChatChunk[]); // many are broken on purpose

describe('what clients rely on', () => {
  it.each([
    ['text', [FIRST, chunk({ content: 'a' }), STOP, USAGE]],
    ['text without usage', [FIRST, STOP]],
    [
      'a call',
      [
        chunk({ role: 'assistant', content: null, tool_calls: [{ index: 0, ...NAMED }] }),
        call(0, ARGS),
        CALLS,
      ],
    ],
    [
      'two calls',
      [FIRST, call(0, NAMED), call(0, ARGS), call(1, { ...NAMED, id: 'b' }), call(1, ARGS), CALLS, USAGE],
    ],
    ['thinking', [FIRST, chunk({ reasoning_content: 'hm' }), chunk({ content: 'a' }), chunk({}, 'length')]],
  ])('holds for %s', (_, chunks) => {
    expect(faults(...chunks)).toEqual([]);
  });

  it.each([
    ['nothing', []],
    ['another id', [FIRST, { ...STOP, id: 'd' }]],
    ['no id', [{ ...FIRST, id: '' }]],
    [
      'no model',
      [
        { ...FIRST, model: '' },
        { ...STOP, model: '' },
      ],
    ],
    ['no reason', [FIRST]],
    ['two reasons', [FIRST, STOP, STOP]],
    ['an unknown reason', [FIRST, chunk({}, 'eos')]],
    ['a missing reason', [FIRST, { ...HEAD, choices: [{ index: 0, delta: {} }] }, STOP]],
    ['text after the reason', [FIRST, STOP, chunk({ content: 'a' })]],
    ['no role', [chunk({ content: 'a' }), STOP]],
    ['two roles', [FIRST, FIRST, STOP]],
    ['null for no call', [chunk({ role: 'assistant', content: null }), STOP]],
    ['usage with choices', [FIRST, { ...STOP, usage: USAGE.usage }]],
    ['usage twice', [FIRST, STOP, USAGE, USAGE]],
    ['usage early', [FIRST, USAGE, STOP]],
    ['usage that does not add up', [FIRST, STOP, { ...USAGE, usage: { ...USAGE.usage, total_tokens: 4 } }]],
    ['an empty chunk', [{ ...HEAD, choices: [] }, FIRST, STOP]],
    ['parts', [FIRST, chunk({ content: [{ type: 'text', text: 'a' }] }), STOP]],
    ['reasoning', [FIRST, chunk({ reasoning: 'hm' }), STOP]],
    ['null calls', [FIRST, chunk({ tool_calls: null }), STOP]],
    ['calls from 1', [FIRST, call(1, NAMED), CALLS]],
    ['a call with a gap', [FIRST, call(0, NAMED), call(2, { ...NAMED, id: 'b' }), CALLS]],
    ['a call without a name', [FIRST, call(0, { ...NAMED, function: { name: '', arguments: '' } }), CALLS]],
    ['a call without an id', [FIRST, call(0, { ...NAMED, id: '' }), CALLS]],
    ['an id twice', [FIRST, call(0, NAMED), call(1, NAMED), CALLS]],
    ['an id again', [FIRST, call(0, NAMED), call(0, { ...ARGS, id: 'a' }), CALLS]],
    ['a name again', [FIRST, call(0, NAMED), call(0, { function: { name: '', arguments: '' } }), CALLS]],
    ['calls that are none', [FIRST, CALLS]],
    ['calls that stop', [FIRST, call(0, NAMED), STOP]],
  ])('does not hold for %s', (_, chunks) => {
    expect(faults(...chunks)).not.toEqual([]);
  });
});
