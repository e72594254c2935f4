import type { ChatMessage } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { paired } from './pairing.ts';

const hi = { role: 'user', content: 'Hi' };
const call = (id: unknown) =>
  ({ id, type: 'function', function: { name: 'f', arguments: '{}' } }) as { id: string };
const asks = (...ids: unknown[]): ChatMessage => ({
  role: 'assistant',
  content: null,
  tool_calls: ids.map(call),
});
const result = (id: string, content: string = id): ChatMessage => ({
  role: 'tool',
  tool_call_id: id,
  content,
});
const nobody = (content: string): ChatMessage => ({
  role: 'user',
  content: [
    { type: 'text', text: 'A tool that nobody called answered:' },
    { type: 'text', text: content },
  ],
});

describe('calls and results', () => {
  it.each<[string, ChatMessage[]]>([
    ['a conversation without tools', [hi, { role: 'assistant', content: 'Hi' }, hi]],
    ['one call', [hi, asks('a'), result('a')]],
    ['several, answered in another order', [hi, asks('a', 'b'), result('b'), result('a'), hi]],
    ['the same id in two turns', [asks('a'), result('a'), asks('a'), result('a')]],
    ['no calls at all', [{ role: 'assistant', content: 'Hi', tool_calls: [] }, hi]],
    ['functions from before there were tools', [hi, { role: 'function', name: 'f', content: '1' }]],
  ])('that are sound stay the very same: %s', (_, messages) => {
    expect(paired(messages)).toBe(messages);
  });

  it.each<[string, ChatMessage[], ChatMessage[]]>([
    ['a result without a call', [hi, result('a')], [hi, nobody('a')]],
    [
      'a result before its call',
      [result('a', 'early'), asks('a'), result('a')],
      [nobody('early'), asks('a'), result('a')],
    ],
    ['a call without a result', [asks('a'), hi], [asks('a'), result('a', 'no result'), hi]],
    ['a call at the end', [hi, asks('a')], [hi, asks('a'), result('a', 'no result')]],
    [
      'one of two results',
      [asks('a', 'b'), result('b')],
      [asks('a', 'b'), result('a', 'no result'), result('b')],
    ],
    ['a result told twice', [asks('a'), result('a', '1'), result('a', '2')], [asks('a'), result('a', '2')]],
    [
      'two calls with one id',
      [asks('a', 'a'), result('a', '1'), result('a', '2'), asks('b')],
      [asks('a', 'a'), result('a', '1'), result('a', '2'), asks('b'), result('b', 'no result')],
    ],
    ['words in between', [asks('a'), hi, result('a')], [asks('a'), result('a'), hi]],
    [
      'calls in two messages',
      [asks('a'), asks('b'), result('a'), result('b')],
      [asks('a'), result('a'), asks('b'), result('b')],
    ],
    [
      'a result behind the next answer',
      [asks('a'), hi, asks('b'), result('b'), result('a')],
      [asks('a'), result('a', 'no result'), hi, asks('b'), result('b'), nobody('a')],
    ],
    [
      'one id in two messages of a run',
      [asks('f:0'), asks('f:0'), result('f:0', 'FIRST'), result('f:0', 'SECOND')],
      [asks('f:0'), result('f:0', 'FIRST'), asks('f:0'), result('f:0', 'SECOND')],
    ],
    [
      'a run with words in it',
      [asks('a'), { role: 'assistant', content: 'Hm' }, asks('b'), result('b'), hi],
      [asks('a'), result('a', 'no result'), { role: 'assistant', content: 'Hm' }, asks('b'), result('b'), hi],
    ],
    [
      'a result without an id where all calls have theirs',
      [asks('a'), result('', 'lost'), result('a')],
      [asks('a'), result('a'), nobody('lost')],
    ],
    [
      'a result without an id for the one call that has none',
      [asks('a'), asks('b'), result('', 'b'), result('a')],
      [asks('a'), result('a'), asks('b'), result('b')],
    ],
    [
      'neither has an id',
      [hi, asks('', undefined), result('', '1'), { role: 'tool', content: '2' }],
      [hi, asks('call_1_0', 'call_1_1'), result('call_1_0', '1'), result('call_1_1', '2')],
    ],
  ])('are mended: %s', (_, messages, expected) => {
    const before = structuredClone(messages);
    expect(paired(messages)).toEqual(expected);
    expect(messages).toEqual(before);
  });
});
