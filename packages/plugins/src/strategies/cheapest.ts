import { because, defineStrategy, type StrategyPlugin } from '@inferbridge/core';
import { costOf, sortedBy } from './order.ts';

/**
 * The cheapest first, by price and the tokens that the request is expected to take: characters / 4 of the prompt, and
 * for the answer what it allows, at most 500. Who has no known price comes last.
 */
export const cheapest: StrategyPlugin = defineStrategy({
  name: 'cheapest',
  create: () => (choices, context) => ({
    inOrder: sortedBy(choices, (choice) => costOf(choice, context)).map((choice) => {
      const cost = costOf(choice, context);
      return because(choice.plan, cost === null ? 'no known price' : `about $${cost.toFixed(6)}`);
    }),
  }),
});

export default cheapest;
