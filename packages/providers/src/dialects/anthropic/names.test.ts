import { describe, expect, it } from 'vitest';
import { createIds } from './names.ts';

/** Ids that are given more than once, between ids that look as if they had been made of them. */
const GIVEN = ['a_2', 'a', 'a', 'a_3', 'a', 'a_2', 'a_2_2', 'a_2', 'f:0', 'f:0', '', '', 'call_12'];

describe('ids of calls', () => {
  it('are all different, and the caller’s own where they are the first', () => {
    const ids = createIds();
    const made = GIVEN.map((given) => ids.fresh(given));
    expect(new Set(made).size).toBe(GIVEN.length);
    expect(made.slice(0, 4)).toEqual(['a_2', 'a', 'a_3', 'a_3_2']);
  });

  it('are the same again when the conversation goes on', () => {
    const [one, two] = [createIds(), createIds()];
    const before = GIVEN.map((given) => one.fresh(given));
    expect([...GIVEN, 'a'].map((given) => two.fresh(given)).slice(0, -1)).toEqual(before);
  });
});
