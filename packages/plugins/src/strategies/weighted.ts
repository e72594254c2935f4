import { because, type Choice, defineStrategy, type StrategyPlugin } from '@inferbridge/core';
import { z } from 'zod';
import { isReady } from './order.ts';
import { misfit, weight, weightOf } from './weights.ts';

const options = z.strictObject({ weights: z.array(weight).min(1).optional() });

/**
 * Traffic in shares: one is drawn by weight, the others follow, drawn likewise, when it has failed. Who is blocked now
 * is drawn last. Weight 0 gets nothing, unless nobody else is left. Without weights all are alike: keys in rotation.
 */
export const weighted: StrategyPlugin = defineStrategy({
  name: 'weighted',
  options,
  fits: ({ weights }, targets) => misfit(weights, targets),
  create:
    ({ weights }) =>
    (choices, { random }) => {
      const wanted = choices.filter((choice) => weightOf(weights, choice) > 0);
      const able = wanted.length > 0 ? wanted : choices;
      const order = [
        ...drawn(able.filter(isReady), weights, random),
        ...drawn(
          able.filter((choice) => !isReady(choice)),
          weights,
          random,
        ),
      ];
      return {
        inOrder: order.map((choice, place) =>
          place === 0 && order.length > 1
            ? because(choice.plan, `drawn, weight ${weightOf(weights, choice)}`)
            : choice.plan,
        ),
      };
    },
});

/** All of them, each place drawn by weight among those that are left. */
function drawn(
  choices: readonly Choice[],
  weights: readonly number[] | undefined,
  random: () => number,
): readonly Choice[] {
  const left = [...choices];
  const order: Choice[] = [];
  while (left.length > 0) {
    const total = left.reduce((sum, choice) => sum + weightOf(weights, choice), 0);
    let at = random() * total;
    let index = left.findIndex((choice) => (at -= weightOf(weights, choice)) < 0);
    if (index < 0) index = left.length - 1;
    order.push(...left.splice(index, 1));
  }
  return order;
}

export default weighted;
