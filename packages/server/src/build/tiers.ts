import type { Registry, Strategy, StrategyPlugin } from '@inferbridge/core';
import { defaultTiers } from '../compat/tiers.ts';
import { ConfigError, nearest } from '../config/config-error.ts';
import { PLANNED } from '../config/later.ts';
import type { Config, StrategyConfig, TargetConfig, TierConfig } from '../config/schema.ts';
import { splitTarget } from '../routing/search.ts';
import type { Providers } from '../routing/targets.ts';

/** The tiers as configured over the built-in ones, each target's provider checked; throws a `ConfigError`. */
export function buildTiers(
  config: Config,
  providers: Providers,
  strategyOf: (config: StrategyConfig) => Strategy,
): ReadonlyMap<string, TierConfig> {
  const tiers = new Map<string, TierConfig>([
    ...Object.entries(defaultTiers.tiers),
    ...Object.entries(config.tiers),
  ]);
  const faults: string[] = [];
  const check = (place: string, strategy: StrategyConfig, targets: readonly TargetConfig[]) => {
    try {
      strategyOf(strategy);
    } catch (error) {
      faults.push(`${place}.strategy: ${error instanceof Error ? error.message : String(error)}`);
    }
    for (const [index, target] of targets.entries()) {
      const at = `${place}.targets[${index}]`;
      if (typeof target !== 'string') check(at, target.strategy, target.targets);
      else faults.push(...faultOf(at, target, providers, tiers));
    }
  };
  for (const [name, tier] of Object.entries(config.tiers))
    check(`tiers.${name}`, tier.strategy, tier.targets);
  if (faults.length > 0) throw new ConfigError(faults);
  return tiers;
}

function faultOf(
  at: string,
  target: string,
  providers: Providers,
  tiers: ReadonlyMap<string, TierConfig>,
): string[] {
  if (tiers.has(target))
    return [`${at}: a tier inside a tier is written as {strategy, targets}, not by the name "${target}"`];
  const { provider, model } = splitTarget(target);
  if (provider === '' || model === '') return [`${at}: provider:model is wanted, got "${target}"`];
  if (providers.get(provider)) return [];
  const close = nearest(provider, providers.names());
  return [
    `${at}: no provider named "${provider}"${close ? `; did you mean "${close}"?` : ''}; known: ${providers.names().join(', ')}`,
  ];
}

/** Strategies by name, each made once per configuration entry. */
export function strategies(registry: Registry): (config: StrategyConfig) => Strategy {
  const made = new Map<StrategyConfig, Strategy>();
  return (config) => {
    const found = made.get(config);
    if (found) return found;
    const [name, options] = typeof config === 'string' ? [config, undefined] : config;
    const later = !registry.has('strategy', name) && PLANNED.includes(name);
    const strategy = plugin(registry, later ? 'priority' : name)([], later ? undefined : options).strategy;
    made.set(config, strategy);
    return strategy;
  };
}

const plugin = (registry: Registry, name: string): StrategyPlugin =>
  registry.get('strategy', name) as StrategyPlugin; // the kind asked for is the kind given

/** An alias may point to a tier, a `provider:model` or a model name, but not to another alias. */
export function buildAliases(config: Config): ReadonlyMap<string, string> {
  const faults = Object.entries(config.aliases).flatMap(([name, to]) =>
    !Object.hasOwn(config.aliases, to)
      ? []
      : [`aliases.${name}: "${to}" is an alias itself; point to what it stands for: "${config.aliases[to]}"`],
  );
  if (faults.length > 0) throw new ConfigError(faults);
  return new Map(Object.entries(config.aliases));
}

/** Models that the tiers name, by provider. */
export function namedModels(
  tiers: ReadonlyMap<string, TierConfig>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const named = new Map<string, Set<string>>();
  const add = (target: TargetConfig): void => {
    if (typeof target !== 'string') {
      target.targets.forEach(add);
      return;
    }
    const { provider, model } = splitTarget(target);
    named.set(provider, (named.get(provider) ?? new Set()).add(model));
  };
  for (const { targets } of tiers.values()) targets.forEach(add);
  return named;
}

/** The providers that each tier may use. */
export const tierProviders = (
  tiers: ReadonlyMap<string, TierConfig>,
): ReadonlyMap<string, ReadonlySet<string>> =>
  new Map([...tiers].map(([name, tier]) => [name, new Set(namedModels(new Map([[name, tier]])).keys())]));
