import {
  createHost,
  createRetryBudget,
  type Gateway,
  type Host,
  seededRandom,
  type VirtualClock,
  virtualClock,
} from '@inferbridge/core';
import type { CallRecord, Resolve } from '@inferbridge/plugins';
import { assemble } from '../build/assemble.ts';
import { buildPipeline } from '../build/pipeline.ts';
import { namedModels } from '../build/tiers.ts';
import { isModeName, modeName } from '../compat/names.ts';
import { ConfigError } from '../config/config-error.ts';
import type { Loaded } from '../config/load.ts';
import { createPrices } from '../pricing/prices.ts';
import { createCatalogue } from '../routing/catalogue.ts';
import { operatorCredentials, type UsableKey } from '../routing/credentials.ts';
import { createResolve } from '../routing/resolve.ts';
import { createTargets, type Providers } from '../routing/targets.ts';
import { type Decide, reach, simulated } from './upstreams.ts';

export interface WorldOptions {
  readonly loaded: Pick<Loaded, 'config' | 'base'>;
  readonly decide: Decide;
  readonly seed: number;
  /** Providers that have a key; default all that the tiers name. */
  readonly keys?: readonly string[] | undefined;
  /** Pass over keys of providers that there are not; default: they are a mistake. */
  readonly strangers?: boolean;
  /** What `wall()` says at the start. */
  readonly wallMs?: number;
}

/** The user's own configuration over simulated providers, on a clock of its own: the real engine, nothing real behind. */
export interface World {
  readonly clock: VirtualClock;
  readonly host: Host;
  readonly random: () => number;
  readonly gateway: Gateway;
  readonly resolve: Resolve;
  /** What the log would have of each call, by its id. */
  readonly records: ReadonlyMap<string, CallRecord>;
  readonly tierNames: readonly string[];
  readonly providerNames: readonly string[];
  /** Those that the tiers name, by provider. */
  readonly models: ReadonlyMap<string, ReadonlySet<string>>;
}

export async function createWorld(options: WorldOptions): Promise<World> {
  const { loaded, decide, seed } = options;
  const records = new Map<string, CallRecord>();
  const clock = virtualClock(options.wallMs);
  const host = createHost({
    clock,
    random: seededRandom(seed),
    transport: reach,
  });
  const assembly = await assemble(loaded, host);
  const { config } = loaded;
  const { tiers } = assembly;
  const providers = behaving(assembly.providers, decide);
  const named = namedModels(tiers);
  const wanted = options.keys ?? [...named.keys()];
  const held = options.strangers ? wanted.filter((name) => providers.get(name)) : wanted;
  const keys = keysFor(held, assembly.operator, providers);
  const prices = createPrices(
    Object.fromEntries(Object.entries(config.providers).map(([name, { prices: own }]) => [name, own])),
  );
  await prices.load();
  const targets = createTargets({ providers, prices, host, layers: assembly.layers });
  const resolve = createResolve({
    tiers,
    aliases: assembly.aliases,
    modeName,
    isModeName,
    strategy: assembly.strategyOf,
    providers,
    credentials: { of: async () => keys, forget() {} },
    targets,
    catalogue: createCatalogue({ providers, prices, host, named, clock }),
    prepare: async () => {},
    retryBudget: createRetryBudget({ clock }),
  });
  const gateway = buildPipeline(assembly.stages, host, {
    authenticate: async () => null,
    resolve,
    sink: (record) => void records.set(record.id, record),
  });
  return {
    clock,
    host,
    random: host.random,
    gateway,
    resolve,
    records,
    tierNames: [...tiers.keys()],
    providerNames: providers.names(),
    models: named,
  };
}

function behaving(real: Providers, decide: Decide): Providers {
  const made = new Map(
    real.names().flatMap((name) => {
      const provider = real.get(name);
      return provider ? [[name, simulated(provider, decide)] as const] : [];
    }),
  );
  return { get: (name) => made.get(name), names: real.names, residencyOf: real.residencyOf };
}

function keysFor(
  names: readonly string[],
  operator: Readonly<Record<string, readonly string[]>>,
  providers: Providers,
): readonly UsableKey[] {
  const unknown = names.filter((name) => !providers.get(name));
  if (unknown.length > 0)
    throw new ConfigError([
      `keys: no provider named ${unknown.map((name) => `"${name}"`).join(', ')}; known: ${providers.names().join(', ')}`,
    ]);
  return names.flatMap((provider) =>
    operatorCredentials(operator[provider]?.map(() => 'simulated') ?? ['simulated']).map(
      (credential): UsableKey => ({ provider, credential, residency: null, label: null, shared: true }),
    ),
  );
}
