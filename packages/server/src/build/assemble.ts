import type { Host, Registry } from '@inferbridge/core';
import { ConfigError } from '../config/config-error.ts';
import type { Loaded } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { loadPlugins } from '../plugins.ts';
import { buildLayers } from './layers.ts';
import { chooseStages } from './pipeline.ts';
import { buildProviders, operatorKeys } from './providers.ts';
import { buildAliases, buildTiers, createStrategies, silencedSettings } from './tiers.ts';

/** A configuration made into the parts of a gateway; nothing is opened, nothing is written. */
export type Assembly = Awaited<ReturnType<typeof assemble>>;

/** Imports the plugins, builds and checks everything that needs no store; throws a `ConfigError`. */
export async function assemble({ config, base }: Pick<Loaded, 'config' | 'base'>, host: Host) {
  const registry: Registry = await loadPlugins(config.plugins, base);
  const providers = buildProviders(config, registry, host);
  const strategies = createStrategies(registry);
  const tiers = buildTiers(config, providers, strategies);
  const operator = operatorKeys(config, providers);
  refuseUnsafe(config, Object.keys(operator));
  if (config.database !== 'sqlite')
    throw new ConfigError([
      'database: PostgreSQL is not supported by this version; use sqlite, so that nothing is kept in a place that you did not name',
    ]);
  return {
    registry,
    providers,
    tiers,
    aliases: buildAliases(config, tiers, providers),
    strategyOf: strategies.of,
    stages: chooseStages(config, registry, host),
    operator,
    ...buildLayers(config, providers, host),
    notes: silencedSettings(config),
  };
}

/** Open sign-up would hand the operator's keys to strangers. */
function refuseUnsafe({ signup, host }: Config, shared: readonly string[]): void {
  if (signup !== 'open' || shared.length === 0 || isLoopback(host)) return;
  throw new ConfigError([
    `signup: open, while host ${host} is reachable from elsewhere and ${shared.join(', ')} has your own apiKey: strangers could spend your money; set signup: closed, or remove the apiKey`,
  ]);
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
