import { describe, expect, it } from 'vitest';
import { createResults } from './results.ts';

/** What each call gets, of results given as `id` and word. */
function matched(ids: string[], ...given: [string, string][]) {
  const results = createResults<string>(ids);
  for (const [id, word] of given) if (results.wants(id)) results.give(id, word);
  return ids.map((id) => results.take(id));
}

describe('results', () => {
  it.each<[string, string[], [string, string][], (string | null)[]]>([
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
    ],
    ['of nobody’s', ['a'], [['z', '1']], [null]],
  ])('%s', (_, ids, given, expected) => {
    expect(matched(ids, ...given)).toEqual(expected);
  });
});
