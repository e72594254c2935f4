import { createCall, leaves } from '@inferbridge/core';
import { planCall } from '@inferbridge/plugins';
import type { Loaded } from '../config/load.ts';
import { decideBy } from './plan-of-faults.ts';
import type { ScenarioEvent } from './scenario.ts';
import { play, type Seen } from './simulate.ts';
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

/** The fault list against a configuration: each fault at each tier's first provider, streaming and not. */
export async function chaos({ loaded, keys, seed }: ChaosOptions): Promise<readonly Score[]> {
  const calm = { decide: decideBy({ providers: CALM, events: [] }), loaded, seed, ...(keys && { keys }) };
  const scores: Score[] = [];
  for (const tier of (await createWorld(calm)).tierNames) {
    if (isForEmbeddings(tier)) continue;
    const victim = await firstOf(tier, await createWorld(calm));
    if (victim === null) continue;
    for (const fault of FAULTS)
      for (const stream of [false, true]) {
        const event = {
          from: 0,
          share: 1,
          provider: victim,
          fault: fault.fault,
          retryAfter: fault.retryAfter,
        };
        const world = await createWorld({ ...calm, decide: decideBy({ providers: CALM, events: [event] }) });
        const [seen] = await play(world, [{ at: 0, asked: asking(tier, stream) }], 1);
        if (seen) scores.push(scoreOf(seen, { tier, fault: fault.name, stream, victim }));
      }
  }
  return scores;
}

const isForEmbeddings = (tier: string): boolean => /embed/.test(tier);

const CALM = { default: { firstContent: { p50: 300, p95: 300 }, tokensPerSecond: 200, errors: 0 } };

const asking = (tier: string, stream: boolean) => ({
  user: 'doctor',
  tags: {},
  patience: 600_000,
  request: {
    model: tier,
    stream,
    max_completion_tokens: 100,
    messages: [{ role: 'user', content: 'hello' }],
  },
});

/** Who is asked first; `null` where nobody can be. */
async function firstOf(tier: string, { resolve, host }: World): Promise<string | null> {
  const call = createCall(asking(tier, false).request, {
    clock: host.clock,
    state: { user: { id: 'doctor' } },
  });
  const planned = await planCall(call, resolve, host).catch(() => null);
  return (planned && leaves(planned.plan)[0]?.target.provider) ?? null;
}

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
