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
  type LoggerOptions,
  logger,
  type Resolve,
  router,
} from '@inferbridge/plugins';
import { ConfigError } from '../config/config-error.ts';
import type { Config } from '../config/schema.ts';

export interface Stages {
  readonly authenticate: AuthOptions['authenticate'];
  readonly sink: LoggerOptions['sink'];
  readonly resolve: Resolve;
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

/** Stages that the configuration may name before they are there; they let every call through. */
const LATER: readonly string[] = ['limits', 'cache'];

/** The pipeline as configured; throws a `ConfigError` that names the stage at fault. */
export function buildPipeline(
  config: Config,
  registry: Registry,
  host: Host,
  { authenticate, sink, resolve }: Stages,
): Gateway {
  const named = (config.stages ?? DEFAULT).map((stage) =>
    typeof stage === 'string' ? ([stage, undefined] as const) : stage,
  );
  if (named.at(-1)?.[0] !== 'router')
    throw new ConfigError(['stages: the last one must be "router"; nothing else answers']);
  const builtIn: Readonly<Record<string, () => Middleware>> = {
    logger: () => logger({ sink, clock: host.clock }),
    auth: () => auth({ authenticate }),
  };
  const open = named.slice(0, -1).reduce((stages, [name, options], index) => {
    if (LATER.includes(name) && !registry.has('middleware', name)) return stages;
    try {
      const make = builtIn[name];
      return stages.use(name, make ? make() : plugin(registry, name).init(options, host));
    } catch (error) {
      throw new ConfigError([`stages[${index}]: ${error instanceof Error ? error.message : String(error)}`]);
    }
  }, pipeline());
  return open.to(router(resolve, { host }));
}

const plugin = (registry: Registry, name: string): MiddlewarePlugin =>
  registry.get('middleware', name) as MiddlewarePlugin; // the kind asked for is the kind given
