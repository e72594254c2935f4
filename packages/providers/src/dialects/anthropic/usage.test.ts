import { describe, expect, it } from 'vitest';
import { completionOf } from './response.ts';
import { UsageTally } from './usage.ts';

describe('UsageTally', () => {
  it('counts what was read from and written to the cache as input', () => {
    const tally = new UsageTally();
    tally.note({
      input_tokens: 10,
      cache_read_input_tokens: 20,
      cache_creation_input_tokens: 5,
      output_tokens: 7,
    });
    expect(tally.wire()).toEqual({
      prompt_tokens: 35,
      completion_tokens: 7,
      total_tokens: 42,
      prompt_tokens_details: { cached_tokens: 20, cache_write_tokens: 5 },
      completion_tokens_details: { reasoning_tokens: 0 },
    });
  });

  it('replaces what it knew, field by field, and adds nothing up', () => {
    const tally = new UsageTally();
    tally.note({ input_tokens: 43, output_tokens: 1 });
    tally.note({ input_tokens: 61, output_tokens: 2 });
    tally.note({ output_tokens: 9 });
    expect(tally.wire()).toMatchObject({ prompt_tokens: 61, completion_tokens: 9, total_tokens: 70 });
  });

  it('knows the tokens of thinking', () => {
    const tally = new UsageTally();
    tally.note({ input_tokens: 1, output_tokens: 50, output_tokens_details: { thinking_tokens: 40 } });
    expect(tally.wire()?.completion_tokens_details?.reasoning_tokens).toBe(40);
  });

  it.each([
    [undefined],
    [null],
    ['x'],
    [{}],
    [{ input_tokens: '5' }],
    [{ input_tokens: -1 }],
    [{ input_tokens: Number.NaN }],
  ])('is unknown, not zero, for %j', (usage) => {
    const tally = new UsageTally();
    tally.note(usage);
    expect(tally.wire()).toBeNull();
  });

  const pass = (type: string, input_tokens: number, output_tokens: number) => ({
    type,
    input_tokens,
    output_tokens,
  });

  it('counts what an earlier conversation took to be summarised, and no attempt of another model', () => {
    const tally = new UsageTally();
    const own = { input_tokens: 10, output_tokens: 20 };
    tally.note({ ...own, iterations: [pass('compaction', 1_000, 100), pass('message', 10, 20)] });
    expect(tally.wire()).toMatchObject({ prompt_tokens: 1_010, completion_tokens: 120, total_tokens: 1_130 });
    const other = new UsageTally();
    other.note({ ...own, iterations: [pass('message', 8, 0), pass('fallback_message', 10, 20)] });
    expect(other.wire()).toMatchObject({ prompt_tokens: 10, completion_tokens: 20 });
  });

  it('counts a summary once, whichever events tell of it', () => {
    const tally = new UsageTally();
    const iterations = [pass('compaction', 1_000, 100), pass('message', 10, 20)];
    tally.note({ input_tokens: 10, output_tokens: 1 });
    tally.note({ output_tokens: 20, iterations });
    tally.note({ output_tokens: 20, iterations });
    expect(tally.wire()).toMatchObject({ prompt_tokens: 1_010, completion_tokens: 120 });
  });

  it('tells what was written to the cache for an hour, which costs more', () => {
    const cache_creation = { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 9 };
    const usage = { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 12, cache_creation };
    const message = { type: 'message', id: 'm', model: 'm', content: [], stop_reason: 'end_turn', usage };
    expect(JSON.stringify(completionOf(message, 5))).toMatch(/1h[a-z_]*":9/);
  });
});
