import {
  createEnding,
  type End,
  type Frame,
  GatewayError,
  onFinish,
  rawFrame,
  type Stream,
} from '@inferbridge/core';
import { settled } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { type ReaderOptions, shareStream } from './shared-stream.ts';

const MEGABYTE = 1_048_576;
const frame = (n: number, size = 4): Frame => {
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, n);
  return rawFrame(bytes);
};
const numberOf = ({ bytes }: Frame) => new DataView(bytes.buffer).getUint32(0);

/** An upstream whose frames are numbered; it gives each when it is told to, or at once. */
function upstream({ frames = 3, size = 4, slow = false, error = null as GatewayError | null } = {}) {
  const seen = { pulls: 0, returned: 0, ends: [] as End[] };
  const ending = createEnding();
  let give = Promise.withResolvers<void>();
  const iterator: AsyncIterator<Frame> = {
    async next() {
      const n = seen.pulls++;
      if (slow) await give.promise;
      if (n < frames) return { done: false, value: frame(n, size) };
      ending.finish({ abandoned: false, ...(error && { error }) });
      if (error) throw error;
      return { done: true, value: undefined };
    },
    async return() {
      seen.returned += 1;
      ending.finish({ abandoned: true });
      return { done: true, value: undefined };
    },
  };
  const reply: Stream = {
    kind: 'stream',
    by: { provider: 'p', model: 'm', residency: 'global' },
    ending,
    usage: () => null,
    cost: () => 3,
    frames: { [Symbol.asyncIterator]: () => iterator },
  };
  onFinish(reply, (end) => seen.ends.push(end));
  let emptied = 0;
  const shared = shareStream(reply, () => {
    emptied += 1;
  });
  const next = async () => {
    const { resolve } = give;
    give = Promise.withResolvers();
    resolve();
    await settled();
  };
  return { shared, seen, next, emptied: () => emptied };
}

/** Reads on in the background; tells what has come. */
function reading(stream: Stream, most = Number.POSITIVE_INFINITY) {
  const got: number[] = [];
  const iterator = stream.frames[Symbol.asyncIterator]();
  const ends: End[] = [];
  onFinish(stream, (end) => ends.push(end));
  const read = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const step = await iterator.next();
      if (step.done) return;
      got.push(numberOf(step.value));
    }
  };
  const over = read(most).then(
    () => 'over',
    (error: GatewayError) => error.class ?? error,
  );
  return { got, over, ends, read, leave: () => iterator.return?.() };
}
const leaving = () => {
  const controller = new AbortController();
  return { signal: controller.signal, leave: (reason?: unknown) => controller.abort(reason) };
};
const stays = (): ReaderOptions => ({ signal: leaving().signal });

describe('a shared stream', () => {
  it('gives every reader all of it, and is pulled once', async () => {
    const { shared, seen } = upstream({ frames: 5 });
    const readers = [0, 1, 2].map(() => reading(shared.reader(stays())));
    for (const { over, got } of readers) {
      expect(await over).toBe('over');
      expect(got).toEqual([0, 1, 2, 3, 4]);
    }
    expect(seen).toEqual({ pulls: 6, returned: 0, ends: [{ abandoned: false }] });
    for (const { ends } of readers) expect(ends).toEqual([{ abandoned: false }]);
    expect(await shared.over).toEqual({ abandoned: false });
  });

  it('gives a late reader what has come, and then what comes', async () => {
    const { shared, next } = upstream({ frames: 4, slow: true });
    const first = reading(shared.reader(stays()));
    await next();
    await next();
    expect(first.got).toEqual([0, 1]);
    expect(shared.open()).toBe(true);
    const late = reading(shared.reader(stays()));
    await settled();
    expect(late.got).toEqual([0, 1]);
    await next();
    expect([first.got, late.got]).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
    await next();
    await next();
    expect([await first.over, await late.over]).toEqual(['over', 'over']);
    expect(shared.open()).toBe(false);
  });

  it('pulls nothing that nobody reads', async () => {
    const { shared, seen } = upstream({ frames: 100 });
    const first = reading(shared.reader(stays()), 2);
    const second = reading(shared.reader(stays()), 1);
    await Promise.all([first.over, second.over]);
    expect(seen.pulls).toBe(2);
    await second.read(3);
    expect(seen.pulls).toBe(4);
  });

  it('tells each reader what differs for it', () => {
    const { shared } = upstream();
    const own = shared.reader({ ...stays(), about: { cached: 'coalesced', cost: () => 0 } });
    expect([own.cached, own.cost()]).toEqual(['coalesced', 0]);
    const other = shared.reader(stays());
    expect([other.cached, other.cost()]).toEqual([undefined, 3]);
  });

  it('says that a reader has finished only when what it waits for has', async () => {
    const { shared } = upstream();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { over, ends } = reading(shared.reader({ ...stays(), until: () => promise }));
    await over;
    await settled();
    expect(ends).toEqual([]);
    resolve();
    await settled();
    expect(ends).toEqual([{ abandoned: false }]);
  });

  it('gives an error to all, each after what came before it', async () => {
    const { shared } = upstream({ frames: 2, error: new GatewayError('server_error', 'broke') });
    const fast = reading(shared.reader(stays()));
    const slow = reading(shared.reader(stays()), 1);
    expect(await fast.over).toBe('server_error');
    await slow.over;
    await expect(slow.read(5)).rejects.toMatchObject({ class: 'server_error' });
    for (const { got, ends } of [fast, slow]) {
      expect(got).toEqual([0, 1]);
      expect(ends).toMatchObject([{ abandoned: false, error: { class: 'server_error' } }]);
    }
  });
});

describe('a slow reader', () => {
  it('holds the others back beyond 4 MB, and no sooner', async () => {
    const { shared, seen } = upstream({ frames: 20, size: MEGABYTE });
    const slow = reading(shared.reader(stays()), 0);
    const fast = reading(shared.reader(stays()));
    await settled();
    expect(fast.got.length).toBe(5);
    expect(shared.open()).toBe(false);
    for (let i = 1; i <= 3; i++) {
      await slow.read(1);
      await settled();
      expect(fast.got.length).toBe(5 + i);
    }
    await slow.read(100);
    await fast.over;
    expect(slow.got).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(fast.got).toEqual(slow.got);
    expect(seen.pulls).toBe(21);
  });

  it.each(['leaves', 'is gone'])('lets them go on when it %s', async (how) => {
    const { shared } = upstream({ frames: 20, size: MEGABYTE });
    const options = leaving();
    const slow = reading(shared.reader(options), 0);
    const fast = reading(shared.reader(stays()));
    await settled();
    expect(fast.got.length).toBe(5);
    if (how === 'leaves') await slow.leave();
    else options.leave();
    expect(await fast.over).toBe('over');
    expect(fast.got.length).toBe(20);
  });
});

describe('readers who leave', () => {
  it('are told so once, and get nothing more', async () => {
    const { shared, seen, emptied } = upstream();
    const [one, other] = [shared.reader(stays()), shared.reader(stays())].map((reader) => reading(reader, 1));
    await one?.leave();
    await one?.leave();
    await one?.read(5);
    expect(one).toMatchObject({ got: [], ends: [{ abandoned: true }] });
    await other?.read(5);
    expect(other?.got).toEqual([0, 1, 2]);
    expect([emptied(), seen.returned]).toEqual([0, 0]);
  });

  it('stop to wait at once when their signal aborts, with its reason', async () => {
    const { shared, next } = upstream({ slow: true });
    const options = leaving();
    const gone = reading(shared.reader(options));
    const there = reading(shared.reader(stays()));
    await next();
    options.leave(new GatewayError('client_closed', 'left'));
    expect(await gone.over).toBe('client_closed');
    expect(gone.ends).toMatchObject([{ abandoned: false, error: { class: 'client_closed' } }]);
    await expect(gone.read(1)).rejects.toMatchObject({ class: 'client_closed' });
    for (let i = 0; i < 3; i++) await next();
    expect(await there.over).toBe('over');
    expect([gone.got, there.got]).toEqual([[0], [0, 1, 2]]);
  });

  it('end the upstream when they were the last', async () => {
    const { shared, seen, next, emptied } = upstream({ slow: true });
    const options = leaving();
    const [one, other] = [reading(shared.reader(options)), reading(shared.reader(stays()))];
    await next();
    options.leave();
    await one.over;
    expect([emptied(), seen.returned]).toEqual([0, 0]);
    await other.leave();
    expect([emptied(), seen.returned]).toEqual([1, 1]);
    expect(await shared.over).toEqual({ abandoned: true });
    expect(shared.open()).toBe(false);
  });

  it('end nothing that has ended', async () => {
    const { shared, seen, emptied } = upstream();
    const readers = [reading(shared.reader(stays())), reading(shared.reader(stays()), 1)];
    await readers[0]?.over;
    await readers[1]?.leave();
    expect([emptied(), seen.returned]).toEqual([0, 0]);
  });
});
