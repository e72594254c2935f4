import {
  type Call,
  GatewayError,
  type RetryBudget,
  type Strategy,
  type Target,
  type Tier,
  type TierTarget,
} from '@inferbridge/core';
import type { Resolve, Route } from '@inferbridge/plugins';
import type { TargetConfig, TierConfig } from '../config/schema.ts';
import type { Catalogue } from './catalogue.ts';
import type { Credentials, UsableKey } from './credentials.ts';
import { bounded, clean, combined } from './limits.ts';
import { invalid, NO_KEY, nothingLeft, routable, type Search, splitKnown, splitTarget } from './search.ts';
import type { Providers, Targets } from './targets.ts';
import { drilled, firstOf, inRotation, isEmpty, one, rotating, rulesOf, strategyName } from './tier-parts.ts';
import { firstModel, inOneSpace } from './vector-space.ts';

declare module '@inferbridge/core/call' {
  interface CallState {
    /** `provider:model` or `provider@label:model`, instead of what the body names. */
    override?: string;
    /** The only bucket to which data may go. */
    residency?: string;
    /** Upstream timeout of each attempt, as the client wants it. */
    attemptTimeoutMs?: number;
  }
}

export interface ResolveOptions {
  readonly tiers: ReadonlyMap<string, TierConfig>;
  readonly aliases: ReadonlyMap<string, string>;
  /** A tier's name as its caller may spell it. */
  readonly modeName: (model: string) => string;
  /** Does a name that is no tier claim to be one? */
  readonly isModeName: (model: string) => boolean;
  /** An entry's strategy, the same one each time. */
  readonly strategy: (entry: Pick<TierConfig, 'strategy'>) => Strategy;
  readonly providers: Providers;
  readonly credentials: Credentials;
  readonly targets: Targets;
  readonly catalogue: Catalogue;
  readonly retryBudget: RetryBudget;
  /** What must be there before the first request is routed. */
  readonly prepare: () => void | Promise<void>;
}

/** Finds where a request goes from the name that it asks for and the keys that its caller has. */
export function createResolve(options: ResolveOptions): Resolve {
  const { tiers, aliases, providers, credentials, targets, catalogue, retryBudget } = options;
  const priority = options.strategy({ strategy: 'priority' });
  const rotation = options.strategy({ strategy: 'weighted' });

  const fits = (target: Target, search: Search): boolean => {
    if (search.residency === null || target.residency === search.residency) return true;
    search.leftOut.push({
      provider: target.provider,
      model: target.model,
      why: `its residency is ${target.residency}`,
    });
    return false;
  };

  /** The targets for one `provider:model`: one for each key. */
  const named = (provider: string, model: string, search: Search): Target[] => {
    const keys = search.keys.filter((key) => key.provider === provider && routable(key));
    if (keys.length === 0)
      search.leftOut.push({ provider, model, why: `${NO_KEY} ${provider} is registered` });
    return keys.map((key) => targets.of(key, model)).filter((target) => fits(target, search));
  };

  const tierOf = (
    name: string,
    config: { strategy: TierConfig['strategy']; targets: readonly TargetConfig[] },
    search: Search,
    id = name,
  ): Tier => ({
    name,
    id,
    by: strategyName(config.strategy),
    strategy: options.strategy(config),
    // a target without a key stays in its place, empty: weights and conditions are told by place
    targets: config.targets.map((target, index): TierTarget => {
      if (typeof target !== 'string') return tierOf(name, target, search, target.named ?? `${id}\n${index}`);
      const { provider, model } = splitTarget(target);
      return inRotation(named(provider, model, search), rotation);
    }),
  });

  /** Tiers as they are for one set of keys; the set is a new one when a key has changed. */
  const kept = new WeakMap<readonly UsableKey[], Map<string, Route>>();
  const byTier = (name: string, search: Search): Route => {
    const routes = kept.get(search.keys) ?? new Map<string, Route>();
    kept.set(search.keys, routes);
    const id = `${name}\n${search.residency}`;
    const known = routes.get(id);
    if (known) return known;
    const route = buildTier(name, { ...search, leftOut: [] });
    routes.set(id, route);
    return route;
  };

  const buildTier = (name: string, search: Search): Route => {
    const config = tiers.get(name);
    if (!config)
      throw invalid('model', `model: there is no mode "${name}"; known: ${[...tiers.keys()].join(', ')}`);
    const tier = tierOf(name, config, search);
    if (isEmpty(tier)) throw nothingLeft(name, search);
    return {
      name,
      tier,
      strategy: strategyName(config.strategy),
      leftOut: search.leftOut,
      ...(config.maxUsd !== undefined && { maxUsd: config.maxUsd }),
      run: {
        retryBudget,
        ...(config.retries !== undefined && { retries: config.retries }),
        ...(config.fallbackOn && { fallbackOn: rulesOf(config.fallbackOn) }),
      },
      ...(config.fallbackOn?.refusal && { refusalFails: true }),
      ...(config.cache !== undefined && {
        cache: typeof config.cache === 'boolean' ? config.cache : clean(config.cache),
      }),
      ...(config.breaker && { breaker: clean(config.breaker) }),
      ...(config.timeouts && { timeouts: clean(config.timeouts) }),
    };
  };

  const single = (name: string, found: readonly TierTarget[]): Route => ({
    name,
    tier: { name, strategy: priority, targets: found },
    strategy: 'priority',
    run: { retryBudget },
  });

  /** Targets for any name that is no mode: `provider:model`, `provider/model`, or a bare one. */
  const direct = async (model: string, search: Search, param: string): Promise<Target[]> => {
    const split = splitKnown(model, providers);
    if (split) {
      const found = named(split.provider, split.model, search);
      if (found.length === 0) throw nothingLeft(model, search);
      return found;
    }
    const keys = await catalogue.providersOf(model, search.keys.filter(routable));
    const colon = model.search(/[:/]/);
    if (keys.length === 0 && colon > 0 && model[colon] === ':')
      throw invalid(
        param,
        `no provider named "${model.slice(0, colon)}"; known: ${providers.names().join(', ')}`,
      );
    if (keys.length === 0)
      throw new GatewayError(
        'model_not_found',
        `no provider that you hold a key for lists the model "${model}"; GET /v1/models lists what can be asked for`,
        { param, code: 'model_not_found' },
      );
    const found = keys.map((key) => targets.of(key, model)).filter((target) => fits(target, search));
    if (found.length === 0) throw nothingLeft(model, search);
    return found;
  };

  const byOverride = (override: string, search: Search): Route => {
    const colon = override.indexOf(':');
    const [provider = '', label] = override.slice(0, colon).split('@');
    const model = override.slice(colon + 1);
    if (!providers.get(provider))
      throw invalid('model', `no provider named "${provider}"; known: ${providers.names().join(', ')}`);
    const own = search.keys.filter(
      (key) => key.provider === provider && (label === undefined || key.label === label),
    );
    const [key] = own;
    if (!key)
      throw invalid(
        'model',
        `you hold no key for ${provider}${label === undefined ? '' : ` with the label "${label}"`}; register one with POST /v1/keys`,
        'no_provider_key',
      );
    const rotating = key.shared ? own.filter(({ shared }) => shared) : [key];
    const found = rotating.map((one) => targets.of(one, model)).filter((target) => fits(target, search));
    if (found.length === 0) throw nothingLeft(override, search);
    const tier: Tier = { name: 'override', by: 'rotation', each: 'key', strategy: one, targets: found };
    return { name: 'override', tier, strategy: 'priority', run: { retryBudget, retries: 0 } };
  };

  const nameOf = (asked: string): string => options.modeName(aliases.get(asked) ?? asked);

  const byName = (asked: string, search: Search, param: string): Route | Promise<Route> => {
    const name = nameOf(asked);
    if (tiers.has(name) || options.isModeName(name)) return byTier(name, search);
    return direct(name, search, param).then((found) => single('direct', rotating(found, rotation)));
  };

  const byChain = async (models: unknown, search: Search): Promise<Route> => {
    if (
      !Array.isArray(models) ||
      models.length === 0 ||
      !models.every((model) => typeof model === 'string' && model !== '')
    )
      throw invalid('models', 'models: a list of model names is wanted');
    const routes: Route[] = [];
    const failures: unknown[] = [];
    for (const [index, model] of models.entries())
      try {
        routes.push(await byName(model, search, `models[${index}]`));
      } catch (error) {
        failures.push(error);
      }
    if (routes.length === 0) throw failures[0];
    return {
      ...single(
        'chain',
        routes.map(({ tier }) => tier),
      ),
      ...combined(routes),
      leftOut: [...search.leftOut, ...routes.flatMap(({ leftOut = [] }) => leftOut)],
    };
  };

  const routeWith = ({ state, request }: Call, own: readonly UsableKey[]): Route | Promise<Route> => {
    const keys = drilled(own, state);
    const search: Search = { keys, residency: state.residency ?? null, leftOut: [] };
    const { model, models } = request.value;
    const finish = (found: Route): Route => {
      const route =
        request.operation === 'embeddings' && state.override === undefined
          ? inOneSpace(found, firstModel(nameOf(firstOf(models) ?? model), options), search)
          : found;
      state.mode = route.name;
      if (state.attemptTimeoutMs === undefined) return route;
      state.timeoutsOfCaller = true;
      return { ...route, timeouts: { ...route.timeouts, ...bounded(state.attemptTimeoutMs) } };
    };
    if (state.override !== undefined) return finish(byOverride(state.override, search));
    const found =
      models !== undefined && models !== null ? byChain(models, search) : byName(model, search, 'model');
    return found instanceof Promise ? found.then(finish) : finish(found);
  };

  return (call) => {
    const ready = options.prepare();
    const own = credentials.of(call.state.user?.id ?? '');
    // most requests find everything there, and need not wait
    if (ready === undefined && !(own instanceof Promise)) return routeWith(call, own);
    return Promise.all([own, ready]).then(([keys]) => routeWith(call, keys));
  };
}
