import { createCall, GatewayError, type Handler, isBlocked, seededRandom } from '@inferbridge/core';
import { type Act, scripted, virtualClock } from '@inferbridge/core/testing';
import { expect, it } from 'vitest';
import { createFlights } from './flight.ts';

/** `SEEDS=5000` runs more of them, `FIRST_SEED=17 SEEDS=1` repeats one. */
const SEEDS = Number(process.env['SEEDS'] ?? 300);
const FIRST_SEED = Number(process.env['FIRST_SEED'] ?? 1);
const LEFT = new GatewayError('client_closed', 'the client left');
const FAILURES = ['server_error', 'overloaded', 'timeout', 'malformed'] as const;

interface Told {
  readonly stream: boolean;
  text: string;
  end: string | null;
}

/** Callers who come, read at their own pace and go, of one name; `early`: also before they have seen any of it. */
async function simulate(seed: number, early: boolean) {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const chance = (p: number) => random() < p;
  const clock = virtualClock();
  const wait = (ms: number) => new Promise<void>((resolve) => void clock.setTimeout(resolve, ms));

  const act = (n: number): Act => {
    const say = Array.from({ length: 1 + below(6) }, (_, word) => `${n}.${word}`).join(' ');
    const times = { afterMs: below(3) * 50, betweenMs: below(3) * 10 };
    const fail = FAILURES[below(FAILURES.length)] ?? 'server_error';
    if (chance(0.2)) return { fail, afterMs: times.afterMs };
    return chance(0.2) ? { say, ...times, thenFail: fail } : { say, ...times };
  };
  const acts: readonly [Act, ...Act[]] = [act(0), ...Array.from({ length: 20 }, (_, n) => act(n + 1))];
  const target = scripted('p:m', acts, { clock });
  const flights = createFlights();
  const shared = { stream: 0, whole: 0, most: 0 };
  const own = new Set<unknown>();
  const run: Handler = async (call) => {
    const permit = target.acquire(call);
    if (isBlocked(permit)) throw new Error('nothing blocks it');
    if (own.has(call)) return target.handle(call, permit); // a follower who tries alone
    const kind = call.request.value.stream === true ? 'stream' : 'whole';
    shared.most = Math.max(shared.most, ++shared[kind]);
    const over = () => void (shared[kind] -= 1);
    try {
      const reply = await target.handle(call, permit);
      reply.ending.on(over);
      return reply;
    } catch (error) {
      over();
      throw error;
    }
  };

  const caller = async (told: Told): Promise<void> => {
    const controller = new AbortController();
    const pauseMs = chance(0.3) ? 7 * below(5) : 0;
    const leavesAt = chance(0.4) ? 5 + 10 * below(20) : null;
    const words = chance(0.2) ? 1 + below(3) : null;
    await wait(10 * below(20));
    const messages = [{ role: 'user', content: 'hi' }];
    const value = { model: 'm', messages, ...(told.stream && { stream: true }) };
    const call = createCall(value, { clock, deadlineMs: 600_000, signal: controller.signal });
    own.add(call);
    const leave = () => {
      if (early || !told.stream || told.text !== '') controller.abort(LEFT);
    };
    if (leavesAt !== null) clock.setTimeout(leave, leavesAt);
    const reply = await flights.join('one', call, run);
    if (reply.kind === 'completion') told.text = String(reply.json().choices[0]?.message.content);
    if (reply.kind !== 'stream') return;
    let read = 0;
    for await (const frame of reply.frames) {
      for (const { choices } of frame.chunks()) told.text += choices[0]?.delta.content ?? '';
      if (words !== null && ++read > words) throw LEFT;
      if (pauseMs > 0) await wait(pauseMs);
    }
  };
  const callers = Array.from({ length: 1 + below(7) }, () => {
    const told: Told = { stream: chance(0.6), text: '', end: null };
    caller(told).then(
      () => Object.assign(told, { end: 'ok' }),
      (error) => Object.assign(told, { end: error instanceof GatewayError ? error.class : String(error) }),
    );
    return told;
  });
  await clock.advance(1_000_000);
  return { callers, acts, target, flights, shared };
}

/** What holds whatever happens. */
async function check(seed: number, early: boolean): Promise<void> {
  const { callers, acts, target, flights, shared } = await simulate(seed, early);
  const said = acts.flatMap((act) => ('say' in act && !('thenFail' in act) ? [act.say] : []));
  const begun = acts.flatMap((act) => ('say' in act ? [act.say] : []));
  for (const { text, end, stream } of callers) {
    const about = `seed ${seed}: ${end} "${text}"`;
    expect(end, about).not.toBeNull();
    if (end === 'ok') expect(said, about).toContain(text);
    else if (stream)
      expect(
        begun.some((whole) => whole.startsWith(text)),
        about,
      ).toBe(true);
    else expect(text, about).toBe('');
    expect(['ok', 'client_closed', ...FAILURES], about).toContain(end);
  }
  expect(shared.most, `seed ${seed}: calls at once`).toBeLessThanOrEqual(1);
  expect([flights.size(), target.inFlight()], `seed ${seed}: what is left`).toEqual([0, 0]);
}

it(`every caller gets one whole answer, or an error after a part of one (${SEEDS} seeds)`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) await check(seed, false);
});

// see flight.test.ts: a leader who leaves before the first content leaves its followers an empty answer
it(`also where callers leave before they have seen anything (${SEEDS} seeds)`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) await check(seed, true);
});
