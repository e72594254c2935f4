import type { Clock, Layer } from '@inferbridge/core';
import { type BreakerOptions, breaker } from './breaker.ts';
import { type BulkheadOptions, bulkhead } from './bulkhead.ts';
import { type CooldownOptions, cooldown } from './cooldown.ts';
import { type TimersOptions, timers } from './timers.ts';

export interface ResilienceOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly cooldown?: Omit<CooldownOptions, 'clock'>;
  readonly breaker?: Omit<BreakerOptions, 'clock' | 'random'>;
  readonly bulkhead?: BulkheadOptions;
  readonly timers?: Omit<TimersOptions, 'clock'>;
}

/** The four layers around every target, outermost first: who may be called at all, then how long it may take. */
export function resilience({ clock, random, ...options }: ResilienceOptions): readonly Layer[] {
  return [
    cooldown({ clock, ...options.cooldown }),
    breaker({ clock, random, ...options.breaker }),
    bulkhead(options.bulkhead),
    timers({ clock, ...options.timers }),
  ];
}
