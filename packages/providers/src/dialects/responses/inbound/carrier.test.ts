import { expect, it } from 'vitest';
import { carrying, packed, unpacked } from './carrier.ts';

const block = (thinking: string) => ({ type: 'thinking', thinking, signature: 's' });

it('hands back what it was given, list by list', () => {
  const carried = [
    { thinking_blocks: [block('a')] },
    { content: 'not this' },
    { thinking_blocks: [block('b')], provider_specific_fields: { acme: { x: 1 } } },
  ].reduce(carrying, {});
  expect(unpacked(packed(carried))).toEqual({
    thinking_blocks: [block('a'), block('b')],
    provider_specific_fields: { acme: { x: 1 } },
  });
});

it('packs nothing where there is nothing, or only what the message itself says', () => {
  expect(packed({})).toBeNull();
  expect(packed({ provider_specific_fields: { openai: { phase: 'commentary' } } })).toBeNull();
});
