import type { Choice } from '@inferbridge/core';
import { z } from 'zod';

/** A share; any unit will do, since only the ratios count. */
export const weight = z.number().min(0).max(1_000_000);

/** Equal ones where none are given. */
export const weightOf = (weights: readonly number[] | undefined, { index }: Pick<Choice, 'index'>): number =>
  weights ? (weights[index] ?? 0) : 1;

/** What is wrong with weights for so many targets. */
export function misfit(weights: readonly number[] | undefined, targets: number): string | null {
  if (!weights) return null;
  if (weights.length !== targets)
    return `weights: one for each target is wanted: ${targets}, got ${weights.length}`;
  return weights.some((share) => share > 0) ? null : 'weights: at least one must be above 0';
}
