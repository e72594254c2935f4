import type { Host, Provider, ProviderPlugin, Registry } from '@inferbridge/core';
import { ConfigError, nearest } from '../config/config-error.ts';
import type { Config, ProviderConfig } from '../config/schema.ts';
import type { Providers } from '../routing/targets.ts';

/** Every provider that can be named: the built-in ones, plugins', and what the configuration registers. */
export function buildProviders(config: Config, registry: Registry, host: Host): Providers {
  const made = new Map<string, Provider>();
  const names = registry.names('provider');
  const faults: string[] = Object.entries(config.providers).flatMap(([name, { apiKey, apiKeys = [] }]) => {
    const all = [...(apiKey ? [apiKey] : []), ...apiKeys];
    return new Set(all).size < all.length ? [`providers.${name}.apiKeys: a key stands there twice`] : [];
  });
  for (const name of new Set([
    ...names.filter((name) => !plugin(registry, name).template),
    ...Object.keys(config.providers),
  ])) {
    const given = config.providers[name] ?? {};
    const use = given.use ?? name;
    if (!registry.has('provider', use)) {
      const close = nearest(use, names);
      faults.push(
        `providers.${name}: no provider named "${use}"${close ? `; did you mean "${close}"?` : ''}; known: ${names.join(', ')}`,
      );
      continue;
    }
    try {
      made.set(name, { ...plugin(registry, use).init(optionsOf(given), host), name });
    } catch (error) {
      faults.push(`providers.${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return {
    get: (name) => made.get(name),
    names: () => [...made.keys()],
    residencyOf: (name) => config.providers[name]?.residency ?? made.get(name)?.residency ?? 'global',
  };
}

const plugin = (registry: Registry, name: string): ProviderPlugin =>
  registry.get('provider', name) as ProviderPlugin; // the kind asked for is the kind given

/** What is left for the plugin when our own keys are taken away; nothing where that is nothing. */
function optionsOf({
  use: _,
  apiKey: __,
  apiKeys: ___,
  residency: ____,
  prices: _____,
  healthCheckSeconds: ______,
  ...options
}: ProviderConfig): unknown {
  return Object.keys(options).length > 0 ? options : undefined;
}

/** The operator's own keys, by provider; a server that needs none is open to all users with an empty one. */
export const operatorKeys = (
  config: Config,
  providers: Providers,
): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    Object.entries(config.providers).flatMap(([name, { apiKey, apiKeys = [] }]) => {
      const keys = [...(apiKey ? [apiKey] : []), ...apiKeys];
      if (keys.length === 0 && providers.get(name)?.keyless) return [[name, ['']]];
      return keys.length > 0 ? [[name, keys]] : [];
    }),
  );

/** Providers that are reached at an address of the user's own. */
export const selfHostedNames = (config: Config, providers: Providers): ReadonlySet<string> =>
  new Set(providers.names().filter((name) => (config.providers[name]?.use ?? name) === SELF_HOSTED));

const SELF_HOSTED = 'self_hosted';
