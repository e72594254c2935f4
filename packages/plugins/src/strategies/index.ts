import type { StrategyPlugin } from '@inferbridge/core';
import { ab } from './ab.ts';
import { cheapest } from './cheapest.ts';
import { conditional } from './conditional.ts';
import { hedge } from './hedge.ts';
import { latency } from './latency.ts';
import { leastBusy } from './least-busy.ts';
import { priority } from './priority.ts';
import { race } from './race.ts';
import { weighted } from './weighted.ts';

export { ab, cheapest, conditional, hedge, latency, leastBusy, priority, race, weighted };

/** Every strategy of this package. */
export const strategies: readonly StrategyPlugin[] = [
  priority,
  race,
  hedge,
  weighted,
  ab,
  latency,
  cheapest,
  leastBusy,
  conditional,
];
