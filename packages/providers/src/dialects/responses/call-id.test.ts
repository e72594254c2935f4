import { describe, expect, it } from 'vitest';
import { createCallIds, isCallId } from './call-id.ts';

const LONG = 'x'.repeat(64);
const GIVEN = ['a_2', 'a', 'a', 'a_3', 'a', 'a_2', 'a_2_2', 'f:0', 'f:0', LONG, LONG, LONG, '', ''];

describe('ids of calls', () => {
  it('are all different and taken by OpenAI, and the caller’s own where they are the first', () => {
    const ids = createCallIds();
    const made = GIVEN.map((given) => ids.fresh(given, 'messages[0]'));
    expect(new Set(made).size).toBe(GIVEN.length);
    expect(made.every(isCallId)).toBe(true);
    expect(made.slice(0, 4)).toEqual(['a_2', 'a', 'a_3', 'a_3_2']);
  });
});
