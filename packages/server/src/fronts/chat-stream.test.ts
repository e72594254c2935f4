import {
  type ChatChunk,
  type ChunkDelta,
  createEnding,
  type Frame,
  frameOf,
  GatewayError,
  parseEvents,
  rawFrame,
  type Stream,
  type Usage,
} from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import type { Block } from '../compat/block.ts';
import { clientStream } from './chat-stream.ts';

const BLOCK: Block = {
  provider: 'groq',
  model: 'm',
  mode: 'ib/cheap',
  cache_hit: false,
  latency_ms: 1,
  cost_usd: '0.000001',
  residency_actual: 'global',
  request_id: 'r',
};
const HEAD = { id: 'c-1', object: 'chat.completion.chunk', created: 5, model: 'm' };
const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };
const chunk = (delta: object, finish_reason: string | null = null, index = 0): ChatChunk => ({
  ...HEAD,
  choices: [{ index, delta: delta as ChunkDelta, finish_reason }],
});
const usageChunk: ChatChunk = { ...HEAD, choices: [], usage: USAGE };
const HELLO = [chunk({ role: 'assistant', content: '' }), chunk({ content: 'Hello' })];
const STOP = chunk({}, 'stop');
const raw = (...chunks: readonly ChatChunk[]) =>
  rawFrame(Buffer.from(chunks.map((one) => `data: ${JSON.stringify(one)}\n\n`).join('')));

interface Options {
  usage?: boolean;
  known?: Usage | null;
  fail?: GatewayError;
}

async function run(frames: readonly Frame[], { usage = false, known = null, fail }: Options = {}) {
  let over = false;
  async function* source() {
    yield* frames;
    over = true;
    if (fail) throw fail;
  }
  const reply: Stream = {
    kind: 'stream',
    by: { provider: 'groq', model: 'm', residency: 'global' },
    ending: createEnding(),
    usage: () => known,
    cost: () => null,
    frames: source(),
  };
  const pieces: Uint8Array[] = [];
  const made: boolean[] = [];
  const block = () => {
    made.push(over);
    return BLOCK;
  };
  let error: unknown = null;
  try {
    for await (const piece of clientStream(reply, { usage, block })) pieces.push(piece);
  } catch (thrown) {
    error = thrown;
  }
  const data = parseEvents(Buffer.concat(pieces)).map((event) => event.data);
  return {
    error,
    made,
    pieces,
    data,
    chunks: data.filter((one) => one !== '[DONE]').map((one): ChatChunk => JSON.parse(one)),
  };
}

const withBlocks = (chunks: readonly ChatChunk[]) =>
  chunks.flatMap(({ choices }, at) => (choices.some(({ delta }) => 'inferbridge' in delta) ? [at] : []));

describe.each([
  ['frames of bytes', raw],
  ['frames of chunks', frameOf],
])('clientStream, %s', (_, frame) => {
  it.each([false, true])(
    'puts the block on the last chunk with a choice, usage behind it if asked (%s), and [DONE] last',
    async (usage) => {
      for (const frames of [
        [...HELLO, STOP, usageChunk].map((one) => frame(one)),
        [frame(...HELLO, STOP, usageChunk)],
        [frame(...HELLO), frame(STOP, usageChunk)],
      ]) {
        const { data, chunks } = await run(frames, { usage });
        expect(data.at(-1)).toBe('[DONE]');
        expect(data.filter((one) => one === '[DONE]')).toHaveLength(1);
        expect(chunks.slice(0, 3)).toEqual([
          ...HELLO,
          { ...STOP, choices: [{ index: 0, delta: { inferbridge: BLOCK }, finish_reason: 'stop' }] },
        ]);
        expect(chunks.slice(3)).toEqual(usage ? [usageChunk] : []);
      }
    },
  );

  it('shows no chunk without choices to a client that did not ask for usage', async () => {
    const odd = { ...HEAD, choices: [], prompt_filter_results: [] } as ChatChunk;
    const { chunks } = await run([
      frame(odd),
      ...HELLO.map((one) => frame(one)),
      frame(STOP),
      frame(usageChunk),
    ]);
    expect(chunks.every(({ choices }) => choices.length > 0)).toBe(true);
    expect(chunks).toHaveLength(3);
  });

  it('makes the block once, when the frames have ended and everything is known', async () => {
    const { made } = await run([...HELLO, STOP, usageChunk].map((one) => frame(one)));
    expect(made).toEqual([true]);
  });

  it('puts the block on the last of several choices that finish one by one', async () => {
    const { chunks } = await run(
      [
        ...HELLO,
        chunk({ content: 'b' }, null, 1),
        STOP,
        chunk({ content: 'c' }, null, 1),
        chunk({}, 'length', 1),
        usageChunk,
      ].map((one) => frame(one)),
    );
    expect(withBlocks(chunks)).toEqual([5]);
    expect(chunks.map(({ choices }) => choices[0]?.finish_reason)).toEqual([
      null,
      null,
      null,
      'stop',
      null,
      'length',
    ]);
  });

  it('keeps text that rides on the finish chunk', async () => {
    const { chunks } = await run([frame(...HELLO), frame(chunk({ content: '!' }, 'stop'))]);
    expect(chunks.at(-1)?.choices[0]).toEqual({
      index: 0,
      delta: { content: '!', inferbridge: BLOCK },
      finish_reason: 'stop',
    });
  });

  it('finishes for an upstream that was done without a reason', async () => {
    const { chunks, data } = await run([frame(...HELLO), frame(usageChunk)]);
    expect(chunks.at(-1)).toEqual({
      ...HEAD,
      choices: [{ index: 0, delta: { inferbridge: BLOCK }, finish_reason: 'stop' }],
    });
    expect(data.at(-1)).toBe('[DONE]');
  });

  it('throws what the frames throw, and neither finishes nor says [DONE]', async () => {
    const fail = new GatewayError('malformed', 'cut');
    const { error, data, chunks, made } = await run([frame(...HELLO)], { fail, usage: true });
    expect(error).toBe(fail);
    expect(data).not.toContain('[DONE]');
    expect(chunks).toEqual(HELLO);
    expect(made).toEqual([]);
  });
});

describe('usage', () => {
  const known: Usage = {
    inputTokens: 3,
    outputTokens: 4,
    cachedTokens: 1,
    cacheWriteTokens: 0,
    reasoningTokens: 2,
  };

  it('is written from what is known where the upstream sent no chunk of its own', async () => {
    const { chunks } = await run([raw(...HELLO, STOP)], { usage: true, known });
    expect(chunks.at(-1)).toEqual({
      ...HEAD,
      choices: [],
      usage: {
        prompt_tokens: 3,
        completion_tokens: 4,
        total_tokens: 7,
        prompt_tokens_details: { cached_tokens: 1 },
        completion_tokens_details: { reasoning_tokens: 2 },
      },
    });
  });

  it('is left out where nobody knows it, rather than told as zero', async () => {
    const { chunks, data } = await run([raw(...HELLO, STOP)], { usage: true });
    expect(chunks.every(({ choices }) => choices.length > 0)).toBe(true);
    expect(data.at(-1)).toBe('[DONE]');
  });

  it('is told once although it comes again and again', async () => {
    const later: ChatChunk = { ...usageChunk, usage: { ...USAGE, completion_tokens: 9, total_tokens: 12 } };
    const { chunks } = await run([raw(usageChunk), raw(...HELLO, STOP), raw(usageChunk), raw(later)], {
      usage: true,
    });
    expect(chunks.filter(({ choices }) => choices.length === 0)).toEqual([later]);
  });
});

describe('bytes', () => {
  it('pass as they are, unread, while nothing in them tells anything', async () => {
    const odd = Buffer.from(
      'data: {"choices" : [{"index":0, "delta":{"content":"ü"},"finish_reason":null}],"x":1e2}\n\n',
    );
    const { pieces } = await run([rawFrame(odd), raw(STOP)]);
    expect(pieces[0]).toBe(odd);
  });
});

it('lets go of its frames where one of them cannot be read', async () => {
  let left = false;
  const bad = {
    get bytes(): Uint8Array {
      throw new Error('nested too deeply');
    },
    chunks: () => [],
    tells: () => false,
  };
  const reply: Stream = {
    kind: 'stream',
    by: { provider: 'p', model: 'm', residency: 'global' },
    ending: createEnding(),
    usage: () => null,
    cost: () => null,
    frames: {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: bad }),
        return: async () => {
          left = true;
          return { done: true, value: undefined };
        },
      }),
    },
  };
  const reading = clientStream(reply, { usage: false, block: () => BLOCK })[Symbol.asyncIterator]();
  await expect(reading.next()).rejects.toThrow('nested too deeply');
  expect(left).toBe(true);
});
