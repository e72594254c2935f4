import { type ChatChunk, createFold, GatewayError } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { PLAIN } from './reading.ts';
import { messagesRequest } from './request.ts';
import { completionOf } from './response.ts';
import { messageFrames } from './stream.ts';

type Block = { type: string; [field: string]: unknown };

const MESSAGE = { id: 'msg_1', type: 'message', model: 'm', usage: { input_tokens: 1, output_tokens: 1 } };

async function read(blocks: readonly [Block, ...object[]][], stop_reason = 'end_turn') {
  const events = [
    { type: 'message_start', message: MESSAGE },
    ...blocks.flatMap(([content_block, ...deltas], index) => [
      { type: 'content_block_start', index, content_block },
      ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
      { type: 'content_block_stop', index },
    ]),
    { type: 'message_delta', delta: { stop_reason }, usage: { output_tokens: 9 } },
    { type: 'message_stop' },
  ];
  async function* body() {
    for (const event of events) yield Buffer.from(`data: ${JSON.stringify(event)}\n\n`);
  }
  const failure = (cause: unknown) => new GatewayError('overloaded', 'scripted', { cause });
  const frames = messageFrames(body(), { created: 5, reading: PLAIN, native: false, failure });
  const chunks: ChatChunk[] = [];
  const fold = createFold();
  for await (const frame of { [Symbol.asyncIterator]: () => frames }) chunks.push(...frame.chunks());
  for (const chunk of chunks) fold.add(chunk);
  const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
  return { deltas, message: fold.done().choices[0]?.message };
}
const whole = (...content: Block[]) =>
  completionOf({ ...MESSAGE, content, stop_reason: 'end_turn' }, 5)?.choices[0]?.message;

const thought = (thinking: string) => ({ type: 'thinking_delta', thinking });
const signed = (signature: string) => ({ type: 'signature_delta', signature });
const NEW: Block = { type: 'thinking', thinking: '', signature: '' };
const TEXT: [Block, ...object[]] = [
  { type: 'text', text: '' },
  { type: 'text_delta', text: 'Yes.' },
];
const SAID: Block = { type: 'text', text: 'Yes.' };

describe('thinking in a stream', () => {
  it('is told as it comes, and signed in one piece when it is finished', async () => {
    const { deltas } = await read([[NEW, thought('H'), thought('m.'), signed('si'), signed('g')], TEXT]);
    expect(deltas).toEqual([
      { role: 'assistant', content: '' },
      { reasoning_content: 'H' },
      { reasoning_content: 'm.' },
      { thinking_blocks: [{ type: 'thinking', thinking: 'Hm.', signature: 'sig' }] },
      { content: 'Yes.' },
      {},
    ]);
  });

  it('that is not shown keeps its signature', async () => {
    const { message } = await read([[NEW, signed('sig')], TEXT]);
    expect(message).not.toHaveProperty('reasoning_content');
    expect(message?.['thinking_blocks']).toEqual([{ type: 'thinking', thinking: '', signature: 'sig' }]);
  });

  it('that is redacted keeps its data', async () => {
    const redacted = { type: 'redacted_thinking', data: 'xyz' };
    const { message } = await read([[redacted], TEXT]);
    expect(message?.['thinking_blocks']).toEqual([redacted]);
    expect(message?.content).toBe('Yes.');
  });

  it('says the same as a whole answer', async () => {
    const redacted = { type: 'redacted_thinking', data: 'xyz' };
    const one = { type: 'thinking', thinking: 'One.', signature: 's1' };
    const two = { type: 'thinking', thinking: 'Two.', signature: 's2' };
    const { message } = await read([
      [NEW, thought('One.'), signed('s1')],
      [redacted],
      [NEW, thought('Two.'), signed('s2')],
      TEXT,
    ]);
    expect(message).toEqual(whole(one, redacted, two, SAID));
  });

  it('goes back as it came', async () => {
    const { message } = await read([[NEW, thought('Hm.'), signed('sig')], TEXT]);
    const { body } = messagesRequest(
      {
        model: 'claude-sonnet-4-5',
        messages: [
          { role: 'user', content: 'Hi' },
          message ?? { role: 'assistant' },
          { role: 'user', content: 'Go on' },
        ],
      },
      { dropped() {} },
    );
    expect(JSON.parse(JSON.stringify(body['messages']))[1]).toEqual({
      role: 'assistant',
      content: [{ type: 'thinking', thinking: 'Hm.', signature: 'sig' }, SAID],
    });
  });
});

describe('citations', () => {
  const web = { type: 'web_search_result_location', url: 'https://x', title: 'X', cited_text: 'c' };
  const place = {
    type: 'char_location',
    document_index: 0,
    start_char_index: 0,
    end_char_index: 3,
    cited_text: 'c',
  };
  const cited = (citation: object): [Block, ...object[]] => [
    { type: 'text', text: '' },
    { type: 'text_delta', text: 'Yes.' },
    { type: 'citations_delta', citation },
  ];

  it('of the web are annotations, in a stream and in a whole answer', async () => {
    const expected = [{ type: 'url_citation', url_citation: { url: 'https://x', title: 'X' } }];
    expect((await read([cited(web)])).message?.['annotations']).toMatchObject(expected);
    expect(whole({ ...SAID, citations: [web] })?.['annotations']).toMatchObject(expected);
  });

  it('of documents stay as they are, in a stream and in a whole answer', async () => {
    for (const message of [(await read([cited(place)])).message, whole({ ...SAID, citations: [place] })]) {
      expect(message).not.toHaveProperty('annotations');
      expect(JSON.stringify(message)).toContain('char_location');
    }
  });
});

describe('blocks that only the vendor knows', () => {
  const compaction = { type: 'compaction', content: 'Before: hi.' };

  it('survive, in a stream and in a whole answer, and go back', async () => {
    const { message } = await read([
      [
        { type: 'compaction', content: '' },
        { type: 'compaction_delta', content: 'Before: hi.' },
      ],
      TEXT,
    ]);
    for (const seen of [message, whole(compaction, SAID)]) {
      expect(seen?.content).toBe('Yes.');
      expect(seen?.['provider_specific_fields']).toEqual({ anthropic: { content: [compaction, SAID] } });
      const messages = [
        { role: 'user', content: 'Hi' },
        seen ?? { role: 'assistant' },
        { role: 'user', content: '?' },
      ];
      const { body } = messagesRequest({ model: 'claude-opus-5', messages }, { dropped() {} });
      expect(body['messages']).toMatchObject([{}, { content: [compaction, SAID] }, {}]);
    }
  });

  it('go back without texts that are empty, which the vendor refuses', () => {
    const seen = whole(compaction, { type: 'text', text: '' }, SAID);
    const messages = [
      { role: 'user', content: 'Hi' },
      seen ?? { role: 'assistant' },
      { role: 'user', content: '?' },
    ];
    const { body } = messagesRequest({ model: 'claude-opus-5', messages }, { dropped() {} });
    expect(JSON.stringify(body)).not.toContain('"text":""');
  });
});
