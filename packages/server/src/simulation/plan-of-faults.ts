import { GatewayError } from '@inferbridge/core';
import type { Behaviour, Latency, Scenario, ScenarioEvent } from './scenario.ts';
import { type Decide, drawn, type Fate, refusalOf } from './upstreams.ts';

/** A provider of whom the scenario says nothing. */
const USUAL = {
  firstContent: { p50: 600, p95: 1_500 },
  tokensPerSecond: 80,
  errors: 0.001,
} as const satisfies Required<Behaviour>;

/** How long a provider takes to say no. */
const REFUSAL: Latency = { p50: 80, p95: 250 };

/** What a scenario makes of each request: the events of the moment over the provider's usual behaviour. */
export function decideBy({ providers, events }: Pick<Scenario, 'providers' | 'events'>): Decide {
  return ({ provider, model, outputTokens, at, random }) => {
    const now = events.filter((event) => isOn(event, provider, model, at));
    const usual = { ...USUAL, ...clean(providers['default']), ...clean(providers[provider]) };
    const slow = now.findLast(({ firstContent }) => firstContent)?.firstContent;
    const rate = now.findLast(({ tokensPerSecond }) => tokensPerSecond)?.tokensPerSecond;
    const fate: Fate = {
      firstContentMs: drawn(slow ?? usual.firstContent, random),
      restMs: (outputTokens / (rate ?? usual.tokensPerSecond)) * 1_000,
    };
    for (const event of now)
      if (event.fault !== undefined && random() < event.share) return spoiled(fate, event, random);
    if (random() < usual.errors) return spoiled(fate, { fault: 500 }, random);
    return fate;
  };
}

const isOn = (event: ScenarioEvent, provider: string, model: string, at: number): boolean =>
  event.provider === provider &&
  (event.model === undefined || event.model === model) &&
  at >= event.from &&
  at < event.from + (event.for ?? Number.POSITIVE_INFINITY);

function spoiled(
  fate: Fate,
  { fault, retryAfter }: Pick<ScenarioEvent, 'fault'> & Partial<Pick<ScenarioEvent, 'retryAfter'>>,
  random: () => number,
): Fate {
  const after = (error: GatewayError, afterMs = drawn(REFUSAL, random)): Fate => ({
    ...fate,
    fails: { error, afterMs },
  });
  if (typeof fault === 'number') return after(refusalOf(fault, retryAfter));
  if (fault === 'timeout') return { ...fate, hangs: true };
  if (fault === 'cut') return { ...fate, breaksAt: random() * 0.7 };
  if (fault === 'malformed')
    return after(new GatewayError('malformed', 'simulated: not JSON', { status: 200 }));
  return after(
    new GatewayError('unreachable', `simulated ${fault}`),
    fault === 'unreachable' ? 1 : undefined,
  );
}

const clean = (behaviour: Behaviour = {}): { [K in keyof Behaviour]: Exclude<Behaviour[K], undefined> } =>
  Object.fromEntries(Object.entries(behaviour).filter(([, value]) => value !== undefined)); // what is not said is usual
