import {
  type Completion,
  createEnding,
  type End,
  type Frame,
  GatewayError,
  rawFrame,
  type Stream,
  type Usage,
} from '@inferbridge/core';
import { virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { bytesOf, decode, type Entry, encode, entryOf, MOST_ENTRY_BYTES, recorded } from './entry.ts';

const encoder = new TextEncoder();
const by = { provider: 'p', model: 'm', residency: 'eu', account: 'secret account', ownAddress: true };
const USAGE: Usage = {
  inputTokens: 1,
  outputTokens: 2,
  cachedTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
};
const TIMES = { at: 1, fresh: 2, until: 3 };
const NATIVE = { dialect: 'messages', bytes: encoder.encode('event: x\n\n') };
const about = () => ({ by, ending: createEnding(), usage: () => USAGE, cost: () => 1, dropped: ['seed'] });
const completion = (text: string): Completion => ({
  ...about(),
  kind: 'completion',
  bytes: encoder.encode(text),
  json: () => JSON.parse(text),
});
const entry = (more: Partial<Entry> = {}): Entry => ({
  ...entryOf(completion('{"a":"é\u{1f600}\\ud800"}'), TIMES),
  ...more,
});

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const shown = (said: Entry['said'] | undefined) =>
  [said ?? []].flat().map(({ bytes, native, ...more }) => [hex(bytes), native && hex(native), more]);
/** As a store gives it back. */
const read = (stored: unknown) => {
  const bytes = bytesOf(stored);
  return bytes && decode(bytes);
};

describe('an entry', () => {
  it('says who answered and what, and nothing of whose account it was', () => {
    expect(entry()).toEqual({
      ...TIMES,
      by: { provider: 'p', model: 'm', residency: 'eu' },
      usage: USAGE,
      dropped: ['seed'],
      said: { bytes: encoder.encode('{"a":"é\u{1f600}\\ud800"}') },
    });
    expect(entryOf({ ...completion('{}'), native: NATIVE }, TIMES)).toMatchObject({
      dialect: 'messages',
      said: { bytes: encoder.encode('{}'), native: NATIVE.bytes },
    });
  });

  it('is the same when it has been written and read', () => {
    const pieces = [
      { bytes: encoder.encode('data: 1\n\n'), afterMs: 0 },
      { bytes: encoder.encode('ü\u2028'), native: encoder.encode('x'), afterMs: 12 },
      { bytes: new Uint8Array([0, 10, 0xff]), native: new Uint8Array(), afterMs: 0 },
    ];
    for (const one of [entry(), entry({ said: pieces, dialect: 'd' }), entry({ said: [], usage: null })]) {
      const { said, ...about } = one;
      const again = decode(encode(one));
      expect(again).toMatchObject(about);
      expect(shown(again?.said)).toEqual(shown(said));
    }
  });

  it.each([
    undefined,
    null,
    5,
    {},
    [],
    '',
    'junk',
    'null',
    '5',
    '"x"',
    '[]',
    '{}',
    '[1,2]',
    '{"at":1}',
    '\0',
  ])('is not %j', (junk) => {
    expect(read(junk)).toBeNull();
  });

  it('is nothing that was cut anywhere, or has more behind it', () => {
    const bytes = encode(entry({ said: [{ bytes: encoder.encode('ab'), afterMs: 0 }] }));
    expect(decode(bytes)).not.toBeNull();
    for (let end = 0; end < bytes.length; end++) expect(decode(bytes.subarray(0, end))).toBeNull();
    expect(decode(Buffer.concat([bytes, Buffer.from('x')]))).toBeNull();
  });

  it('is the same from a store that keeps bytes, and from one that keeps text', () => {
    const bytes = encode(entry());
    for (const stored of [bytes, new Uint8Array(bytes), bytes.toString()])
      expect(shown(read(stored)?.said)).toEqual(shown(entry().said));
  });

  it.each<unknown>([
    true,
    'text',
    {},
    [],
    [1],
    [-1, null],
    [5, -5],
    ['1', null],
    [0.5, null],
    [null],
    [[1]],
    [[1, null], [null]],
    ['a'],
    [1, null, 0, {}, 2],
  ])('is nothing that says %j of what follows', (said) => {
    const whole = `${JSON.stringify({ ...entry(), said })}\nab`;
    expect(read(whole)).toBeNull();
  });
});

describe('a stream that is written down', () => {
  function setUp(frames: readonly Frame[], error?: GatewayError) {
    const clock = virtualClock();
    const ending = createEnding();
    const ends: End[] = [];
    ending.on((end) => ends.push(end));
    async function* source(): AsyncGenerator<Frame> {
      let over = false;
      try {
        for (const one of frames) {
          await new Promise<void>((resolve) => void clock.setTimeout(resolve, 10.4));
          yield one;
        }
        over = true;
      } finally {
        if (!over) ending.finish({ abandoned: true });
      }
      ending.finish({ abandoned: false, ...(error && { error }) });
      if (error) throw error;
    }
    const kept: Entry[] = [];
    const stream: Stream = { ...about(), ending, kind: 'stream', frames: source() };
    const times = () => ({ at: clock.now(), fresh: 0, until: 0 });
    const reply = recorded(stream, clock, times, (one) => kept.push(one));
    const read = async (most = Number.POSITIVE_INFINITY) => {
      let count = 0;
      for await (const one of reply.frames) {
        expect(one).toBe(frames[count]);
        if (++count >= most) break;
      }
      return count;
    };
    return { clock, kept, read, ends };
  }
  const frame = (text: string, native = false): Frame => ({
    ...rawFrame(encoder.encode(text)),
    ...(native && { native: NATIVE }),
  });

  it('is kept with its pieces and their times when it has ended, dated by its end', async () => {
    const { clock, kept, read } = setUp([frame('a'), frame('é'), frame('c', true)]);
    const reading = read();
    await clock.advance(21);
    expect(kept).toEqual([]);
    await clock.advance(100);
    expect(await reading).toBe(3);
    expect(kept).toMatchObject([
      {
        at: expect.closeTo(31.2),
        usage: USAGE,
        dialect: 'messages',
        said: [
          { bytes: encoder.encode('a'), afterMs: 10 },
          { bytes: encoder.encode('é'), afterMs: 10 },
          { bytes: encoder.encode('c'), native: NATIVE.bytes, afterMs: 10 },
        ],
      },
    ]);
  });

  it('is forgotten where it failed', async () => {
    const { clock, kept, read } = setUp([frame('a')], new GatewayError('server_error', 'broke'));
    const reading = expect(read()).rejects.toMatchObject({ class: 'server_error' });
    await clock.advance(100);
    await reading;
    expect(kept).toEqual([]);
  });

  it('is forgotten where its reader left, and the upstream is told', async () => {
    const { clock, kept, read, ends } = setUp([frame('a'), frame('b')]);
    const reading = read(1);
    await clock.advance(100);
    expect(await reading).toBe(1);
    expect([kept, ends]).toEqual([[], [{ abandoned: true }]]);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])('is kept up to 4 MB, passed on beyond it: %i more', async (more, times) => {
    const half = 'x'.repeat(MOST_ENTRY_BYTES / 2);
    const { clock, kept, read } = setUp([frame(half), frame(half), ...(more ? [frame('y')] : [])]);
    const reading = read();
    await clock.advance(100);
    expect(await reading).toBe(2 + more);
    expect(kept.length).toBe(times);
  });
});
