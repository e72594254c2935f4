import type { ChunkDelta } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { createMessageEvents } from './stream.ts';

const head = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm' };

/** The blocks that a client puts together from the events of these deltas. */
function blocksOf(...deltas: ChunkDelta[]) {
  const events = createMessageEvents({ id: 'msg_1' });
  const chunk = (delta: ChunkDelta, reason: string | null = null) =>
    events.chunk({ ...head, choices: [{ index: 0, delta, finish_reason: reason }] });
  const all = [...deltas.flatMap((delta) => chunk(delta)), ...chunk({}, 'tool_calls'), ...events.end(null)];
  const blocks: Record<string, unknown>[] = [];
  const open = new Set<unknown>();
  for (const event of all) {
    const at = event['index'] as number;
    if (event.type === 'content_block_start') {
      expect(at).toBe(blocks.length);
      blocks.push({ ...(event['content_block'] as object), json: '' });
      open.add(at);
    }
    if (event.type === 'content_block_delta') {
      expect([...open]).toEqual([at]);
      const block = blocks[at] ?? {};
      const { partial_json: json, text, thinking } = event['delta'] as Record<string, string>;
      if (json !== undefined) block['json'] += json;
      if (text !== undefined) block['text'] += text;
      if (thinking !== undefined) block['thinking'] += thinking;
    }
    if (event.type === 'content_block_stop') open.delete(at);
  }
  return blocks.map(({ type, text, thinking, json, id }) => ({
    type,
    said: type === 'tool_use' ? json : (text ?? thinking),
    ...(id !== undefined && { id }),
  }));
}

const begin = (index: number, args = ''): ChunkDelta => ({
  tool_calls: [{ index, id: `call_${index}`, type: 'function', function: { name: 'f', arguments: args } }],
});
const more = (index: number, args: string): ChunkDelta => ({
  tool_calls: [{ index, function: { arguments: args } }],
});
const call = (index: number, said: string) => ({ type: 'tool_use', said, id: `call_${index}` });

describe('blocks', () => {
  it.each<[string, ChunkDelta[], unknown[]]>([
    [
      'text, then a call',
      [{ content: 'a' }, begin(0), more(0, '{}')],
      [{ type: 'text', said: 'a' }, call(0, '{}')],
    ],
    [
      'text within a call’s arguments',
      [begin(0), more(0, '{"city":'), { content: '\n' }, more(0, '"Paris"}'), { content: 'b' }],
      [call(0, '{"city":"Paris"}'), { type: 'text', said: '\nb' }],
    ],
    [
      'text between a call and its arguments',
      [begin(0), { content: 'a' }, { reasoning_content: 'hm' }, more(0, '{}')],
      [call(0, '{}'), { type: 'text', said: 'a' }, { type: 'thinking', said: 'hm' }],
    ],
    [
      'text within two calls that grow together',
      [begin(0, '{"a":'), begin(1, '{"b":'), { content: 'x' }, more(0, '1}'), more(1, '2}')],
      [call(0, '{"a":1}'), call(1, '{"b":2}'), { type: 'text', said: 'x' }],
    ],
    [
      'arguments that never become whole',
      [begin(0, '{"a":'), { content: 'x' }, { content: 'y' }],
      [call(0, '{"a":'), { type: 'text', said: 'xy' }],
    ],
    [
      'text within arguments that look whole when they are not',
      [begin(0, '{"a":"}'), { content: 'x' }, more(0, '\\'), more(0, '"}"'), more(0, '}'), { content: 'y' }],
      [call(0, '{"a":"}\\"}"}'), { type: 'text', said: 'xy' }],
    ],
  ])('come one after the other and whole: %s', (_, deltas, blocks) => {
    expect(blocksOf(...deltas)).toEqual(blocks);
  });
});
