import { describe, expect, it } from 'vitest';
import { type Abilities, abilitiesOf } from './models.ts';

type Row = [
  model: string,
  maxOutput: number,
  sampling: Abilities['sampling'],
  thinking: Abilities['thinking'],
  off: Abilities['off'],
  forced: Abilities['forcedTools'],
  prefill: boolean,
  systemMidway: boolean,
];

describe('what a model lets its caller say', () => {
  it.each<Row>([
    ['claude-3-haiku-20240307', 4_096, 'both', 'none', null, 'yes', true, false],
    ['claude-3-opus-latest', 4_096, 'both', 'none', null, 'yes', true, false],
    ['claude-opus-4-1-20250805', 32_000, 'one', 'budget', null, 'unless thinking', true, false],
    ['claude-opus-4-20250514', 32_000, 'one', 'budget', null, 'unless thinking', true, false],
    ['claude-sonnet-4-20250514', 64_000, 'one', 'budget', null, 'unless thinking', true, false],
    ['claude-sonnet-4-0', 64_000, 'one', 'budget', null, 'unless thinking', true, false],
    ['claude-sonnet-4-5-20250929', 64_000, 'one', 'budget', null, 'unless thinking', true, false],
    ['claude-opus-4-5', 64_000, 'one', 'budget', null, 'unless thinking', true, false],
    ['claude-haiku-4-5-20251001', 64_000, 'one', 'budget', null, 'unless thinking', true, false],
    ['claude-sonnet-4-6', 128_000, 'one', 'adaptive', 'disabled', 'yes', false, false],
    ['claude-opus-4-6', 128_000, 'one', 'adaptive', 'disabled', 'yes', false, false],
    ['claude-opus-4-7', 128_000, 'none', 'adaptive', 'disabled', 'yes', false, false],
    ['claude-opus-4-8', 128_000, 'none', 'adaptive', 'disabled', 'yes', false, true],
    ['claude-sonnet-5', 128_000, 'none', 'adaptive', 'disabled', 'yes', false, false],
    ['claude-sonnet-5-20260301', 128_000, 'none', 'adaptive', 'disabled', 'yes', false, false],
    ['claude-opus-5', 128_000, 'none', 'adaptive', 'disabled', 'yes', false, true],
    ['claude-fable-5', 128_000, 'none', 'adaptive', null, 'yes', false, true],
    ['claude-fable-5-1', 128_000, 'none', 'adaptive', null, 'no', false, true],
    ['claude-fable-5-2', 128_000, 'none', 'adaptive', null, 'no', false, true],
    ['claude-haiku-5-5', 128_000, 'none', 'adaptive', 'disabled', 'yes', false, true],
    ['claude-sonnet-5-5', 128_000, 'none', 'adaptive', 'between_tools', 'no', false, true],
    ['claude-opus-5-5', 128_000, 'none', 'adaptive', null, 'no', false, true],
    ['claude-not-yet-known', 128_000, 'none', 'adaptive', null, 'no', false, false],
  ])('%s', (model, maxOutput, sampling, thinking, off, forcedTools, prefill, systemMidway) => {
    expect(abilitiesOf(model)).toMatchObject({
      maxOutput,
      sampling,
      thinking,
      off,
      forcedTools,
      prefill,
      systemMidway,
    });
  });

  it.each([
    ['claude-3-haiku', false],
    ['claude-sonnet-4-0', false],
    ['claude-sonnet-4-5', true],
    ['claude-haiku-4-5', true],
    ['claude-opus-4-6', true],
    ['claude-opus-5-5', true],
  ])('%s holds its answer to a schema: %s', (model, expected) => {
    expect(abilitiesOf(model).schema).toBe(expected);
  });

  it.each([
    ['claude-opus-4-9'],
    ['claude-opus-4-10'],
    ['claude-sonnet-5-6'],
    ['claude-opus-5-6'],
    ['claude-fable-5-3'],
  ])('a version that is not in the list is taken as the newest: %s', (model) => {
    expect(abilitiesOf(model)).toEqual(abilitiesOf('claude-not-yet-known'));
  });
});
