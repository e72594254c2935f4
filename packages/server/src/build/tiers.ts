import type { Registry, Strategy, StrategyPlugin } from '@inferbridge/core';
import { isModeName, modeName } from '../compat/names.ts';
import { defaultTiers } from '../compat/tiers.ts';
import { ConfigError, nearest } from '../config/config-error.ts';
import type { Config, StrategyConfig, TargetConfig, TierConfig } from '../config/schema.ts';
import { splitTarget } from '../routing/search.ts';
import type { Providers } from '../routing/targets.ts';

/** What tiers are made with. */
export interface Strategies {
  /** The strategy of an entry, made once for each: what it remembers (a cap on copies) is that tier's alone. */
  of(entry: { readonly strategy: StrategyConfig }): Strategy;
  /** Throws where there is none of that name, or its options do not fit a tier of so many targets. */
  check(config: StrategyConfig, targets: number, tags: readonly string[]): void;
}

/**
 * The tiers as configured over the built-in ones, each target's provider checked, tiers named as targets put in their
 * place; throws a `ConfigError`.
 */
export function buildTiers(
  config: Config,
  providers: Providers,
  strategies: Strategies,
): ReadonlyMap<string, TierConfig> {
  const tiers = new Map<string, TierConfig>([
    ...Object.entries(defaultTiers.tiers),
    ...Object.entries(config.tiers),
  ]);
  const faults: string[] = [];
  const check = (place: string, strategy: StrategyConfig, targets: readonly TargetConfig[]) => {
    try {
      strategies.check(strategy, targets.length, Object.keys(config.tags));
    } catch (error) {
      faults.push(`${place}.strategy: ${error instanceof Error ? error.message : String(error)}`);
    }
    for (const [index, target] of targets.entries()) {
      const at = `${place}.targets[${index}]`;
      if (typeof target !== 'string') check(at, target.strategy, target.targets);
      else if (!tiers.has(target)) faults.push(...faultOf(at, target, providers));
    }
  };
  for (const [name, tier] of Object.entries(config.tiers)) {
    if (modeName(name) !== name)
      faults.push(`tiers.${name}: callers' "${name}" is read as "${modeName(name)}"; name it so`);
    check(`tiers.${name}`, tier.strategy, tier.targets);
    const cycle = cycleFrom(name, tiers, []);
    if (cycle)
      faults.push(`tiers.${name}.targets: ${cycle.join(' → ')} goes round in a circle; take one of them out`);
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return new Map(
    [...tiers].map(([name, tier]) => [name, { ...tier, targets: tier.targets.map(inPlace(tiers)) }]),
  );
}

/** A tier's name as the tier that it stands for. */
const inPlace =
  (tiers: ReadonlyMap<string, TierConfig>) =>
  (target: TargetConfig): TargetConfig => {
    if (typeof target !== 'string') return { ...target, targets: target.targets.map(inPlace(tiers)) };
    const tier = tiers.get(target);
    if (!tier) return target;
    return { strategy: tier.strategy, targets: tier.targets.map(inPlace(tiers)), named: target };
  };

/** The way from a tier back to itself, `null` where there is none. */
function cycleFrom(
  name: string,
  tiers: ReadonlyMap<string, TierConfig>,
  way: readonly string[],
): readonly string[] | null {
  if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
  const names = (targets: readonly TargetConfig[]): readonly string[] =>
    targets.flatMap((target) => (typeof target === 'string' ? target : names(target.targets)));
  for (const next of names(tiers.get(name)?.targets ?? [])) {
    const found = tiers.has(next) ? cycleFrom(next, tiers, [...way, name]) : null;
    if (found) return found;
  }
  return null;
}

function faultOf(at: string, target: string, providers: Providers): string[] {
  const { provider, model } = splitTarget(target);
  if (provider === '' || model === '')
    return [`${at}: provider:model or the name of a tier is wanted, got "${target}"`];
  if (providers.get(provider)) return [];
  const close = nearest(provider, providers.names());
  return [
    `${at}: no provider named "${provider}"${close ? `; did you mean "${close}"?` : ''}; known: ${providers.names().join(', ')}`,
  ];
}

/** Strategies by name. */
export function createStrategies(registry: Registry): Strategies {
  const made = new WeakMap<object, Strategy>();
  const parts = (config: StrategyConfig) => {
    const [name, options] = typeof config === 'string' ? [config, undefined] : config;
    const plugin = registry.get('strategy', name) as StrategyPlugin; // the kind asked for is the kind given
    return { plugin, options };
  };
  return {
    of(entry) {
      const found = made.get(entry);
      if (found) return found;
      const { plugin, options } = parts(entry.strategy);
      const { strategy } = plugin([], options);
      made.set(entry, strategy);
      return strategy;
    },
    check(config, targets, tags) {
      const { plugin, options } = parts(config);
      plugin.check(options, targets, tags);
    },
  };
}

/** An alias may point to a tier, a `provider:model` or a model name, but not to another alias, or to nothing. */
export function buildAliases(
  config: Config,
  tiers: ReadonlyMap<string, TierConfig>,
  providers: Providers,
): ReadonlyMap<string, string> {
  const faults = Object.entries(config.aliases).flatMap(([name, to]) => {
    const at = `aliases.${name}`;
    if (Object.hasOwn(config.aliases, to))
      return [`${at}: "${to}" is an alias itself; point to what it stands for: "${config.aliases[to]}"`];
    if (isModeName(modeName(to)) && !tiers.has(modeName(to)))
      return [`${at}: there is no tier "${to}"; known: ${[...tiers.keys()].join(', ')}`];
    const { provider } = splitTarget(to);
    // a model's own name may have a colon behind a slash
    if (provider === '' || provider.includes('/') || tiers.has(to)) return [];
    return faultOf(at, to, providers);
  });
  if (faults.length > 0) throw new ConfigError(faults);
  return new Map(Object.entries(config.aliases));
}

/** What a tier says for itself that has no say where another tier names it: told at the start. */
export function silencedSettings({ tiers }: Config): readonly string[] {
  const named = (targets: readonly TargetConfig[]): readonly string[] =>
    targets.flatMap((target) => (typeof target === 'string' ? target : named(target.targets)));
  return Object.entries(tiers).flatMap(([outer, { targets }]) =>
    [...new Set(named(targets))].flatMap((inner) => {
      const { strategy: _, targets: __, ...own } = tiers[inner] ?? { strategy: '', targets: [] };
      const silent = Object.keys(own);
      if (silent.length === 0) return [];
      return [
        `tiers.${outer}: names ${inner}, whose own ${silent.join(', ')} have no say there; what ${outer} says holds`,
      ];
    }),
  );
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
