import { createCall, GatewayError, type Handler, isBlocked, type Reply } from '@inferbridge/core';
import { type Act, scripted, settled, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { createFlights } from './flight.ts';

const LEFT = new GatewayError('client_closed', 'the client left');

interface Wish {
  readonly stream?: boolean;
  readonly deadlineMs?: number;
  /** Waits so long before each frame. */
  readonly pauseMs?: number;
  readonly name?: string;
}

/** One name, one upstream, and callers who come and go. */
function setUp(...acts: readonly [Act, ...Act[]]) {
  const clock = virtualClock();
  const target = scripted('p:m', acts, { clock });
  const flights = createFlights();
  const own = new Set<unknown>();
  const alone: unknown[] = [];
  const run: Handler = async (call) => {
    if (own.has(call)) alone.push(call);
    const permit = target.acquire(call);
    if (isBlocked(permit)) throw new Error('nothing blocks it');
    return target.handle(call, permit);
  };
  const ask = ({ stream = false, deadlineMs = 60_000, pauseMs = 0, name = 'one' }: Wish = {}) => {
    const controller = new AbortController();
    const value = { model: 'm', messages: [{ role: 'user', content: 'hi' }], ...(stream && { stream }) };
    const call = createCall(value, { clock, deadlineMs, signal: controller.signal });
    own.add(call);
    const told = { text: '', end: null as string | null, reply: null as Reply | null, at: -1 };
    const read = async () => {
      told.reply = await flights.join(name, call, run);
      if (told.reply.kind === 'completion') told.text = String(told.reply.json().choices[0]?.message.content);
      if (told.reply.kind !== 'stream') return;
      for await (const frame of told.reply.frames) {
        for (const { choices } of frame.chunks()) told.text += choices[0]?.delta.content ?? '';
        if (pauseMs > 0) await new Promise<void>((resolve) => void clock.setTimeout(resolve, pauseMs));
      }
    };
    read()
      .then(
        () => 'ok',
        (error) => (error instanceof GatewayError ? error.class : String(error)),
      )
      .then((end) => Object.assign(told, { end, at: clock.now() }));
    return { told, leave: () => controller.abort(LEFT), stream };
  };
  const over = async () => {
    await clock.advance(1_000_000);
    expect(flights.size()).toBe(0);
    expect(target.inFlight()).toBe(0);
  };
  return { clock, target, flights, ask, over, alone };
}
const SLOW = { say: 'one two three four', afterMs: 100, betweenMs: 10 } as const;
const ALL = { text: SLOW.say, end: 'ok' };

describe('requests that are on their way', () => {
  it.each([false, true])('share one call, and only the first pays; streaming: %s', async (stream) => {
    const { clock, target, ask, over, flights } = setUp(SLOW);
    const asked = [ask({ stream })];
    for (let i = 0; i < 4; i++) {
      await clock.advance(35);
      asked.push(ask({ stream }));
    }
    expect(flights.size()).toBe(1);
    await over();
    expect(target.calls.length).toBe(1);
    for (const [index, { told }] of asked.entries()) {
      expect(told).toMatchObject(ALL);
      expect(told.reply?.cached).toBe(index === 0 ? undefined : 'coalesced');
      if (index > 0) expect(told.reply?.cost()).toBe(0);
    }
  });

  it('give a late reader what has come, and then what comes, when it comes', async () => {
    const { clock, ask, over } = setUp(SLOW);
    const first = ask({ stream: true });
    await clock.advance(135);
    const late = ask({ stream: true });
    await settled();
    expect([first.told.text, late.told.text]).toEqual(['one two ', 'one two ']);
    await clock.advance(10);
    expect([first.told.text, late.told.text]).toEqual(['one two three ', 'one two three ']);
    await over();
    expect([first.told, late.told]).toMatchObject([ALL, ALL]);
    expect(late.told.at).toBe(first.told.at);
  });

  it('are new ones when those before are over, and apart by name', async () => {
    const { target, ask, over, flights } = setUp(SLOW);
    ask();
    ask({ name: 'two' });
    expect(flights.size()).toBe(2);
    await over();
    ask();
    await over();
    expect(target.calls.length).toBe(3);
  });

  it('serve whoever wants the answer whole from a stream, and never the other way round', async () => {
    const { clock, target, ask, over, flights } = setUp(SLOW);
    const asked = [ask({ stream: true })];
    await clock.advance(115);
    asked.push(ask());
    await over();
    expect(target.calls.length).toBe(1);
    expect(asked[1]?.told).toMatchObject({ ...ALL, reply: { kind: 'completion', cached: 'coalesced' } });
    asked.push(ask());
    await clock.advance(50);
    asked.push(ask({ stream: true }));
    expect(flights.size()).toBe(2);
    asked.push(ask());
    await over();
    expect(target.calls.length).toBe(3);
    for (const { told } of asked) expect(told).toMatchObject(ALL);
  });

  it('are joined by nobody whose time is up much sooner', async () => {
    const { target, ask, over } = setUp(SLOW);
    ask({ deadlineMs: 10_000 });
    ask({ deadlineMs: 9_000 });
    ask({ deadlineMs: 20_000 });
    await settled();
    expect(target.calls.length).toBe(1);
    ask({ deadlineMs: 8_999 });
    await settled();
    expect(target.calls.length).toBe(2);
    await over();
  });
});

describe('whoever leaves', () => {
  const leaderLeaves = async (stream: boolean, whole: boolean, afterMs: number) => {
    const { clock, target, ask, over } = setUp(SLOW);
    const [leader, follower] = [ask({ stream }), ask({ stream: !whole })];
    await clock.advance(afterMs);
    leader.leave();
    await over();
    expect(leader.told.end).toBe('client_closed');
    expect(follower.told).toMatchObject(ALL);
    expect([target.calls.length, target.aborted()]).toEqual([1, 0]);
  };

  it.each([
    [false, true, 50],
    [true, true, 125],
    [true, false, 125],
  ])('first is not missed by the others: streaming %s, they want it whole %s, after %i ms', leaderLeaves);

  // so shared-stream.ts:93 ends the upstream, and the follower, whose reader comes a tick later, gets an empty answer
  it.each([
    [true, false, 50],
    [true, true, 50],
  ])('before the first content is not missed by the others either: %s, %s, %i', leaderLeaves);

  it.each([
    [false, 50],
    [true, 50],
    [true, 125],
  ])('last ends the upstream: streaming %s, after %i ms', async (stream, afterMs) => {
    const { clock, target, ask, over } = setUp(SLOW);
    const asked = [ask({ stream }), ask({ stream }), ask()];
    await clock.advance(afterMs);
    for (const { leave } of asked) {
      expect(target.inFlight()).toBe(1);
      leave();
      await settled();
    }
    expect([target.inFlight(), target.aborted()]).toEqual([0, 1]);
    await settled();
    for (const { told } of asked) expect(told.end).toBe('client_closed');
    await over();
  });

  it('in the middle hears of it at once', async () => {
    const { clock, target, ask, over } = setUp(SLOW);
    const [leader, follower] = [ask(), ask()];
    await clock.advance(50);
    follower.leave();
    await settled();
    expect(follower.told).toMatchObject({ end: 'client_closed', at: 50 });
    await over();
    expect(leader.told).toMatchObject(ALL);
    expect(target.aborted()).toBe(0);
  });

  it.each([false, true])('before it has asked costs nobody anything; streaming: %s', async (stream) => {
    const { target, ask, over } = setUp(SLOW);
    const leader = ask({ stream });
    const gone = ask({ stream });
    gone.leave();
    await over();
    expect([leader.told.end, gone.told.end, target.calls.length]).toEqual(['ok', 'client_closed', 1]);
  });

  it('in the moment in which another joins leaves that one nothing broken', async () => {
    const { clock, ask, over } = setUp(SLOW);
    const leader = ask({ stream: true });
    await clock.advance(125);
    const follower = ask({ stream: true });
    leader.leave();
    await over();
    expect(follower.told).toMatchObject(ALL);
  });
});

describe('a failure', () => {
  it.each([false, true])('before any content reaches all; streaming: %s', async (stream) => {
    const { clock, target, ask, over } = setUp({ fail: 'server_error', afterMs: 100 });
    const asked = [ask({ stream }), ask({ stream }), ask()];
    await clock.advance(50);
    asked.push(ask({ stream }));
    await over();
    for (const { told } of asked) expect(told).toMatchObject({ end: 'server_error', text: '' });
    expect(target.calls.length).toBe(1);
  });

  it('after content is everybody’s who has seen some of it; who has not tries again', async () => {
    const broken = { say: 'one two three', betweenMs: 10, thenFail: 'server_error' } as const;
    const { clock, target, ask, over } = setUp(broken, { say: 'whole' });
    const readers = [ask({ stream: true }), ask({ stream: true })];
    const waiting = ask();
    await clock.advance(25);
    readers.push(ask({ stream: true }));
    await over();
    for (const { told } of readers) expect(told).toMatchObject({ end: 'server_error', text: broken.say });
    expect(waiting.told).toMatchObject({ end: 'ok', text: 'whole' });
    expect(target.calls.length).toBe(2);
  });

  it.each(['timeout', 'deadline'] as const)(
    'for want of its leader’s time (%s) is no follower’s',
    async (fail) => {
      const { target, ask, over, alone } = setUp({ fail, afterMs: 500 }, { say: 'in time' });
      const [leader, follower] = [ask({ deadlineMs: 500 }), ask({ deadlineMs: 30_000 })];
      await over();
      expect(leader.told.end).toBe(fail);
      expect(follower.told).toMatchObject({ end: 'ok', text: 'in time' });
      expect([target.calls.length, alone.length]).toEqual([2, 1]);
    },
  );

  it('is not tried again by a follower who has no time left', async () => {
    const { target, ask, over } = setUp({ fail: 'timeout', afterMs: 500 });
    const asked = [ask({ deadlineMs: 1_000 }), ask({ deadlineMs: 1_400 })];
    await over();
    for (const { told } of asked) expect(told.end).toBe('timeout');
    expect(target.calls.length).toBe(1);
  });
});
