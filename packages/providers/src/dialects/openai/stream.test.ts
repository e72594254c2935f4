import { type ChatChunk, type Frame, GatewayError } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { createNormaliser } from './normalise.ts';
import { chatFrames } from './stream.ts';

const chunk = (delta: object, finish_reason: string | null = null, more: object = {}) => ({
  id: 'c-1',
  object: 'chat.completion.chunk',
  created: 5,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason }],
  ...more,
});
const event = (value: unknown) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
const HELLO = [event(chunk({ role: 'assistant', content: '' })), event(chunk({ content: 'Hello' }))];
const STOP = event(chunk({}, 'stop'));
const DONE = event('[DONE]');

/** Reads all frames; a failure and what came before it are both told. */
async function read(clean: boolean, pieces: readonly string[]) {
  let left = false;
  async function* body() {
    try {
      for (const piece of pieces) yield Buffer.from(piece);
    } finally {
      left = true;
    }
  }
  const frames = chatFrames(body(), {
    clean,
    normaliser: () => createNormaliser({}, { id: 'made', created: 1 }),
    failure: (said) => new GatewayError('overloaded', 'scripted', { cause: said }),
  })[Symbol.asyncIterator]();
  const seen: Frame[] = [];
  const chunks = (): ChatChunk[] => seen.flatMap((frame) => [...frame.chunks()]);
  const text = () =>
    chunks()
      .flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? ''))
      .join('');
  try {
    for (;;) {
      const { done, value } = await frames.next();
      if (done)
        return {
          end: value,
          error: null,
          chunks: chunks(),
          text: text(),
          left,
          bytes: Buffer.concat(seen.map((one) => one.bytes)).toString(),
        };
      seen.push(value);
    }
  } catch (error) {
    return { end: null, error, chunks: chunks(), text: text(), left, bytes: '' };
  }
}

describe.each([
  ['normalised', false],
  ['clean', true],
])('a %s stream', (_, clean) => {
  it('is complete at [DONE], and reads no further', async () => {
    const seen = await read(clean, [...HELLO, STOP, DONE, event(chunk({ content: 'never' }))]);
    expect(seen).toMatchObject({ end: 'complete', error: null, text: 'Hello', left: true });
  });

  it('is complete at [DONE] although everything came at once', async () => {
    const seen = await read(clean, [[...HELLO, STOP, DONE].join('')]);
    expect(seen).toMatchObject({ end: 'complete', text: 'Hello' });
    expect(seen.chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
  });

  it('is cut where it just ends, with or without a finish reason, and invents none', async () => {
    const without = await read(clean, HELLO);
    expect(without).toMatchObject({ end: 'cut', text: 'Hello' });
    expect(
      without.chunks.every(({ choices }) => choices.every(({ finish_reason }) => finish_reason === null)),
    ).toBe(true);
    expect(await read(clean, [...HELLO, STOP])).toMatchObject({ end: 'cut', text: 'Hello' });
  });

  it('is cut in the middle of an event, and keeps what was whole', async () => {
    expect(await read(clean, [...HELLO, 'data: {"choices":[{"del'])).toMatchObject({
      end: 'cut',
      text: 'Hello',
    });
  });

  it('takes a last event without a blank line behind it', async () => {
    expect(await read(clean, [...HELLO, STOP, 'data: [DONE]'])).toMatchObject({
      end: 'complete',
      text: 'Hello',
    });
  });

  it('fails with what an error event says, where that comes first', async () => {
    const { error, chunks } = await read(clean, [`event: error\n${event({ error: { message: 'busy' } })}`]);
    expect(error).toMatchObject({ class: 'overloaded', details: { cause: { error: { message: 'busy' } } } });
    expect(chunks).toEqual([]);
  });

  it('fails with an error in the middle, behind what was said, and lets go of the body', async () => {
    const seen = await read(clean, [...HELLO, event({ error: { message: 'busy' } }), DONE]);
    expect(seen.error).toMatchObject({ class: 'overloaded' });
    expect(seen).toMatchObject({ text: 'Hello', left: true });
  });

  it('fails with an error that rides on a chunk with choices', async () => {
    const { error } = await read(clean, [
      ...HELLO,
      event({ ...chunk({ content: '' }, 'error'), error: { code: 502, message: 'x' } }),
      DONE,
    ]);
    expect(error).toMatchObject({ class: 'overloaded' });
  });

  it('fails with an error in the same piece as [DONE]', async () => {
    expect((await read(clean, [...HELLO, event({ error: { message: 'busy' } }) + DONE])).error).toMatchObject(
      { class: 'overloaded' },
    );
  });

  it('does not take a text about errors or [DONE] for one', async () => {
    const seen = await read(clean, [
      event(chunk({ role: 'assistant', content: '{"error":{"message":"x"}} data: [DONE]' })),
      event(chunk({}, 'stop', { error: null })),
      DONE,
    ]);
    expect(seen).toMatchObject({
      end: 'complete',
      error: null,
      text: '{"error":{"message":"x"}} data: [DONE]',
    });
  });

  it('survives an event that is broken, and one that is no chunk', async () => {
    const seen = await read(clean, [
      ...HELLO,
      event('{broken'),
      event({ ping: 1 }),
      ': comment\n\n',
      STOP,
      DONE,
    ]);
    expect(seen).toMatchObject({ end: 'complete', error: null, text: 'Hello' });
    expect(seen.chunks).toHaveLength(3);
  });

  it('passes on what the body throws', async () => {
    async function* broken() {
      yield Buffer.from(HELLO.join(''));
      throw new GatewayError('unreachable', 'reset');
    }
    const frames = chatFrames(broken(), {
      clean,
      normaliser: () => createNormaliser({}, { id: 'x', created: 1 }),
      failure: () => new GatewayError('internal', 'no'),
    })[Symbol.asyncIterator]();
    expect((await frames.next()).done).toBe(false);
    await expect(frames.next()).rejects.toMatchObject({ class: 'unreachable' });
  });

  it('has text cut inside a character whole again', async () => {
    const bytes = Buffer.from(
      [event(chunk({ role: 'assistant', content: 'grüße 🙂' })), STOP, DONE].join(''),
    );
    async function* body() {
      for (const byte of bytes) yield Uint8Array.of(byte);
    }
    const frames = chatFrames(body(), {
      clean,
      normaliser: () => createNormaliser({}, { id: 'x', created: 1 }),
      failure: () => new GatewayError('internal', 'no'),
    });
    const first = await frames[Symbol.asyncIterator]().next();
    expect(first.done ? null : first.value.chunks()[0]?.choices[0]?.delta.content).toBe('grüße 🙂');
  });
});

describe('a clean stream', () => {
  it('passes byte by byte up to [DONE]', async () => {
    const odd = [
      ...HELLO,
      'data:{"choices": [ {"index":0,"delta":{"content":"ü"} ,"finish_reason":"stop"}] }\r\n\r\n',
    ];
    expect((await read(true, [...odd, DONE])).bytes).toBe(odd.join(''));
  });
});

describe('a normalised stream', () => {
  it('owes nothing twice: the usage comes once, at the end, also without [DONE]', async () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
    for (const tail of [[DONE], []]) {
      const { chunks } = await read(false, [...HELLO, event(chunk({}, 'stop', { usage })), ...tail]);
      expect(chunks.filter((one) => one.usage)).toHaveLength(1);
      expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
    }
  });

  it('gets the finish reason that its upstream forgot before [DONE]', async () => {
    const { chunks } = await read(false, [...HELLO, DONE]);
    expect(chunks.at(-1)?.choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' });
  });

  it('is empty where nothing but [DONE] came', async () => {
    expect(await read(false, [DONE])).toMatchObject({ end: 'complete', chunks: [] });
  });
});

it('passes what came before the end as it is, also where a piece ends with half of a line end', async () => {
  const crlf = (text: string) => text.replaceAll('\n', '\r\n');
  const before = crlf(event(chunk({ content: 'Hello' })));
  const stop = crlf(STOP);
  async function* body() {
    yield Buffer.from(before + stop.slice(0, -1));
    yield Buffer.from(stop.slice(-1) + crlf(DONE));
  }
  const frames = chatFrames(body(), {
    clean: true,
    normaliser: () => createNormaliser({}, { id: 'made', created: 1 }),
    failure: () => new GatewayError('overloaded', 'no'),
  })[Symbol.asyncIterator]();
  const { value: first } = (await frames.next()) as { value: Frame };
  expect([first.tells(), Buffer.from(first.bytes).toString()]).toEqual([false, before]);
  const { value: second } = (await frames.next()) as { value: Frame };
  expect(second.tells()).toBe(true);
});
