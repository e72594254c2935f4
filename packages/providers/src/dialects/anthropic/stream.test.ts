import { type ChatChunk, GatewayError } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { PLAIN } from './reading.ts';
import { messageFrames } from './stream.ts';

interface Event {
  type: string;
  [field: string]: unknown;
}

const wire = (all: readonly Event[], eol = '\n') =>
  all.map((event) => `event: ${event.type}${eol}data: ${JSON.stringify(event)}${eol}${eol}`).join('');

/** All chunks, how it ended, and what it failed with. */
async function read(bytes: Buffer, size = () => bytes.length) {
  async function* body() {
    for (let at = 0; at < bytes.length; ) {
      const end = at + size();
      yield bytes.subarray(at, end);
      at = end;
    }
  }
  const frames = messageFrames(body(), {
    created: 5,
    reading: PLAIN,
    native: false,
    failure: (said) => new GatewayError('overloaded', 'scripted', { cause: said }),
  });
  const chunks: ChatChunk[] = [];
  try {
    for (;;) {
      const { done, value } = await frames.next();
      if (done) return { chunks, end: value, error: null };
      chunks.push(...value.chunks());
    }
  } catch (error) {
    return { chunks, end: null, error };
  }
}

const deltas = ({ chunks }: { chunks: readonly ChatChunk[] }) =>
  chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
const text = (seen: { chunks: readonly ChatChunk[] }) =>
  deltas(seen)
    .map(({ content }) => content ?? '')
    .join('');
const reasons = ({ chunks }: { chunks: readonly ChatChunk[] }) =>
  chunks.flatMap(({ choices }) => choices.map(({ finish_reason }) => finish_reason));

const START: Event = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    model: 'm',
    usage: {
      input_tokens: 10,
      cache_read_input_tokens: 20,
      cache_creation_input_tokens: 5,
      output_tokens: 1,
    },
  },
};
const say = (words: string): Event => ({
  type: 'content_block_delta',
  index: 0,
  delta: { type: 'text_delta', text: words },
});
const delta = (stop_reason: string | null, usage: object = { output_tokens: 7 }): Event => ({
  type: 'message_delta',
  delta: { stop_reason },
  usage,
});
const STOP: Event = { type: 'message_stop' };

describe('messageFrames', () => {
  it('tells role, text, finish reason and usage, in that order, under one head', async () => {
    const seen = await read(
      Buffer.from(wire([START, { type: 'ping' }, say('Hel'), say('lo'), delta('end_turn'), STOP])),
    );
    expect(seen.end).toBe('complete');
    expect(seen.chunks).toEqual([
      ...[{ role: 'assistant', content: '' }, { content: 'Hel' }, { content: 'lo' }].map((one) => ({
        id: 'msg_1',
        object: 'chat.completion.chunk',
        created: 5,
        model: 'm',
        choices: [{ index: 0, delta: one, finish_reason: null, logprobs: null }],
      })),
      {
        id: 'msg_1',
        object: 'chat.completion.chunk',
        created: 5,
        model: 'm',
        choices: [{ index: 0, delta: {}, finish_reason: 'stop', logprobs: null }],
      },
      {
        id: 'msg_1',
        object: 'chat.completion.chunk',
        created: 5,
        model: 'm',
        choices: [],
        usage: {
          prompt_tokens: 35,
          completion_tokens: 7,
          total_tokens: 42,
          prompt_tokens_details: { cached_tokens: 20, cache_write_tokens: 5 },
          completion_tokens_details: { reasoning_tokens: 0 },
        },
      },
    ]);
  });

  it.each([
    ['max_tokens', 'length'],
    ['stop_sequence', 'stop'],
    ['refusal', 'content_filter'],
    ['model_context_window_exceeded', 'length'],
    ['brand_new', 'stop'],
    [null, 'stop'],
  ])('finishes with what %s means: %s', async (given, expected) => {
    expect(
      reasons(await read(Buffer.from(wire([START, say('a'), delta(given), STOP])))).filter(Boolean),
    ).toEqual([expected]);
  });

  it('takes the text that a block begins with, and keeps thinking apart', async () => {
    const seen = await read(
      Buffer.from(
        wire([
          START,
          { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'hm' } },
          { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'sig' } },
          { type: 'content_block_start', index: 1, content_block: { type: 'text', text: 'A' } },
          { type: 'content_block_delta', index: 1, delta: { type: 'citations_delta', citation: {} } },
          { type: 'content_block_delta', index: 1, delta: { type: 'not_yet_invented', x: 1 } },
          say('b'),
          delta('end_turn'),
          STOP,
        ]),
      ),
    );
    expect(text(seen)).toBe('Ab');
    expect(
      deltas(seen)
        .map((one) => one['reasoning_content'] ?? '')
        .join(''),
    ).toBe('hm');
    expect(text(seen)).not.toContain('sig');
  });

  it('is cut, and invents no finish reason, where the message does not stop', async () => {
    for (const all of [
      [START, say('a')],
      [START, say('a'), delta('end_turn')],
    ]) {
      const seen = await read(Buffer.from(wire(all)));
      expect(seen.end).toBe('cut');
      expect(reasons(seen).filter(Boolean)).toEqual([]);
    }
    expect(await read(Buffer.alloc(0))).toMatchObject({ end: 'cut', chunks: [] });
  });

  it('throws what an error event says, first or in the middle', async () => {
    const error: Event = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    expect(await read(Buffer.from(wire([error])))).toMatchObject({
      chunks: [],
      error: { class: 'overloaded', details: { cause: error } },
    });
    const middle = await read(Buffer.from(wire([START, say('a')]) + wire([error, STOP])), () => 40);
    expect(middle.error).toMatchObject({ class: 'overloaded' });
    expect(text(middle)).toBe('a');
  });

  it('reads nothing behind the stop, and survives an event that is broken', async () => {
    const seen = await read(
      Buffer.from(
        `${wire([START, say('a')])}data: {broken\n\n${wire([delta('end_turn'), STOP, say('never')])}`,
      ),
    );
    expect(text(seen)).toBe('a');
    expect(seen).toMatchObject({ end: 'complete', error: null });
  });
});
