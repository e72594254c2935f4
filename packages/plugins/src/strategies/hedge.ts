import { because, defineStrategy, type Plan, type StrategyPlugin } from '@inferbridge/core';
import { z } from 'zod';
import { createAllowance } from './allowance.ts';
import { factsOf, readyFirst } from './order.ts';

const options = z.strictObject({
  /** When the copy starts; default: the 95th percentile that the first one has shown, at least a second. */
  afterMs: z.number().positive().optional(),
  /** Copies besides the first one. Default 1. */
  copies: z.int().min(1).max(5).default(1),
  cap: z
    .strictObject({
      /** Of this tier's requests in a minute, at most this share is copied. Default 0.1. */
      share: z.number().min(0).max(1).default(0.1),
      /** So many copies a minute are always allowed. Default 10. */
      floor: z.int().min(0).default(10),
      /** US dollars that copies may be expected to cost in an hour. Default: no limit. */
      usdPerHour: z.number().positive().optional(),
    })
    .prefault({}),
});

/** While nothing is known of the first one. */
const UNKNOWN_MS = 5_000;
const LEAST_MS = 1_000;

/**
 * The first one, and a copy to the next when it takes unusually long, or at once when it fails; the first to commit
 * wins. Whether a copy is still within the cap is asked when it would start. The rest of the tier follows when all of
 * those have failed.
 */
export const hedge: StrategyPlugin = defineStrategy<z.infer<typeof options>>({
  name: 'hedge',
  options,
  fits: ({ copies }, targets) =>
    copies >= targets
      ? `copies: ${copies} need as many targets besides the first, but there are ${targets}`
      : null,
  create: ({ afterMs, copies, cap }) => {
    const allowance = createAllowance(cap);
    return (choices, context) => {
      const ready = readyFirst(choices);
      const [first, ...others] = ready;
      if (!first || others.length === 0) return first?.plan ?? { inOrder: [] };
      const slow = factsOf(first)?.slowMs ?? null;
      const after = afterMs ?? Math.max(LEAST_MS, slow ?? UNKNOWN_MS);
      const when =
        afterMs === undefined && slow !== null ? `its p95, ${Math.round(after)} ms` : `${after} ms`;
      const staggered: Plan = {
        staggered: [
          first.plan,
          ...others.slice(0, copies).map(({ plan }) => because(plan, `copy after ${when}`)),
        ],
        afterMs: after,
        cap: allowance(context),
      };
      const rest = others.slice(copies).map(({ plan }) => plan);
      return rest.length > 0 ? { inOrder: [staggered, ...rest] } : staggered;
    };
  },
});

export default hedge;
