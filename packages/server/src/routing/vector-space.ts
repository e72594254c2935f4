import type { Tier, TierTarget } from '@inferbridge/core';
import type { Route } from '@inferbridge/plugins';
import type { TargetConfig, TierConfig } from '../config/schema.ts';
import { nothingLeft, type Search, splitKnown, splitTarget } from './search.ts';
import type { Providers } from './targets.ts';
import { isEmpty } from './tier-parts.ts';

/*
 * Vectors of two models cannot be compared: whoever stores them would search in nonsense. So embeddings fall back to
 * the same model at another provider, and to nothing else. The first name that is configured decides which model that
 * is, whether or not the caller has a key for it: a new key never changes what a tier means.
 */

/** The same model under whatever name a provider has for it: `openai/text-embedding-3-small` is `text-embedding-3-small`. */
const spaceOf = (model: string): string => model.slice(model.lastIndexOf('/') + 1).toLowerCase();

/** The model that a name stands for first. */
export function firstModel(
  name: string,
  { tiers, providers }: { tiers: ReadonlyMap<string, TierConfig>; providers: Providers },
): string {
  const tier = tiers.get(name);
  if (tier) return firstLeaf(tier.targets) ?? name;
  return splitKnown(name, providers)?.model ?? name;
}

function firstLeaf(targets: readonly TargetConfig[]): string | null {
  const [first] = targets;
  if (first === undefined) return null;
  return typeof first === 'string' ? splitTarget(first).model : firstLeaf(first.targets);
}

/** The route without the targets of other models; throws 422 where none is left. */
export function inOneSpace(route: Route, model: string, search: Search): Route {
  const space = spaceOf(model);
  const leftOut = [...(route.leftOut ?? [])];
  const keep = (target: TierTarget): TierTarget => {
    if (!('handle' in target)) return within(target);
    if (spaceOf(target.model) === space) return target;
    leftOut.push({
      provider: target.provider,
      model: target.model,
      why: `its vectors cannot be compared with those of ${model}`,
    });
    return { ...route.tier, targets: [] }; // its place stays
  };
  const within = (tier: Tier): Tier => ({ ...tier, targets: tier.targets.map(keep) });
  const tier = within(route.tier);
  if (isEmpty(tier)) throw nothingLeft(route.name, { ...search, leftOut });
  return { ...route, tier, leftOut };
}
