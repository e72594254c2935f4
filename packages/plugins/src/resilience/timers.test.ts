import {
  type Call,
  createCall,
  GatewayError,
  type Phase,
  type Reply,
  type Target,
  type Timeouts,
} from '@inferbridge/core';
import { type Act, scripted, type VirtualClock, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { type TimersOptions, timers } from './timers.ts';

interface Setting {
  readonly stream?: boolean;
  readonly timeouts?: Partial<Timeouts>;
  readonly options?: Omit<TimersOptions, 'clock'>;
  readonly signal?: AbortSignal;
}
const callOf = (clock: VirtualClock, { stream = true, timeouts, signal }: Setting) =>
  createCall(
    { model: 'm', messages: [{ role: 'user', content: 'hi' }], stream },
    { clock, ...(timeouts && { state: { timeouts } }), ...(signal && { signal }) },
  );
const handle = (target: Target, call: Call) => {
  const permit = target.acquire(call);
  if ('blocked' in permit) throw new Error('blocked');
  return target.handle(call, permit);
};
/** A target that reports phases at moments, and answers nothing until it is aborted. */
function phased(phases: readonly (readonly [number, Phase])[], setting: Setting = {}) {
  const clock = virtualClock();
  const inner = scripted('p:m', [{ hang: true }], { clock });
  const target = timers({ clock, ...setting.options })({
    ...inner,
    handle: (call, permit) => {
      for (const [at, phase] of phases) clock.setTimeout(() => call.progress?.(phase), at);
      return inner.handle(call, permit);
    },
  });
  const ended = handle(target, callOf(clock, setting)).then(
    () => null,
    (error: GatewayError) => ({
      at: clock.now(),
      code: error.details.code,
      class: error.class,
      message: error.message,
    }),
  );
  return { clock, ended };
}
async function spoken(act: Act, setting: Setting = {}) {
  const clock = virtualClock();
  const inner = scripted('p:m', [act], { clock });
  const target = timers({ clock, ...setting.options })(inner);
  const going = handle(target, callOf(clock, setting)).catch((error: GatewayError) => error);
  return { clock, inner, going };
}
async function read(reply: Reply | GatewayError) {
  if (reply instanceof Error) throw reply;
  let text = '';
  if (reply.kind === 'stream')
    for await (const frame of reply.frames)
      for (const chunk of frame.chunks()) text += chunk.choices[0]?.delta.content ?? '';
  return text;
}

describe('timers before the first content', () => {
  it.each<[string, readonly (readonly [number, Phase])[], number, string]>([
    ['connecting takes 3 s', [[100, 'connecting']], 3_100, 'connect_timeout'],
    [
      'headers take 30 s after the connection',
      [
        [0, 'connecting'],
        [2_000, 'connected'],
      ],
      30_000,
      'first_content_timeout',
    ],
    ['the first content takes 30 s', [], 30_000, 'first_content_timeout'],
    [
      'bytes come, but no content',
      [
        [5, 'headers'],
        [20_000, 'bytes'],
      ],
      30_000,
      'first_content_timeout',
    ],
  ])('end it where %s', async (_, phases, at, code) => {
    const { clock, ended } = phased(phases);
    await clock.advance(700_000);
    expect(await ended).toMatchObject({ at, code, class: 'timeout' });
  });

  it.each<[Partial<Timeouts>, readonly (readonly [number, Phase])[], number, string, string]>([
    [{ connectMs: 10 }, [[5, 'connecting']], 15, 'connect_timeout', 'no connection within 10 ms'],
    [{ headersMs: 20 }, [[5, 'connected']], 25, 'headers_timeout', 'no response headers within 20 ms'],
    [{ firstContentMs: 30 }, [[5, 'headers']], 30, 'first_content_timeout', 'no content within 30 ms'],
    [
      { idleMs: 40 },
      [
        [5, 'headers'],
        [25, 'bytes'],
      ],
      65,
      'idle_timeout',
      'nothing more came within 40 ms',
    ],
    [{ totalMs: 50 }, [[5, 'headers']], 50, 'total_timeout', 'not done within 50 ms'],
  ])('are each set by options and by the call: %o', async (timeouts, phases, at, code, message) => {
    for (const setting of [{ options: timeouts }, { timeouts, options: { connectMs: 9_999 } }]) {
      const { clock, ended } = phased(phases, setting);
      await clock.advance(700_000);
      expect(await ended).toEqual({ at, code, class: 'timeout', message });
      expect(clock.pending()).toBe(0);
    }
  });

  it('do not end a connection that came in time', async () => {
    const { clock, ended } = phased([
      [0, 'connecting'],
      [2_999, 'connected'],
      [3_500, 'headers'],
    ]);
    await clock.advance(700_000);
    expect(await ended).toMatchObject({ code: 'first_content_timeout' });
  });

  it('take comments for life', async () => {
    const beats = Array.from({ length: 9 }, (_, i) => [(i + 1) * 50, 'bytes'] as const);
    const { clock, ended } = phased(beats, { timeouts: { idleMs: 60 } });
    await clock.advance(700_000);
    expect(await ended).toMatchObject({ at: 510, code: 'idle_timeout' });
  });
});

describe('timers without streaming', () => {
  it('bound neither headers nor first content, only the whole', async () => {
    const { clock, ended } = phased(
      [
        [0, 'connecting'],
        [10, 'connected'],
      ],
      { stream: false },
    );
    await clock.advance(700_000);
    expect(await ended).toMatchObject({ at: 600_000, code: 'total_timeout' });
  });

  it('are not bound by what the options say of a stream’s headers and first content', async () => {
    const { clock, ended } = phased([[10, 'connected']], {
      stream: false,
      options: { headersMs: 50, firstContentMs: 60, totalMs: 900 },
    });
    await clock.advance(2_000);
    expect(await ended).toMatchObject({ at: 900, code: 'total_timeout' });
  });

  it.each<[Partial<Timeouts>, number, string]>([
    [{ headersMs: 50 }, 60, 'headers_timeout'],
    [{ firstContentMs: 50 }, 50, 'first_content_timeout'],
  ])('bound the wait for the whole reply where the call sets them: %o', async (timeouts, at, code) => {
    const { clock, ended } = phased([[10, 'connected']], { stream: false, timeouts });
    await clock.advance(2_000);
    expect(await ended).toMatchObject({ at, code });
  });

  it('are stopped by the answer', async () => {
    const { clock, going } = await spoken({ say: 'hi', afterMs: 50_000 }, { stream: false });
    await clock.advance(50_000);
    expect(await going).toMatchObject({ kind: 'completion' });
    expect(clock.pending()).toBe(0);
  });
});

describe('timers of a stream', () => {
  it('let a stream of many small silences pass, and are stopped at its end', async () => {
    const { clock, going } = await spoken(
      { say: 'one two three', betweenMs: 50 },
      { timeouts: { idleMs: 60 } },
    );
    await clock.advance(100);
    const reading = going.then(read);
    await clock.advance(1_000);
    expect(await reading).toBe('one two three');
    expect(clock.pending()).toBe(0);
  });

  it('end a stream that falls silent, as a committed timeout', async () => {
    const { clock, inner, going } = await spoken(
      { say: 'one two', betweenMs: 500 },
      { timeouts: { idleMs: 400, firstContentMs: 5_000 } },
    );
    await clock.advance(1_400);
    expect(await going).toMatchObject({ class: 'timeout', details: { code: 'idle_timeout' } });
    expect([clock.pending(), inner.inFlight()]).toEqual([0, 0]);
  });

  it('end a stream that is longer than the whole may take, in the middle', async () => {
    const { clock, inner, going } = await spoken(
      { say: 'one two three', betweenMs: 100 },
      { timeouts: { totalMs: 250 } },
    );
    await clock.advance(200);
    const failing = going.then(read).catch((error: unknown) => error);
    await clock.advance(100);
    expect(await failing).toMatchObject({
      class: 'timeout',
      details: { code: 'total_timeout', committed: true },
    });
    expect([clock.pending(), inner.inFlight(), inner.aborted()]).toEqual([0, 0, 1]);
  });

  it('are stopped where its reader leaves', async () => {
    const { clock, going } = await spoken({ say: 'one two three' });
    const reply = await going;
    if (!(reply instanceof Error) && reply.kind === 'stream') for await (const _ of reply.frames) break;
    expect(clock.pending()).toBe(0);
  });

  it('are stopped by a failure', async () => {
    const { clock, going } = await spoken({ fail: 'overloaded' });
    expect(await going).toMatchObject({ class: 'overloaded' });
    expect(clock.pending()).toBe(0);
  });

  it('pass an abort from outside on with its own reason', async () => {
    const gone = new AbortController();
    const { clock, inner, going } = await spoken({ hang: true }, { signal: gone.signal });
    gone.abort(new GatewayError('client_closed', 'gone'));
    expect(await going).toMatchObject({ class: 'client_closed' });
    expect([clock.pending(), inner.aborted()]).toEqual([0, 1]);
  });
});
