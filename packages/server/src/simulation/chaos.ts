import { type ChatRequest, createCall, leaves } from '@inferbridge/core';
import { planCall } from '@inferbridge/plugins';
import type { Loaded } from '../config/load.ts';
import { decideBy } from './plan-of-faults.ts';
import type { ScenarioEvent } from './scenario.ts';
import { play, promptOf, type Seen } from './simulate.ts';
import { createWorld, type World } from './world.ts';

/** What one fault at a tier's first provider comes to, for a client. */
export interface Score {
  readonly tier: string;
  readonly fault: string;
  readonly stream: boolean;
  /** The provider that had the fault. */
  readonly victim: string;
  /** `answered`: by somebody; `honest`: an error where nothing else was possible any more; `lost`: an error. */
  readonly result: 'answered' | 'honest' | 'lost';
  readonly by: string | null;
  readonly error: string | null;
  readonly ms: number;
}

type Fault = Pick<ScenarioEvent, 'fault'> & { readonly name: string; readonly retryAfter?: number };

/** Every way in which a provider fails that a gateway can do something about. */
const FAULTS: readonly Fault[] = [
  { name: '500', fault: 500 },
  { name: '503', fault: 503 },
  { name: '429, wait 30 s', fault: 429, retryAfter: 30_000 },
  { name: '429, no hint', fault: 429 },
  { name: '401, key refused', fault: 401 },
  { name: '402, out of money', fault: 402 },
  { name: '404, model gone', fault: 404 },
  { name: 'connection refused', fault: 'unreachable' },
  { name: 'connection reset', fault: 'reset' },
  { name: 'not JSON', fault: 'malformed' },
  { name: 'never answers', fault: 'timeout' },
  { name: 'cut in the middle', fault: 'cut' },
];

export interface ChaosOptions {
  readonly loaded: Pick<Loaded, 'config' | 'base'>;
  /** Providers that have a key; default all that the tiers name. */
  readonly keys?: readonly string[] | undefined;
  readonly seed: number;
}

export interface Chaos {
  readonly scores: readonly Score[];
  /** Tiers that were not tried, and why. */
  readonly untried: readonly { readonly tier: string; readonly why: string }[];
}

/** The fault list against a configuration: each fault at each tier's first provider, streaming and not. */
export async function chaos({ loaded, keys, seed }: ChaosOptions): Promise<Chaos> {
  const calm = { decide: decideBy({ providers: CALM, events: [] }), loaded, seed, ...(keys && { keys }) };
  const scores: Score[] = [];
  const untried: { tier: string; why: string }[] = [];
  const { tierNames } = await createWorld(calm);
  const score = async (tier: string, { victim, request }: First) => {
    for (const { name, fault, retryAfter } of FAULTS) {
      const event = { from: 0, share: 1, provider: victim, fault, retryAfter };
      const world = await createWorld({ ...calm, decide: decideBy({ providers: CALM, events: [event] }) });
      const asked = { user: 'doctor', tags: {}, patience: 600_000, request };
      const [seen] = await play(world, [{ at: 0, asked }], 1);
      if (seen) scores.push(scoreOf(seen, { tier, fault: name, stream: request.stream === true, victim }));
    }
  };
  for (const tier of tierNames) {
    const [whole, streams] = [
      await firstOf(tier, false, await createWorld(calm)),
      await firstOf(tier, true, await createWorld(calm)),
    ];
    if ('why' in whole)
      untried.push({ tier: 'why' in streams ? tier : `${tier}, whole answers`, why: whole.why });
    else if ('why' in streams) untried.push({ tier: `${tier}, streams`, why: streams.why });
    for (const found of [whole, streams]) if (!('why' in found)) await score(tier, found);
  }
  return { scores, untried };
}

const CALM = { default: { firstContent: { p50: 300, p95: 300 }, tokensPerSecond: 200, errors: 0 } };

const plain = (tier: string): ChatRequest => ({
  model: tier,
  max_completion_tokens: 100,
  messages: [{ role: 'user', content: 'hello' }],
});

/** Requests of every kind that a condition may be about; the first that a tier has somebody for is tried. */
const kindsFor = (tier: string): readonly ChatRequest[] => [
  plain(tier),
  { ...plain(tier), tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }] },
  {
    ...plain(tier),
    messages: [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }] },
    ],
  },
  { ...plain(tier), messages: [{ role: 'user', content: promptOf(60_000) }] },
];

interface First {
  readonly victim: string;
  readonly request: ChatRequest;
}

/** Who is asked first, and for what; or why nobody can be. */
async function firstOf(
  tier: string,
  stream: boolean,
  { resolve, host }: World,
): Promise<First | { why: string }> {
  let why = 'nobody can be asked';
  for (const kind of kindsFor(tier)) {
    const request = { ...kind, stream };
    const call = createCall(request, { clock: host.clock, state: { user: { id: 'doctor' } } });
    try {
      const [first] = leaves((await planCall(call, resolve, host)).plan);
      if (first && EMBEDDING_MODEL.test(first.target.model)) return { why: 'it is for embeddings' };
      if (first) return { victim: first.target.provider, request };
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
  }
  return { why };
}

/** Such models answer no chat. */
const EMBEDDING_MODEL = /embed/i;

function scoreOf(seen: Seen, about: Pick<Score, 'tier' | 'fault' | 'stream' | 'victim'>): Score {
  const honest = seen.outcome === 'cut';
  return {
    ...about,
    result: seen.outcome === 'ok' ? 'answered' : honest ? 'honest' : 'lost',
    by: seen.outcome === 'ok' ? seen.provider : null,
    error: seen.errorClass,
    ms: Math.round(seen.totalMs),
  };
}
