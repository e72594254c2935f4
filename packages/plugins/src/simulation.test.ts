import {
  type Call,
  createCall,
  createRetryBudget,
  type ErrorClass,
  GatewayError,
  isBlocked,
  isGatewayError,
  type Layer,
  layered,
  type Plan,
  pipeline,
  type Reply,
  settling,
  type Target,
  type Tier,
  type TierTarget,
} from '@inferbridge/core';
import { type Act, scripted, seededRandom, virtualClock } from '@inferbridge/core/testing';
import { expect, it } from 'vitest';
import { type CallRecord, logger } from './logger.ts';
import { resilience } from './resilience/index.ts';
import { router } from './router.ts';
import { priority, strategies } from './strategies/index.ts';

/** `SEEDS=5000` runs more of them, `FIRST_SEED=17 SEEDS=1` repeats one. */
const SEEDS = Number(process.env['SEEDS'] ?? 300);
const FIRST_SEED = Number(process.env['FIRST_SEED'] ?? 1);
const MOST_RETRIES = 2;
const MOST_ENTRIES = 50;
const COMMON: readonly ErrorClass[] = ['server_error', 'unreachable', 'overloaded', 'rate_limited'];
const RARE =
  'quota_exhausted bad_credential timeout malformed model_not_found context_length content_policy invalid_request'.split(
    ' ',
  ) as readonly ErrorClass[]; // each is one

const diceOf = (seed: number) => {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  return {
    random,
    below,
    chance: (p: number) => random() < p,
    of: <T>(from: readonly T[]): T => from[below(from.length)] as T, // never given an empty list
  };
};
type Dice = ReturnType<typeof diceOf>;

/** What an upstream does; it says nothing but its own letter. */
function actOf(dice: Dice, letter: string): Act {
  const afterMs = dice.of([0, 0, 50, 400, 1_500, 6_000]);
  const say = Array.from({ length: 1 + dice.below(6) }, () => letter.repeat(3)).join(' ');
  const draw = dice.random();
  if (draw < 0.45) return { say, afterMs, betweenMs: dice.of([0, 20, 300, 1_200]) };
  if (draw < 0.58) return { say, afterMs, thenFail: dice.of(COMMON) };
  if (draw < 0.65) return { hang: true };
  const details = { retryAfterMs: dice.of([0, 300, 3_000, 20_000]) };
  return { fail: dice.of(dice.chance(0.7) ? COMMON : RARE), afterMs, details };
}

const planOf = ({ plan }: { readonly plan: Plan }): Plan => plan;

/** A random tree in which every plan stands once. */
function treeOf(plans: readonly Plan[], dice: Dice, depth: number): Plan {
  const parts: Plan[] = [];
  for (let i = 0; i < plans.length; ) {
    const part = plans.slice(i, (i += depth === 0 ? 1 : 1 + dice.below(plans.length - i)));
    parts.push(part.length > 1 ? treeOf(part, dice, depth - 1) : (part[0] as Plan)); // one is there
  }
  const draw = dice.random();
  if (draw < 0.5) return { inOrder: parts };
  if (draw < 0.75) return { together: parts };
  return {
    staggered: parts,
    afterMs: dice.of([0, 100, 1_000]),
    cap: { note() {}, take: () => dice.chance(0.8) },
  };
}

const OPTIONS: Readonly<Record<string, (dice: Dice, n: number) => object>> = {
  race: (dice, n) => (n > 1 && dice.chance(0.5) ? { width: 2 } : {}),
  hedge: (dice) => ({
    ...(dice.chance(0.7) && { afterMs: dice.of([50, 400]) }),
    copies: 1 + dice.below(2),
    cap: { share: dice.random(), floor: dice.below(5), ...(dice.chance(0.3) && { usdPerHour: 0.5 }) },
  }),
  weighted: (dice, n) => ({ weights: Array.from({ length: n }, (_, i) => (i === 0 ? 1 : dice.below(3))) }),
  ab: (dice) => ({ spill: dice.chance(0.5), by: dice.of(['user', 'session', 'none']) }),
  conditional: (dice, n) => ({
    when: Array.from({ length: n }, (_, i) => (i === 0 ? {} : { stream: dice.chance(0.5) })),
  }),
};

/** Targets under a random tree of plans, or under this package's own strategies, one within another. */
function tierOf(targets: readonly Target[], dice: Dice, depth = 1): Tier {
  if (depth === 1 && dice.chance(0.3))
    return { strategy: (choices) => treeOf(choices.map(planOf), dice, 2), targets };
  const strategy = dice.of(strategies);
  const half = Math.ceil(targets.length / 2);
  const inner: readonly TierTarget[] =
    depth > 0 && targets.length > 2 && dice.chance(0.5)
      ? [...targets.slice(0, half), tierOf(targets.slice(half), dice, depth - 1)]
      : targets;
  const make = () => strategy(inner, OPTIONS[strategy.name]?.(dice, inner.length));
  return strategy.name === 'hedge' && inner.length < 3 ? priority(inner) : make();
}

/** Counts settled permits and the probes of each breaker that are out at a time; stops what would never end. */
function watching(stop: (call: Call) => void) {
  const seen = { settled: 0, mostProbes: 0, probes: 0 };
  const layer: Layer = (target) => {
    let out = 0;
    return {
      ...target,
      acquire: (call) => {
        if (call.trail.length > MOST_ENTRIES) stop(call);
        const answer = target.acquire(call);
        const probe = !isBlocked(answer) && target.facts(call).blocked?.blocked === 'probing';
        if (probe) {
          out += 1;
          seen.probes += 1;
          seen.mostProbes = Math.max(seen.mostProbes, out);
        }
        return settling(answer, () => {
          seen.settled += 1;
          if (probe) out -= 1;
        });
      },
    };
  };
  return { layer, seen };
}

interface Told {
  readonly call: Call;
  readonly deadlineMs: number;
  readonly startedAt: number;
  answeredAt: number;
  reply: Reply | null;
  error: unknown;
  text: string;
  ends: number;
}

/** A gateway whose tier, plans, upstreams and clients are all drawn from one seed, run until everybody has gone. */
async function simulate(seed: number) {
  const dice = diceOf(seed);
  const clock = virtualClock();
  const host = { clock, random: dice.random };
  const clients = new Map<string, AbortController>();
  const { layer, seen } = watching((call) =>
    clients.get(call.id)?.abort(new GatewayError('client_closed', 'endless')),
  );
  const layers = [
    layer,
    ...resilience({
      ...host,
      breaker: { failures: 1 + dice.below(3), openMs: 2_000 },
      bulkhead: { limit: 1 + dice.below(6) },
      timers: { firstContentMs: 4_000, idleMs: 1_000, totalMs: 15_000 },
    }),
  ];
  const upstreams = [...'abcde'.slice(0, 1 + dice.below(5))].map((letter) => {
    const acts = Array.from({ length: 8 }, () => actOf(dice, letter)) as unknown as readonly [Act, ...Act[]]; // eight
    const price = () => 0.1;
    const about = { clock, price, window: 100 * (1 + dice.below(3)), credential: dice.of(['k1', 'k2']) };
    return scripted(`${dice.of(['p', 'q'])}:${letter}`, acts, about);
  });
  const targets = upstreams.map((target) => layered(target, layers));
  const budget = createRetryBudget({ clock, floor: dice.below(4) });
  let granted = 0;
  const take = (provider: string) => {
    if (!budget.take(provider)) return false;
    granted += 1;
    return true;
  };
  const run = {
    retryBudget: { note: budget.note, take },
    retries: MOST_RETRIES,
    fallbackOn: { content_policy: dice.chance(0.5) },
  };
  const tier = tierOf(targets, dice);
  const records: CallRecord[] = [];
  const gateway = pipeline()
    .use('logger', logger({ sink: (record) => records.push(record), clock }))
    .to(router(() => ({ name: 'sim', tier, run }), { host }));

  const told: Told[] = [];
  const converse = async (mine: Told, mostFrames: number) => {
    const reply = await gateway.handle(mine.call).finally(() => {
      mine.answeredAt = clock.now();
    });
    mine.reply = reply;
    reply.ending.on(() => (mine.ends += 1));
    if (reply.kind === 'completion') mine.text = String(reply.json().choices[0]?.message.content);
    else if (reply.kind === 'stream')
      for await (const frame of reply.frames) {
        for (const chunk of frame.chunks()) mine.text += chunk.choices[0]?.delta.content ?? '';
        if (--mostFrames < 0) break;
      }
  };
  const request = async () => {
    const gone = new AbortController();
    const [deadlineMs, stream] = [dice.of([0, 300, 2_000, 10_000, 60_000]), dice.chance(0.6)];
    const call = createCall(
      { model: 'sim', messages: [{ role: 'user', content: 'hi' }], stream },
      { clock, deadlineMs, signal: gone.signal, id: `call-${told.length}` },
    );
    const blank = { answeredAt: -1, reply: null, error: null, text: '', ends: 0 };
    const mine: Told = { call, deadlineMs, startedAt: clock.now(), ...blank };
    told.push(mine);
    clients.set(call.id, gone);
    const leave = () => gone.abort(new GatewayError('client_closed', 'gone'));
    const leaving = dice.chance(0.2) ? clock.setTimeout(leave, dice.below(4_000)) : null;
    await converse(mine, dice.chance(0.15) ? dice.below(4) : Number.POSITIVE_INFINITY).catch((error) => {
      mine.error = error;
    });
    clock.clearTimeout(leaving);
  };
  const requests = 3 + dice.below(12);
  for (let i = 0; i < requests; i++)
    clock.setTimeout(() => void request(), dice.of([0, 0, 100, 3_000, 9_000, 30_000]) + dice.below(50));
  await clock.advance(400_000);
  return { clock, upstreams, targets, told, requests, records, seen, granted };
}

type World = Awaited<ReturnType<typeof simulate>>;

function check(seed: number, world: World) {
  const { clock, upstreams, targets, told, requests, records, seen, granted } = world;
  const must = (actual: unknown, promise: string) => expect(actual, `seed ${seed}: ${promise}`);
  must(told.length, 'every request came in').toBe(requests);
  const ids = told.map(({ call }) => call.id);
  must(records.map(({ id }) => id).sort(), 'one record per request').toEqual(ids.sort());
  must(clock.pending(), 'no timer is left').toBe(0);
  must(upstreams.filter((upstream) => upstream.inFlight() > 0).length, 'no upstream is left running').toBe(0);
  must(seen.mostProbes, 'one probe at a time').toBeLessThanOrEqual(1);
  let repeats = 0;
  let started = 0;
  for (const { call, deadlineMs, startedAt, answeredAt, reply, error, text, ends } of told) {
    const trail = call.trail.filter(({ outcome }) => outcome !== 'skipped');
    const again = trail.length - new Set(trail.map(({ model }) => model)).size;
    repeats += again;
    started += trail.length;
    must(call.trail.length, 'an end').toBeLessThan(MOST_ENTRIES);
    must(answeredAt, 'an outcome').toBeGreaterThanOrEqual(startedAt);
    must(answeredAt - startedAt, 'an answer before the deadline').toBeLessThanOrEqual(deadlineMs + 1);
    must(again, 'few retries').toBeLessThanOrEqual(MOST_RETRIES);
    must(trail.filter(({ outcome }) => outcome === 'running').length, 'every attempt has ended').toBe(0);
    must(error === null || isGatewayError(error), 'every failure is classified').toBe(true);
    must(targets.filter((target) => target.facts(call).inFlight).length, 'nothing is in flight').toBe(0);
    if (!reply) continue;
    must(ends, 'onFinish ran once').toBe(1);
    must([...new Set(text.replaceAll(' ', ''))].join(''), 'the words of one upstream').toBe(
      text && reply.by.model,
    );
    const late = trail.filter((attempt) => attempt.startedAt > answeredAt);
    must(late, 'nobody is called after the commit').toEqual([]);
    if (isGatewayError(error)) must(error.details.committed, 'a failure after the commit says so').toBe(true);
  }
  must(repeats, 'retries within the budget').toBeLessThanOrEqual(granted);
  must(seen.settled, 'every permit is settled once').toBe(started);
}

it(`keeps its promises in ${SEEDS} random worlds`, { timeout: 20_000 + SEEDS * 100 }, async () => {
  const sum = { requests: 0, replies: 0, failures: 0, probes: 0, granted: 0 };
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const world = await simulate(seed);
    check(seed, world);
    sum.requests += world.requests;
    sum.replies += world.told.filter(({ reply }) => reply).length;
    sum.failures += world.told.filter(({ error }) => error).length;
    sum.probes += world.seen.probes;
    sum.granted += world.granted;
  }
  if (SEEDS < 300) return;
  for (const [what, times] of Object.entries(sum))
    expect(times, `worlds without ${what} prove nothing`).toBeGreaterThan(50);
});
