import { defineStrategy, type StrategyPlugin } from '@inferbridge/core';

/** The choices in the order in which the tier lists them; the next one when the one before has failed. */
export const priority: StrategyPlugin = defineStrategy({
  name: 'priority',
  create: () => (choices) => ({ inOrder: choices.map(({ plan }) => plan) }),
});

export default priority;
