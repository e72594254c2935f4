import type { Clock, Layer } from '@inferbridge/core';
import { type BreakerLimits, breaker } from './breaker.ts';
import { type BulkheadOptions, bulkhead } from './bulkhead.ts';
import { type CooldownOptions, cooldown } from './cooldown.ts';
import { learning } from './learning.ts';
import { type TimersOptions, timers } from './timers.ts';

export interface ResilienceOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly cooldown?: Omit<CooldownOptions, 'clock'>;
  readonly breaker?: BreakerLimits;
  readonly bulkhead?: BulkheadOptions;
  readonly timers?: Omit<TimersOptions, 'clock'>;
}

/** The layers around every target, outermost first: what is learned, who may be called at all, how long it may take. */
export function resilience({ clock, random, ...options }: ResilienceOptions): readonly Layer[] {
  return [
    learning({ clock }),
    cooldown({ clock, ...options.cooldown }),
    breaker({ clock, random, ...options.breaker }),
    bulkhead(options.bulkhead),
    timers({ clock, ...options.timers }),
  ];
}
