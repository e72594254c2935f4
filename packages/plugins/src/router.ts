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
  type RequestFacts,
  type RunOptions,
  requestFacts,
  run,
  systemClock,
  type Tier,
  type TierTarget,
  type Timeouts,
} from '@inferbridge/core';
import { planTier, type Unfit } from './plan-tier.ts';
import { resilience } from './resilience/index.ts';

declare module '@inferbridge/core/call' {
  interface CallState {
    /** Where this request goes; written when the plan is made, which happens once. */
    route?: Planned;
    /** What keeps a caller on the same arm of a strategy. */
    session?: string;
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
  /** US dollars that all attempts of a request may cost together. */
  readonly maxUsd?: number;
}

/** A route with its plan for one request. */
export interface Planned extends Route {
  readonly plan: Plan;
  readonly request: RequestFacts;
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
  return async (call) => {
    const planned = await planCall(call, resolve, host);
    if (planned.timeouts && !call.state.timeouts) call.state.timeouts = planned.timeouts;
    if (planned.maxUsd !== undefined) call.budget.limit(planned.maxUsd);
    return run(planned.plan, call, host, { retryBudget, ...planned.run });
  };
}

/** The call's plan: made when it is first asked for, the same ever after. */
export async function planCall(
  call: Call,
  resolve: Resolve,
  host: Pick<Host, 'clock' | 'random'>,
): Promise<Planned> {
  if (call.state.route) return call.state.route;
  const route = await resolve(call);
  const request = requestFacts(call.request);
  const unfit: Unfit[] = [];
  const choice = planTier(route.tier, call, contextOf(call, request, host), unfit);
  if (!choice) throw nobodyFits(route.name, unfit);
  const leftOut = [...(route.leftOut ?? []), ...unfit.map(leave)];
  call.state.route = { ...route, ...(unfit.length > 0 && { leftOut }), plan: choice.plan, request };
  return call.state.route;
}

const leave = ({ target, error }: Unfit): LeftOut => ({
  provider: target.provider,
  model: target.model,
  why: error.message,
});

/** Every candidate is unable to do what is asked: a mistake of the caller's, with the parameter that is to blame. */
function nobodyFits(name: string, unfit: readonly Unfit[]): GatewayError {
  const first = unfit[0]?.error;
  if (!first) return new GatewayError('invalid_request', `no target is left for ${name}`, { param: 'model' });
  const who = unfit.map(({ target, error }) => `${target.id}: ${error.message}`).join('; ');
  return new GatewayError(first.class, `no candidate of ${name} can honour this request: ${who}`, {
    ...(first.details.param !== undefined && { param: first.details.param }),
    ...(first.details.code !== undefined && { code: first.details.code }),
  });
}

const contextOf = (call: Call, request: RequestFacts, host: Pick<Host, 'clock' | 'random'>): PlanContext => ({
  now: host.clock.now(),
  random: host.random,
  user: call.state.user?.id ?? null,
  session: call.state.session ?? null,
  request,
});

function byName(routes: Readonly<Record<string, Tier>>, layers: readonly Layer[]): Resolve {
  const tiers = new Map(Object.entries(routes).map(([name, tier]) => [name, wrap(tier, layers)]));
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

const wrap = (tier: Tier, layers: readonly Layer[]): Tier => ({
  ...tier,
  targets: tier.targets.map(
    (target): TierTarget => ('handle' in target ? layered(target, layers) : wrap(target, layers)),
  ),
});
