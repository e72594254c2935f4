import { because, defineStrategy, type StrategyPlugin } from '@inferbridge/core';
import { z } from 'zod';
import { readyFirst } from './order.ts';

const options = z.strictObject({
  /** How many start together, in the tier's order; the others follow when all of those have failed. Default: all. */
  width: z.int().min(2).optional(),
});

/** All at once; the first to commit wins, the others are aborted. Everybody who was asked is paid. */
export const race: StrategyPlugin = defineStrategy({
  name: 'race',
  options,
  fits: ({ width }, targets) =>
    width !== undefined && width > targets ? `width: ${width}, but the tier has ${targets} targets` : null,
  create:
    ({ width }) =>
    (choices) => {
      const ready = readyFirst(choices).map(({ plan }) => plan);
      const first = ready.slice(0, width).map((plan) => because(plan, 'races'));
      const rest = ready.slice(first.length);
      const together = { together: first };
      return rest.length > 0 ? { inOrder: [together, ...rest] } : together;
    },
});

export default race;
