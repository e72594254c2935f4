import { type Call, type ChatRequest, createBudget, GatewayError, isGatewayError } from '@inferbridge/core';
import type { CallRecord } from '@inferbridge/plugins';
import { ConfigError } from '../config/config-error.ts';
import type { Loaded } from '../config/load.ts';
import { splitTarget } from '../routing/search.ts';
import { decideBy } from './plan-of-faults.ts';
import type { Scenario, Traffic } from './scenario.ts';
import { createWorld, type World } from './world.ts';

/** What one client has seen. */
export interface Seen {
  /** Milliseconds since the beginning. */
  readonly at: number;
  readonly model: string;
  readonly stream: boolean;
  /** `cut`: a stream that ended with an error event; `left`: the client went away. */
  readonly outcome: 'ok' | 'cut' | 'error' | 'left';
  readonly errorClass: string | null;
  readonly provider: string | null;
  readonly target: string | null;
  readonly fellBack: boolean;
  /** To the first content, or the whole answer where nothing streams; `null` without one. */
  readonly firstMs: number | null;
  readonly totalMs: number;
  readonly cost: number | null;
  /** Of all attempts, losers included. */
  readonly attemptsCost: number;
  readonly arm: string | null;
  readonly attempts: readonly { readonly provider: string; readonly outcome: string; readonly at: number }[];
}

export interface Simulated {
  /** Of the traffic, milliseconds. */
  readonly duration: number;
  readonly seed: number;
  readonly seen: readonly Seen[];
}

const DEADLINE_MS = 600_000;

/** One request of a simulation: when it comes, and what it asks. */
export interface Arrival {
  readonly at: number;
  readonly asked: Asked;
}

/** Runs a scenario against a configuration to its end: seconds for hours, the same seed gives the same run. */
export async function simulate(
  loaded: Pick<Loaded, 'config' | 'base'>,
  scenario: Scenario,
  seed: number,
): Promise<Simulated> {
  const world = await createWorld({ loaded, seed, keys: scenario.keys, decide: decideBy(scenario) });
  checkNames(scenario, world);
  const { random } = world;
  const arrivals = Array.from({ length: scenario.requests }, () => {
    const traffic = pick(scenario.traffic, random);
    return { at: random() * scenario.duration, asked: requestOf(traffic, random) };
  });
  return { duration: scenario.duration, seed, seen: await play(world, arrivals, scenario.duration) };
}

/** Lets every request come in its time, and waits until everybody has gone. */
export async function play(
  world: World,
  arrivals: readonly Arrival[],
  duration: number,
): Promise<readonly Seen[]> {
  const { clock, records } = world;
  const told: (Arrival & { readonly id: string; readonly told: Told })[] = [];
  for (const [index, arrival] of arrivals.entries()) {
    const id = String(index);
    clock.setTimeout(() => {
      void converse(world, id, arrival.asked).then((one) => told.push({ ...arrival, id, told: one }));
    }, arrival.at);
  }
  await clock.advance(duration + 2 * DEADLINE_MS);
  return told
    .sort((a, b) => a.at - b.at)
    .map((one) => witnessed(one.told, records.get(one.id) ?? null, one.at, one.asked));
}

/** Names in a scenario that mean nothing would make it say something else than its author thinks. */
function checkNames({ traffic, providers, events, duration }: Scenario, world: World): void {
  const provider = (name: string, place: string): string[] =>
    world.providerNames.includes(name)
      ? []
      : [`${place}: no provider named "${name}"; known: ${world.providerNames.join(', ')}`];
  const lines = [
    ...traffic.flatMap(({ model }, index) =>
      world.tierNames.includes(model) || world.providerNames.includes(splitTarget(model).provider)
        ? []
        : [`traffic[${index}].model: no tier named "${model}"; known: ${world.tierNames.join(', ')}`],
    ),
    ...Object.keys(providers).flatMap((name) =>
      name === 'default' ? [] : provider(name, `providers.${name}`),
    ),
    ...events.flatMap((event, index) => provider(event.provider, `events[${index}].provider`)),
    ...events.flatMap(({ provider: name, model, from }, index) => [
      ...(model === undefined || world.models.get(name)?.has(model) || asks(traffic, `${name}:${model}`)
        ? []
        : [`events[${index}].model: no tier and no traffic asks ${name} for "${model}"`]),
      ...(from < duration ? [] : [`events[${index}].from: it begins when the traffic is over`]),
    ]),
  ];
  if (lines.length > 0) throw new ConfigError(lines, 'the scenario');
}

const asks = (traffic: readonly Traffic[], model: string): boolean =>
  traffic.some((one) => one.model === model);

export interface Asked {
  readonly request: ChatRequest;
  readonly user: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly patience: number;
}

interface Told {
  readonly outcome: Seen['outcome'];
  readonly errorClass: string | null;
  readonly firstMs: number | null;
  readonly totalMs: number;
}

function requestOf(traffic: Traffic, random: () => number): Asked {
  const { model, inputTokens, outputTokens, users, tags, patience } = traffic;
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } };
  const text = promptOf(between(inputTokens, random));
  const images = random() < traffic.images;
  const tools = random() < traffic.tools;
  return {
    user: `user-${Math.floor(random() * users)}`,
    tags,
    patience,
    request: {
      model,
      stream: random() < traffic.stream,
      max_completion_tokens: between(outputTokens, random),
      messages: [{ role: 'user', content: images ? [{ type: 'text', text }, image] : text }],
      ...(tools && {
        tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
      }),
    },
  };
}

const FILLER = 'x'.repeat(4_000_000);

/** Text of so many tokens. All share the same characters: a hundred thousand of them would fill the memory. */
export function promptOf(tokens: number): string {
  const characters = 4 * Math.max(1, tokens);
  return characters > FILLER.length ? 'x'.repeat(characters) : FILLER.slice(0, characters);
}

const between = ([low, high]: readonly [number, number], random: () => number): number =>
  Math.round(low * (high / low) ** random());

function pick(traffic: readonly Traffic[], random: () => number): Traffic {
  let at = random() * traffic.reduce((sum, { weight }) => sum + weight, 0);
  const found = traffic.find(({ weight }) => (at -= weight) < 0) ?? traffic.at(-1);
  if (!found) throw new TypeError('a scenario without traffic');
  return found;
}

/** One client: asks, reads to the end, and leaves where nothing has come for as long as it waits. */
async function converse(
  { gateway, clock }: Pick<World, 'gateway' | 'clock'>,
  id: string,
  { request, user, tags, patience }: Asked,
): Promise<Told> {
  const startedAt = clock.now();
  const gone = new AbortController();
  const leave = clock.setTimeout(
    () => gone.abort(new GatewayError('client_closed', 'the client lost its patience')),
    patience,
  );
  const call: Call = {
    id,
    request: { operation: 'chat', value: request },
    signal: gone.signal,
    budget: createBudget(clock, { deadlineMs: DEADLINE_MS }),
    state: { user: { id: user }, tags },
    trail: [],
  };
  let firstMs: number | null = null;
  try {
    const reply = await gateway.handle(call);
    firstMs = clock.now() - startedAt;
    clock.clearTimeout(leave);
    if (reply.kind === 'stream') for await (const _ of reply.frames);
    return { outcome: 'ok', errorClass: null, firstMs, totalMs: clock.now() - startedAt };
  } catch (error) {
    clock.clearTimeout(leave);
    const outcome = gone.signal.aborted ? 'left' : firstMs === null ? 'error' : 'cut';
    const errorClass = isGatewayError(error) ? error.class : 'internal';
    return { outcome, errorClass, firstMs, totalMs: clock.now() - startedAt };
  }
}

function witnessed(told: Told, record: CallRecord | null, at: number, { request }: Asked): Seen {
  const attempts = record?.attempts ?? [];
  return {
    ...told,
    at,
    model: request.model,
    stream: request.stream === true,
    provider: record?.provider ?? null,
    target: record?.provider ? `${record.provider}:${record.model}` : null,
    fellBack: record?.status === 'fallback_success',
    cost: record?.cost ?? null,
    attemptsCost: attempts.reduce((sum, { cost }) => sum + (cost ?? 0), 0),
    arm: record?.arm ?? null,
    attempts: attempts
      .filter(({ outcome }) => outcome !== 'skipped')
      .map(({ provider, outcome, startedAt }) => ({ provider, outcome, at: startedAt })),
  };
}
