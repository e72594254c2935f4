import { describe, expect, it } from 'vitest';
import type { ChatChunk, ChunkDelta } from '../chat.ts';
import { GatewayError } from '../errors.ts';
import { type Frame, type Frames, frameOf, rawFrame, type StreamEnd } from '../frame.ts';
import type { End } from '../reply.ts';
import { observe } from './observe.ts';

const chunk = (delta: ChunkDelta, more: Partial<ChatChunk> = {}, finish: string | null = null): Frame =>
  frameOf({
    id: 'c',
    object: '',
    created: 0,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: finish }],
    ...more,
  });
const ROLE = chunk({ role: 'assistant', content: '' });
const [A, B] = [chunk({ content: 'a' }), chunk({ content: 'b' })];
const STOP = chunk({}, {}, 'stop');
const USAGE = chunk({}, { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } });
const PING = rawFrame(new TextEncoder().encode(': ping\n\n'));

/** Frames, then an end or an error; counts how far it was read and whether it was let go. */
function source(frames: readonly Frame[], end: StreamEnd | undefined | Error = 'complete') {
  const seen = { read: 0, returned: 0 };
  const given: Frames = {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const value = frames[seen.read];
        if (value) {
          seen.read += 1;
          return { done: false, value };
        }
        if (end instanceof Error) throw end;
        return { done: true, value: end };
      },
      async return() {
        seen.returned += 1;
        return { done: true, value: undefined };
      },
    }),
  };
  return { given, seen };
}
async function all(frames: AsyncIterable<Frame>) {
  const read: Frame[] = [];
  for await (const frame of frames) read.push(frame);
  return read;
}
const observing = async (frames: readonly Frame[], end?: StreamEnd | Error) => {
  const ends: End[] = [];
  const { given, seen } = source(frames, end);
  const observation = await observe(given, (how) => ends.push(how));
  return { ...observation, ends, seen };
};

describe('observe before the commit', () => {
  it('reads up to the first content and no further', async () => {
    const { seen } = await observing([ROLE, PING, A, B, STOP]);
    expect(seen.read).toBe(3);
  });

  it('hands on the stream from its very start', async () => {
    const { frames } = await observing([ROLE, PING, A, B, STOP]);
    expect(await all(frames)).toEqual([ROLE, PING, A, B, STOP]);
  });

  it('rejects with what the upstream failed with, and lets it go', async () => {
    const error = new GatewayError('overloaded', 'busy');
    const { given, seen } = source([ROLE], error);
    await expect(observe(given, () => {})).rejects.toBe(error);
    expect(seen.returned).toBe(1);
  });

  it('calls an unknown failure internal', async () => {
    await expect(observing([ROLE], new Error('boom'))).rejects.toMatchObject({ class: 'internal' });
  });

  it.each<[string, readonly Frame[], StreamEnd]>([
    ['nothing at all, complete', [], 'complete'],
    ['nothing at all, cut', [], 'cut'],
    ['a role, cut', [ROLE], 'cut'],
    ['a role, complete without a finish reason', [ROLE], 'complete'],
    ['comments, complete without a finish reason', [PING], 'complete'],
  ])('calls a stream of %s malformed', async (_, frames, end) => {
    await expect(observing(frames, end)).rejects.toMatchObject({ class: 'malformed' });
  });

  it('never tells of an end that came before the commit', async () => {
    const ends: End[] = [];
    await observe(source([ROLE], 'cut').given, (end) => ends.push(end)).catch(() => {});
    expect(ends).toEqual([]);
  });

  it('takes an end without content but with a finish reason for an answer', async () => {
    const { frames, ends } = await observing([ROLE, STOP], 'cut');
    expect(ends).toEqual([]);
    expect(await all(frames)).toEqual([ROLE, STOP]);
    expect(ends).toEqual([{ abandoned: false }]);
  });
});

describe('observe after the commit', () => {
  it('ends once and well where the upstream says so', async () => {
    const { frames, ends } = await observing([A, STOP]);
    await all(frames);
    expect(ends).toEqual([{ abandoned: false }]);
  });

  it('takes a finish reason without a proper end for complete', async () => {
    const { frames, ends } = await observing([A, STOP], 'cut');
    await all(frames);
    expect(ends).toEqual([{ abandoned: false }]);
  });

  it('fails a stream that is cut without a finish reason, as truncated and committed', async () => {
    const { frames, ends } = await observing([A, B], 'cut');
    await expect(all(frames)).rejects.toMatchObject({
      class: 'malformed',
      details: { code: 'upstream_stream_truncated', committed: true },
    });
    expect(ends).toMatchObject([{ abandoned: false, error: { class: 'malformed' } }]);
  });

  it('throws what the upstream failed with to the reader, marked as committed, and lets it go', async () => {
    const failed = new GatewayError('server_error', 'died', { status: 500 });
    const { frames, ends, seen } = await observing([A], failed);
    await expect(all(frames)).rejects.toMatchObject({
      class: 'server_error',
      message: 'died',
      details: { status: 500, committed: true },
      cause: failed,
    });
    expect(ends).toHaveLength(1);
    expect(seen.returned).toBe(1);
  });

  it('ends after a failure, and has nothing more', async () => {
    const { frames } = await observing([A], new Error('died'));
    await all(frames).catch(() => {});
    expect(await all(frames)).toEqual([]);
  });

  it('is abandoned once where the reader leaves, and lets the upstream go', async () => {
    const { frames, ends, seen } = await observing([ROLE, A, B, STOP]);
    for await (const _ of frames) break;
    await frames[Symbol.asyncIterator]().return?.();
    expect(ends).toEqual([{ abandoned: true }]);
    expect(seen.returned).toBeGreaterThan(0);
    expect(seen.read).toBe(2);
  });

  it('is not abandoned where the reader leaves after the end', async () => {
    const { frames, ends } = await observing([A, STOP]);
    await all(frames);
    await frames[Symbol.asyncIterator]().return?.();
    expect(ends).toEqual([{ abandoned: false }]);
  });

  it('finds the usage, wherever it stands', async () => {
    const { frames, observed } = await observing([A, STOP, USAGE]);
    expect(observed.usage).toBeNull();
    await all(frames);
    expect(observed).toMatchObject({ finished: true, usage: { inputTokens: 3, outputTokens: 2 } });
  });

  it('keeps the last usage that made sense', async () => {
    const absurd = chunk({}, { choices: [], usage: { prompt_tokens: -1 } });
    const { frames, observed } = await observing([A, USAGE, absurd, STOP]);
    await all(frames);
    expect(observed.usage?.inputTokens).toBe(3);
  });

  it('forwards an event that it cannot read', async () => {
    const junk = rawFrame(new TextEncoder().encode('data: {"finish_reason":"x" broken\n\n'));
    const odd = rawFrame(new TextEncoder().encode('data: {"choices":[null],"usage":{"x":1}}\n\n'));
    const { frames } = await observing([A, junk, odd, STOP]);
    expect(await all(frames)).toEqual([A, junk, odd, STOP]);
  });
});
