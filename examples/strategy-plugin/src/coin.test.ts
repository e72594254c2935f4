import { choicesOf, contextOf, idsOf, strategyContract } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import coin from './coin.ts';

describe('coin', () => {
  for (const { name, run } of strategyContract(coin)) it(name, run);

  it.each([
    [0.2, ['a:m', 'b:m']],
    [0.8, ['b:m', 'a:m']],
  ])('at %d plans %j', (chance, expected) => {
    const choices = choicesOf({ 'a:m': {}, 'b:m': {} });
    expect(idsOf(coin([]).strategy(choices, contextOf({ random: () => chance })))).toEqual(expected);
  });
});
