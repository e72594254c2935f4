import type { Host } from './host.ts';
import { type ModelTargetOptions, modelTarget } from './model-target.ts';
import type { Middleware } from './pipeline.ts';
import type { Strategy } from './plan.ts';
import type { Provider } from './provider.ts';
import type { Layer, Target } from './target.ts';

/**
 * What checks a plugin's options: any library that speaks Standard Schema (zod, valibot, arktype …).
 * Source: https://standardschema.dev, version 1 (read 2026-11-21).
 */
export interface Schema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Result<Output> | Promise<Result<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

type Result<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

/** A named, schema-checked constructor. `Made` is what it makes. */
export interface Plugin<Kind extends string = string, Made = unknown> {
  readonly plugin: Kind;
  readonly name: string;
  readonly template?: boolean;
  /** Checks options and makes the thing; throws a `TypeError` that names the option. */
  init(options: unknown, host: Host): Made;
}

export interface Definition<Options, Made> {
  /** One lower-case word. */
  readonly name: string;
  /** Serves only under names that the configuration gives it: what it needs is known there alone. Default false. */
  readonly template?: boolean;
  /** Without a schema the plugin takes no options. */
  readonly options?: Schema<Options>;
  readonly create: (options: Options, host: Host) => Made;
}

export type ProviderPlugin = Plugin<'provider', Omit<Provider, 'name'>>;
export type MiddlewarePlugin = Plugin<'middleware', Middleware>;
export type LayerPlugin = Plugin<'layer', Layer>;
/** What a store holds is its own affair; a cache wants `get`, `set` and `delete`, as a Map has them. */
export type StorePlugin = Plugin<'store', Store>;

export interface Store {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown, ttlMs?: number): Promise<unknown>;
  delete(key: string): Promise<unknown>;
}

/** A strategy plugin is also a function for those who compose in code: `race([a, b])`. */
export interface StrategyPlugin extends Plugin<'strategy', Strategy> {
  (targets: readonly TierTarget[], options?: unknown): Tier;
  /** Throws a `TypeError` where these options do not fit a tier of so many targets, or tags that there are not. */
  check(options: unknown, targets: number, tags?: readonly string[]): void;
}

export interface StrategyDefinition<Options> extends Definition<Options, Strategy> {
  /** What is wrong with the options for a tier of so many targets; `null` where they fit. `tags`: those there are, where that is known. */
  readonly fits?: (options: Options, targets: number, tags?: readonly string[]) => string | null;
}

/** A strategy over targets, which may be tiers themselves. */
export interface Tier {
  readonly name?: string;
  /** The strategy's name, for people to read. */
  readonly by?: string;
  /** What experiments in it are told apart by, wherever it is reached from; default its place in the outer tier. */
  readonly id?: string;
  /** What one of its targets is called; default `target`. */
  readonly each?: string;
  readonly strategy: Strategy;
  readonly targets: readonly TierTarget[];
}

export type TierTarget = Target | Tier;

function define<Kind extends string, Options, Made>(
  plugin: Kind,
  definition: Definition<Options, Made>,
): Plugin<Kind, Made> {
  const { name, options: schema, create } = definition;
  if (!/^[a-z][a-z0-9_-]*$/.test(name))
    throw new TypeError(`${plugin} name "${name}": one lower-case word is wanted`);
  return {
    plugin,
    name,
    ...(definition.template && { template: true }),
    init: (options, host) => create(parse(`${plugin} ${name}`, schema, options), host),
  };
}

function parse<Options>(owner: string, schema: Schema<Options> | undefined, options: unknown): Options {
  if (!schema) {
    const given = Object.keys(options ?? {});
    if (given.length > 0) throw new TypeError(`${owner} takes no options, but got: ${given.join(', ')}`);
    return undefined as Options; // without a schema, Options is never looked at
  }
  const result = schema['~standard'].validate(options ?? {});
  if (result instanceof Promise)
    throw new TypeError(`${owner}: a schema that checks asynchronously is not supported`);
  if (!result.issues) return result.value;
  const lines = result.issues.map(({ message, path = [] }) => {
    const place = path.map((step) => String(typeof step === 'object' ? step.key : step)).join('.');
    return place ? `${place}: ${message}` : message;
  });
  throw new TypeError(`${owner}: ${lines.join('; ')}`);
}

/** A vendor. The provider's name is the plugin's, unless the configuration registers it under another. */
export const defineProvider = <Options = undefined>(
  definition: Definition<Options, Omit<Provider, 'name'>>,
): ProviderPlugin => define('provider', definition);

export const defineMiddleware = <Options = undefined>(
  definition: Definition<Options, Middleware>,
): MiddlewarePlugin => define('middleware', definition);

export const defineLayer = <Options = undefined>(definition: Definition<Options, Layer>): LayerPlugin =>
  define('layer', definition);

export const defineStore = <Options = undefined>(definition: Definition<Options, Store>): StorePlugin =>
  define('store', definition);

/** A planner; its options are checked once, when a tier is made of it. */
export function defineStrategy<Options = undefined>(definition: StrategyDefinition<Options>): StrategyPlugin {
  const { plugin, name, init } = define('strategy', definition);
  const check: StrategyPlugin['check'] = (options, targets, tags) => {
    const parsed = parse(`strategy ${name}`, definition.options, options);
    const wrong = definition.fits?.(parsed, targets, tags);
    if (wrong) throw new TypeError(`strategy ${name}: ${wrong}`);
  };
  const tier = (targets: readonly TierTarget[], options?: unknown): Tier => {
    if (targets.length > 0) check(options, targets.length);
    return { by: name, strategy: init(options, OFFLINE), targets };
  };
  Object.defineProperty(tier, 'name', { value: name });
  return Object.assign(tier, { plugin, init, check }) as StrategyPlugin; // the function's own name is the plugin's
}

/** Strategies are pure: what they need of time and chance comes with each request. */
const OFFLINE: Host = {
  clock: { now: () => 0, wall: () => 0, setTimeout: () => null, clearTimeout() {} },
  random: () => 0,
  transport: () => Promise.reject(new TypeError('a strategy calls nobody')),
  log: { info() {}, warn() {}, error() {} },
};

/** A provider bound to its credential, for those who compose in code. */
export interface BoundProvider {
  readonly provider: Provider;
  /** One of its models as a target. */
  model(name: string, options?: Partial<Pick<ModelTargetOptions, 'price' | 'window' | 'residency'>>): Target;
}

/** Binds a provider plugin to a key: `bind(openai, { apiKey }, host).model('gpt-6-luna')`. */
export function bind(
  plugin: ProviderPlugin,
  options: { apiKey?: string } & Record<string, unknown>,
  host: Host,
): BoundProvider {
  const { apiKey = '', ...rest } = options;
  const made = plugin.init(Object.keys(rest).length > 0 ? rest : undefined, host);
  const provider: Provider = { ...made, name: plugin.name };
  const credential = { id: `${plugin.name}:in-code`, secret: apiKey };
  return {
    provider,
    model: (model, about = {}) => modelTarget({ provider, model, credential, host, ...about }),
  };
}
