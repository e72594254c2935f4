import {
  type Gateway,
  type Host,
  type Middleware,
  type MiddlewarePlugin,
  pipeline,
  type Registry,
} from '@inferbridge/core';
import {
  type AuthOptions,
  auth,
  type CacheOptions,
  cache,
  type Limits,
  type LimitsOptions,
  type LoggerOptions,
  limits,
  logger,
  type Resolve,
  router,
} from '@inferbridge/plugins';
import { ConfigError } from '../config/config-error.ts';
import type { Config } from '../config/schema.ts';
import { clean } from '../routing/limits.ts';

export interface Stages {
  readonly authenticate: AuthOptions['authenticate'];
  readonly sink: LoggerOptions['sink'];
  readonly resolve: Resolve;
  /** Absent: nothing is cached. */
  readonly cache?: CacheOptions;
  /** Absent: nothing is limited. */
  readonly limits?: LimitsOptions;
}

/*
 * The default pipeline, outermost first.
 *
 *   logger   acts last, so it stands first: it sees what all the others did, and how long it took
 *   auth     nobody unknown costs anything below here
 *   limits   before the cache, since a hit counts towards requests as well
 *   cache    before the router, since what it answers needs no provider
 *   router   plans and runs the plan; the providers are called from there
 */
const DEFAULT = ['logger', 'auth', 'limits', 'cache', 'router'];

/** A stage that is made when the stores are open, or a plugin's that is there already. */
export interface Stage {
  readonly name: string;
  readonly made: Middleware | null;
}

/** The stages as configured, checked, plugins made; throws a `ConfigError` that names the stage at fault. */
export function chooseStages(config: Config, registry: Registry, host: Host): readonly Stage[] {
  const named = (config.stages ?? DEFAULT).map((stage) =>
    typeof stage === 'string' ? ([stage, undefined] as const) : stage,
  );
  if (named.at(-1)?.[0] !== 'router')
    throw new ConfigError(['stages: the last one must be "router"; nothing else answers']);
  const seen = new Set<string>();
  return named.slice(0, -1).flatMap(([name, options], index): Stage[] => {
    const fault = (why: string) => new ConfigError([`stages[${index}]: ${why}`]);
    if (seen.has(name)) throw fault(`"${name}" stands there twice`);
    seen.add(name);
    if (name === 'router') throw fault('"router" must be the last one');
    if (OURS.includes(name)) {
      if (options !== undefined) throw fault(`"${name}" takes no options`);
      return [{ name, made: null }];
    }
    try {
      return [{ name, made: plugin(registry, name).init(options, host) }];
    } catch (error) {
      throw fault(error instanceof Error ? error.message : String(error));
    }
  });
}

/** Stages that need the stores. */
const OURS: readonly string[] = ['logger', 'auth', 'limits', 'cache'];

/** Closes the chosen stages with the router. */
export function buildPipeline(
  stages: readonly Stage[],
  host: Host,
  { authenticate, sink, resolve, cache: cached, limits: limited }: Stages,
): Gateway {
  const own = new Map<string, Middleware>([
    ['logger', logger({ sink, clock: host.clock })],
    ['auth', auth({ authenticate })],
    ...(limited ? [['limits', limits(limited)] as const] : []),
    ...(cached ? [['cache', cache(cached)] as const] : []),
  ]);
  return stages
    .reduce((open, { name, made }) => {
      const stage = made ?? own.get(name);
      return stage ? open.use(name, stage) : open;
    }, pipeline())
    .to(router(resolve, { host }));
}

const plugin = (registry: Registry, name: string): MiddlewarePlugin =>
  registry.get('middleware', name) as MiddlewarePlugin; // the kind asked for is the kind given

/** Those for all users. */
export const limitsOf = ({ limits: { rpm, tpm, usdPerDay, usdPerMonth } }: Pick<Config, 'limits'>): Limits =>
  clean({ rpm, tpm, usdPerDay, usdPerMonth }) as Limits; // absent rather than undefined
