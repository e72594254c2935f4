import {
  type Call,
  createRetryBudget,
  GatewayError,
  type Handler,
  type Host,
  type Layer,
  layered,
  type Plan,
  type PlanContext,
  type Reply,
  type RequestFacts,
  type RunOptions,
  requestFacts,
  run,
  systemClock,
  type Target,
  type Tier,
  type TierTarget,
  type Timeouts,
} from '@inferbridge/core';
import { type Notes, planTier } from './plan-tier.ts';
import type { BreakerLimits } from './resilience/breaker.ts';
import { resilience } from './resilience/index.ts';

declare module '@inferbridge/core/call' {
  interface CallState {
    /** Where this request goes; written when the plan is made, which happens once. */
    route?: Planned;
    /** How the request was routed, for the log: the tier's name, or how a target was named. */
    mode?: string;
    /** What keeps a caller on the same arm of a strategy. */
    session?: string;
    /** What strategies may tell requests apart by, besides what is asked; kept on the log row. */
    tags?: Readonly<Record<string, string>>;
    /** What an outer stage wants to do around the plan's run, once it is made: answer without it, or share it. */
    around?: (planned: Planned, call: Call, run: Handler) => Promise<Reply>;
    /** The same, where somebody is really called: not for what is answered without, nor for who shares a call. */
    spending?: (planned: Planned, call: Call, run: Handler) => Promise<Reply>;
  }
}

/** A candidate that was dropped for good, before any strategy saw it. */
export interface LeftOut {
  readonly provider: string;
  readonly model: string;
  readonly why: string;
}

/** Where requests for one name go. */
export interface Route {
  readonly name: string;
  readonly tier: Tier;
  /** The strategy's name, for the log. */
  readonly strategy?: string;
  readonly leftOut?: readonly LeftOut[];
  readonly run?: RunOptions;
  readonly timeouts?: Partial<Timeouts>;
  readonly breaker?: BreakerLimits;
  /** A refusal with 200 counts as `content_policy`. */
  readonly refusalFails?: boolean;
  /** US dollars that all attempts of a request may cost together. */
  readonly maxUsd?: number;
  /** Whether answers are cached, where that differs from what holds for all. */
  readonly cache?: boolean | { readonly always?: boolean; readonly ttlSeconds?: number };
}

/** A route with its plan for one request. */
export interface Planned extends Route {
  readonly plan: Plan;
  readonly request: RequestFacts;
  /** When it was made, milliseconds since 1970. */
  readonly plannedAt: number;
}

export type Resolve = (call: Call) => Route | Promise<Route>;

export interface RouterOptions {
  readonly host?: Pick<Host, 'clock' | 'random'>;
  /** Put around every target of a record of tiers; default cool-down, breaker, bulkhead and timers. */
  readonly layers?: readonly Layer[];
}

/** Answers a call by planning it and running the plan; takes tiers by model name, or a function that finds the route. */
export function router(
  routes: Readonly<Record<string, Tier>> | Resolve,
  options: RouterOptions = {},
): Handler {
  const host = options.host ?? { clock: systemClock, random: Math.random };
  const retryBudget = createRetryBudget({ clock: host.clock });
  const resolve = typeof routes === 'function' ? routes : byName(routes, options.layers ?? resilience(host));
  const follow = (planned: Planned, call: Call): Promise<Reply> => {
    const { state } = call;
    if (planned.timeouts && !state.timeouts) state.timeouts = planned.timeouts;
    if (planned.breaker) state.breaker = planned.breaker;
    if (planned.refusalFails) state.refusalFails = true;
    if (planned.maxUsd !== undefined) call.budget.limit(planned.maxUsd);
    const called: Handler = (running) => run(planned.plan, running, host, { retryBudget, ...planned.run });
    const { spending } = state;
    const go: Handler = spending ? (running) => spending(planned, running, called) : called;
    return state.around ? state.around(planned, call, go) : go(call);
  };
  return (call) => {
    try {
      const planned = planCall(call, resolve, host);
      return 'then' in planned ? planned.then((plan) => follow(plan, call)) : follow(planned, call);
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

/** The call's plan: made when it is first asked for, the same ever after; at once where its route is there at once. */
export function planCall(
  call: Call,
  resolve: Resolve,
  host: Pick<Host, 'clock' | 'random'>,
): Planned | Promise<Planned> {
  if (call.state.route) return call.state.route;
  const route = resolve(call);
  return 'then' in route ? route.then((found) => planned(found, call, host)) : planned(route, call, host);
}

function planned(route: Route, call: Call, host: Pick<Host, 'clock' | 'random'>): Planned {
  const request = requestFacts(call.request, call.state.tags);
  const context = contextOf(call, request, host);
  const notes: Notes = { unfit: [], passed: [] };
  const plan = planTier(route.tier, call, context, notes) ?? despiteWindows(route.tier, call, context, notes);
  if (!plan) throw nobodyFits(route.name, notes);
  call.state.route = {
    ...route,
    ...leftOutOf(route, notes),
    plan: plan.plan,
    request,
    plannedAt: context.wall,
  };
  return call.state.route;
}

/** How long a prompt is can only be estimated: where it seems too long for everybody, the providers decide. */
function despiteWindows(tier: Tier, call: Call, context: PlanContext, notes: Notes) {
  if (!notes.unfit.some(({ error }) => error.class === 'context_length')) return null;
  notes.unfit.length = notes.passed.length = 0;
  notes.anyWindow = true;
  return planTier(tier, call, context, notes);
}

function leftOutOf(route: Route, { unfit, passed }: Notes): { leftOut?: readonly LeftOut[] } {
  if (unfit.length + passed.length === 0) return {};
  return {
    leftOut: [
      ...(route.leftOut ?? []),
      ...unfit.map(({ target, error }) => leave(target, error.message)),
      ...passed.map(({ target, by }) => leave(target, `not chosen by ${by}`)),
    ],
  };
}

const leave = ({ provider, model }: Target, why: string): LeftOut => ({ provider, model, why });

/** Every candidate is unable to do what is asked: a mistake of the caller's, with the parameter that is to blame. */
function nobodyFits(name: string, { unfit, passed }: Notes): GatewayError {
  const first = unfit[0]?.error;
  if (!first && passed[0])
    return new GatewayError(
      'invalid_request',
      `${passed[0].by} has no target of ${name} for a request like this; its conditions are the operator's`,
      { param: 'model', code: 'no_target' },
    );
  if (!first) return new GatewayError('invalid_request', `no target is left for ${name}`, { param: 'model' });
  const who = unfit.map(({ target, error }) => `${target.id}: ${error.message}`).join('; ');
  return new GatewayError(first.class, `no candidate of ${name} can honour this request: ${who}`, {
    ...(first.details.param !== undefined && { param: first.details.param }),
    ...(first.details.code !== undefined && { code: first.details.code }),
  });
}

const contextOf = (call: Call, request: RequestFacts, host: Pick<Host, 'clock' | 'random'>): PlanContext => ({
  now: host.clock.now(),
  wall: host.clock.wall(),
  random: host.random,
  targets: 0,
  place: '',
  user: call.state.user?.id ?? null,
  session: call.state.session ?? null,
  request,
});

function byName(routes: Readonly<Record<string, Tier>>, layers: readonly Layer[]): Resolve {
  const names = new Map(Object.entries(routes).map(([name, tier]) => [tier, name]));
  const tiers = new Map(Object.entries(routes).map(([name, tier]) => [name, wrap(tier, layers, names)]));
  return ({ request }) => {
    const name = request.value.model;
    const tier = tiers.get(name);
    if (tier) return { name, tier };
    const known = [...tiers.keys()].join(', ');
    throw new GatewayError('model_not_found', `no route for model "${name}"; known: ${known}`, {
      param: 'model',
    });
  };
}

/** Its own id, else its name in the record, also where it stands inside another; else its place there. */
function wrap(tier: Tier, layers: readonly Layer[], names: ReadonlyMap<Tier, string>, place?: string): Tier {
  const id = tier.id ?? names.get(tier) ?? place;
  return {
    ...tier,
    ...(id !== undefined && { id }),
    targets: tier.targets.map(
      (target, index): TierTarget =>
        'handle' in target ? layered(target, layers) : wrap(target, layers, names, `${id}\n${index}`),
    ),
  };
}
