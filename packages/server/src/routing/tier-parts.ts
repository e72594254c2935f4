import type { CallState, Strategy, Target, Tier, TierTarget } from '@inferbridge/core';
import type { TierConfig } from '../config/schema.ts';
import type { UsableKey } from './credentials.ts';
import { clean } from './limits.ts';

export const strategyName = (config: TierConfig['strategy']): string =>
  typeof config === 'string' ? config : config[0];

/** One of several keys, and no other after it. */
export const one: Strategy = (choices, { random }) =>
  choices[Math.floor(random() * choices.length)]?.plan ?? { inOrder: [] };

/** Is there nobody in it, however deep? */
export const isEmpty = ({ targets }: Tier): boolean =>
  targets.every((target) => !('handle' in target) && isEmpty(target));

/** What the engine is told of a tier's rules; the rest is told to the target. */
export function rulesOf({ refusal: _, ...rules }: NonNullable<TierConfig['fallbackOn']>) {
  return clean(rules);
}

/** The first of a client's own chain. */
export const firstOf = (models: unknown): string | null =>
  Array.isArray(models) && typeof models[0] === 'string' ? models[0] : null;

/**
 * In a fire drill what happens to a key is remembered apart, for this user's drills alone: nobody else who has the same
 * key waits for its cool-down. Outside of one, the keys as they are.
 */
export function drilled(keys: readonly UsableKey[], { faults, user }: CallState): readonly UsableKey[] {
  if (!faults) return keys;
  const mark = `drilled by ${user?.id ?? ''}`;
  return keys.map((key) => ({
    ...key,
    credential: { ...key.credential, id: `${key.credential.id} ${mark}` },
  }));
}

/** Several keys for the same: each gets its turn, the others follow when it has failed. */
export function inRotation(found: readonly Target[], rotation: Strategy): TierTarget {
  const [only] = found;
  if (only && found.length === 1) return only;
  return { by: 'rotation', each: 'key', strategy: rotation, targets: found };
}

/** The same, provider by provider. */
export const rotating = (found: readonly Target[], rotation: Strategy): readonly TierTarget[] =>
  [...Map.groupBy(found, ({ provider }) => provider).values()].map((own) => inRotation(own, rotation));
