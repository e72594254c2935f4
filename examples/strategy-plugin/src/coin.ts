import { because, defineStrategy } from '@inferbridge/core';

/** Heads: in the tier's order. Tails: the other way round. */
export default defineStrategy({
  name: 'coin',
  create:
    () =>
    (choices, { random }) => {
      const side = random() < 0.5 ? 'heads' : 'tails';
      const order = side === 'heads' ? choices : choices.toReversed();
      return { inOrder: order.map(({ plan }) => because(plan, side)) };
    },
});
