import { type ChatChunk, createFold, GatewayError } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { createNames } from './names.ts';
import { PLAIN, type Reading } from './reading.ts';
import { completionOf } from './response.ts';
import { messageFrames } from './stream.ts';

type Block = { type: string; [field: string]: unknown };

const MESSAGE = { id: 'msg_1', type: 'message', model: 'm', usage: { input_tokens: 1, output_tokens: 1 } };
const USE: Block = { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} };
const typed = (partial_json: string) => ({ type: 'input_json_delta', partial_json });
const said = (text: string) => ({ type: 'text_delta', text });

/** A block from its start to its stop. */
const block = (index: number, content_block: Block, ...deltas: object[]) => [
  { type: 'content_block_start', index, content_block },
  ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
  { type: 'content_block_stop', index },
];
const end = (stop_reason: string) => [
  { type: 'message_delta', delta: { stop_reason }, usage: { output_tokens: 9 } },
  { type: 'message_stop' },
];

async function read(events: readonly object[], reading: Reading = PLAIN, message: object = MESSAGE) {
  async function* body() {
    for (const event of [{ type: 'message_start', message }, ...events])
      yield Buffer.from(`data: ${JSON.stringify(event)}\n\n`);
  }
  const failure = (cause: unknown) => new GatewayError('overloaded', 'scripted', { cause });
  const frames = messageFrames(body(), { created: 5, reading, native: false, failure });
  const chunks: ChatChunk[] = [];
  const fold = createFold();
  for await (const frame of { [Symbol.asyncIterator]: () => frames }) chunks.push(...frame.chunks());
  for (const chunk of chunks) fold.add(chunk);
  const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
  return {
    chunks,
    deltas,
    choice: fold.done().choices[0],
    calls: deltas.flatMap((one) => one.tool_calls ?? []),
  };
}
const head = (index: number, id: string, name: string) => ({
  index,
  id,
  type: 'function',
  function: { name, arguments: '' },
});
const more = (index: number, json: string) => ({ index, function: { arguments: json } });

describe('a call in a stream', () => {
  it('has its id and name once, then nothing but its arguments', async () => {
    const { calls, choice } = await read([
      ...block(0, USE, typed(''), typed('{"a"'), typed(':1}')),
      ...end('tool_use'),
    ]);
    expect(calls).toEqual([head(0, 'toolu_1', 'f'), more(0, '{"a"'), more(0, ':1}')]);
    expect(choice).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
  });

  it.each([[[]], [[typed('')]]])('without arguments has an empty object: %j', async (deltas) => {
    const { calls } = await read([...block(0, USE, ...deltas), ...end('tool_use')]);
    expect(calls).toEqual([head(0, 'toolu_1', 'f'), more(0, '{}')]);
  });

  it('whose arguments come with its start has them once', async () => {
    const { calls } = await read([...block(0, { ...USE, input: { a: 1 } }), ...end('tool_use')]);
    expect(calls).toEqual([head(0, 'toolu_1', 'f'), more(0, '{"a":1}')]);
  });

  it('is counted among calls, not among blocks, and several are not mixed', async () => {
    const other = { ...USE, id: 'toolu_2', name: 'g' };
    const { calls, choice } = await read([
      ...block(0, { type: 'text', text: '' }, said('Let me see.')),
      ...block(1, USE, typed('{"a":1}')),
      ...block(2, { type: 'server_tool_use', id: 'srv', name: 'web_search', input: {} }, typed('{"q":1}')),
      ...block(3, { type: 'web_search_tool_result', tool_use_id: 'srv', content: [] }),
      ...block(4, other, typed('{"b":2}')),
      ...end('tool_use'),
    ]);
    expect(calls).toEqual([
      head(0, 'toolu_1', 'f'),
      more(0, '{"a":1}'),
      head(1, 'toolu_2', 'g'),
      more(1, '{"b":2}'),
    ]);
    expect(choice?.message.content).toBe('Let me see.');
  });

  it('that grows between the deltas of another goes where it belongs', async () => {
    const other = { ...USE, id: 'toolu_2', name: 'g' };
    const [one, two] = [
      block(0, USE, typed('{"a":'), typed('1}')),
      block(1, other, typed('{"b":'), typed('2}')),
    ];
    const mixed = one.flatMap((event, at) => [event, two[at] ?? event]);
    const { choice } = await read([...mixed, ...end('tool_use')]);
    expect(choice?.message.tool_calls?.map(({ function: fn }) => fn?.arguments)).toEqual([
      '{"a":1}',
      '{"b":2}',
    ]);
  });

  it('comes back under the name that the caller gave', async () => {
    const names = createNames();
    const wire = names.wire('a.b');
    const events = [...block(0, { ...USE, name: wire }), ...end('tool_use')];
    expect((await read(events, { ...PLAIN, names })).calls[0]?.function?.name).toBe('a.b');
  });

  it('cut by the limit finishes by length', async () => {
    const { choice } = await read([...block(0, USE, typed('{"a"')), ...end('max_tokens')]);
    expect(choice?.finish_reason).toBe('length');
  });

  it('finishes as a call whatever the reason is called', async () => {
    for (const reason of ['end_turn', 'tool_use', 'pause_turn'])
      expect((await read([...block(0, USE), ...end(reason)])).choice?.finish_reason).toBe('tool_calls');
  });

  it('of a server alone is no call', async () => {
    const { choice, calls } = await read([
      ...block(0, { type: 'server_tool_use', id: 'srv', name: 'web_search', input: {} }, typed('{"q":"x"}')),
      ...end('pause_turn'),
    ]);
    expect(calls).toEqual([]);
    expect(choice?.finish_reason).toBe('stop');
    expect(choice?.message['provider_specific_fields']).toMatchObject({
      anthropic: { content: [{ type: 'server_tool_use', input: { q: 'x' } }] },
    });
  });

  it('of free form is one text', async () => {
    const reading = { ...PLAIN, custom: new Set(['f']) };
    const events = [...block(0, USE, typed('{"input":"x '), typed('= 1"}')), ...end('tool_use')];
    const { choice } = await read(events, reading);
    expect(choice?.message.tool_calls).toEqual([
      { id: 'toolu_1', type: 'custom', custom: { name: 'f', input: 'x = 1' } },
    ]);
    const whole = completionOf(
      { ...MESSAGE, content: [{ ...USE, input: { input: 'x = 1' } }], stop_reason: 'tool_use' },
      5,
      reading,
    );
    expect(whole?.choices[0]?.message.tool_calls).toEqual(choice?.message.tool_calls);
  });

  it('that the message already holds when it starts is told', async () => {
    const message = { ...MESSAGE, content: [{ ...USE, input: { a: 1 } }], stop_reason: 'tool_use' };
    const { choice } = await read([{ type: 'message_stop' }], PLAIN, message);
    expect(choice).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ id: 'toolu_1', function: { name: 'f', arguments: '{"a":1}' } }] },
    });
  });
});

describe('an answer as the arguments of a tool', () => {
  const reading: Reading = { ...PLAIN, json: 'tool', answer: 'json' };
  const JSON_USE = { ...USE, name: 'json' };

  it('is content, without the prose before it, and stops', async () => {
    const { choice, calls } = await read(
      [
        ...block(0, { type: 'text', text: '' }, said('I will '), said('answer.')),
        ...block(1, JSON_USE, typed(''), typed('{"a":'), typed('1}')),
        ...end('tool_use'),
      ],
      reading,
    );
    expect(calls).toEqual([]);
    expect(choice).toMatchObject({ finish_reason: 'stop', message: { content: '{"a":1}' } });
  });

  it('that is empty is an empty object', async () => {
    const { choice } = await read([...block(0, JSON_USE), ...end('tool_use')], reading);
    expect(choice?.message.content).toBe('{}');
  });

  it('that never comes leaves the prose, and the caller’s own call', async () => {
    const prose = block(0, { type: 'text', text: '' }, said('No.'));
    expect((await read([...prose, ...end('end_turn')], reading)).choice?.message.content).toBe('No.');
    const { choice } = await read([...prose, ...block(1, USE, typed('{}')), ...end('tool_use')], reading);
    expect(choice).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ function: { name: 'f', arguments: '{}' } }] },
    });
  });
});

describe('JSON in words', () => {
  it.each([
    ['{"a":1}', '{"a":1}'],
    ['```json\n{"a":1}\n```', '{"a":1}'],
    ['```\n{"a":1}\n```\n', '{"a":1}'],
    ['  \n{"a":"```"}', '{"a":"```"}'],
  ])('comes without its fences, however it is cut: %j', async (text, expected) => {
    const reading: Reading = { ...PLAIN, json: 'words', answer: null };
    for (const size of [1, 2, 3, 100]) {
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      const events = [...block(0, { type: 'text', text: '' }, ...pieces.map(said)), ...end('end_turn')];
      expect((await read(events, reading)).choice?.message.content).toBe(expected);
    }
    const whole = { ...MESSAGE, content: [{ type: 'text', text }], stop_reason: 'end_turn' };
    expect(completionOf(whole, 5, reading)?.choices[0]?.message.content).toBe(expected);
  });
});
