import { describe, expect, it } from 'vitest';
import { resultsOf } from './results.ts';

/** What each call gets, of results given as `id` and word. */
function matched(ids: string[], ...given: [string, string][]) {
  const messages = given.map(([id, content]) => ({ role: 'tool', tool_call_id: id, content }));
  const used = new Set<number>();
  const results = resultsOf(ids, { messages, from: 0, used });
  return {
    got: results.map((found) => found?.message.content ?? null),
    left: messages.filter((_, at) => !used.has(at)).map(({ content }) => content),
  };
}

describe('results', () => {
  it.each<[string, string[], [string, string][], (string | null)[], string[]?]>([
    [
      'in any order',
      ['a', 'b'],
      [
        ['b', '2'],
        ['a', '1'],
      ],
      ['1', '2'],
    ],
    [
      'of one id used twice, in their order',
      ['a', 'a'],
      [
        ['a', '1'],
        ['a', '2'],
      ],
      ['1', '2'],
    ],
    [
      'told again: the later word',
      ['a'],
      [
        ['a', '1'],
        ['a', '2'],
      ],
      ['2'],
    ],
    [
      'told again of one id used twice',
      ['a', 'a'],
      [
        ['a', '1'],
        ['a', '2'],
        ['a', '3'],
      ],
      ['1', '3'],
    ],
    [
      'without an id, for whoever has none yet',
      ['a', 'b'],
      [
        ['b', '2'],
        ['', 'x'],
      ],
      ['x', '2'],
    ],
    [
      'without any id',
      ['', ''],
      [
        ['', '1'],
        ['', '2'],
        ['', '3'],
      ],
      ['1', '2'],
      ['3'],
    ],
    [
      'without an id, where every call has its own',
      ['a'],
      [
        ['', 'x'],
        ['a', '1'],
      ],
      ['1'],
      ['x'],
    ],
    [
      'without an id, more than calls that have none',
      ['a', 'b', 'c'],
      [
        ['', 'x'],
        ['', 'y'],
        ['', 'z'],
        ['b', '2'],
      ],
      ['x', '2', 'y'],
      ['z'],
    ],
    ['of nobody’s', ['a'], [['z', '1']], [null], ['1']],
  ])('%s', (_, ids, given, got, left = []) => {
    expect(matched(ids, ...given)).toEqual({ got, left });
  });

  it('are looked for up to the next assistant message, among the roles that may hold them', () => {
    const messages = [
      { role: 'tool', tool_call_id: 'a', content: 'before' },
      { role: 'assistant' },
      { role: 'user', tool_call_id: 'a' },
      { role: 'function', tool_call_id: 'a', content: '1' },
      { role: 'assistant' },
      { role: 'tool', tool_call_id: 'a', content: 'after' },
    ];
    const search = { messages, from: 2, used: new Set<number>() };
    expect(resultsOf(['a'], search)).toEqual([{ message: messages[3], at: 3 }]);
    expect(resultsOf(['a'], { ...search, roles: ['tool'] })).toEqual([null]);
    expect([...search.used]).toEqual([3]);
  });
});
