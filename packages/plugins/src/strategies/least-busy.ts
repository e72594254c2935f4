import { because, defineStrategy, type StrategyPlugin } from '@inferbridge/core';
import { factsOf, shuffled, sortedBy } from './order.ts';

/**
 * Whoever has the fewest requests in flight first; among equals chance decides, or requests that come together would
 * all go to one. Who is blocked now comes last.
 */
export const leastBusy: StrategyPlugin = defineStrategy({
  name: 'least-busy',
  create:
    () =>
    (choices, { random }) => ({
      inOrder: sortedBy(shuffled(choices, random), (choice) => {
        const facts = factsOf(choice);
        return !facts || facts.blocked ? null : (facts.inFlight ?? 0);
      }).map((choice) => because(choice.plan, `${factsOf(choice)?.inFlight ?? 0} in flight`)),
    }),
});

export default leastBusy;
