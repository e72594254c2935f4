import { type ChatChunk, type ChunkDelta, createFold } from '@inferbridge/core';
import { seededRandom } from '@inferbridge/core/testing';
import { accumulateResponse } from 'openai/lib/responses/ResponseAccumulator';
import type { Response, ResponseStreamEvent } from 'openai/resources/responses/responses';
import { describe, expect, it } from 'vitest';
import { responseOf } from './response.ts';
import { createResponseEvents, type ResponseEvent } from './stream.ts';

const HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 7, model: 'gpt-6-luna' };
const ABOUT = { id: 'resp_abc' };
const ASKED = { model: 'gpt-6-luna', input: 'Hi', tools: [{ type: 'function', name: 'f', parameters: {} }] };
const USAGE = {
  prompt_tokens: 10,
  completion_tokens: 5,
  total_tokens: 15,
  prompt_tokens_details: { cached_tokens: 2 },
  completion_tokens_details: { reasoning_tokens: 1 },
};

const chunk = (delta: ChunkDelta, finish_reason: string | null = null): ChatChunk => ({
  ...HEAD,
  choices: [{ index: 0, delta, finish_reason }],
});
const chunksOf = (deltas: readonly ChunkDelta[], reason: string, last: ChunkDelta = {}): ChatChunk[] => [
  chunk({ role: 'assistant', content: '' }),
  ...deltas.map((delta) => chunk(delta)),
  chunk(last, reason),
  { ...HEAD, choices: [], usage: USAGE },
];

function events(chunks: readonly ChatChunk[]): ResponseEvent[] {
  const stream = createResponseEvents(ASKED, ABOUT);
  return [...chunks.flatMap((one) => stream.chunk(one)), ...stream.end(null)];
}
const response = (all: readonly ResponseEvent[]) => all.at(-1)?.['response'] as unknown as Response; // the last event has one
const foldOf = (chunks: readonly ChatChunk[]) => {
  const fold = createFold();
  for (const one of chunks) fold.add(one);
  return fold.done();
};

/** The official client's own reading of a stream; throws where an event is out of place. */
function accumulated(all: readonly ResponseEvent[]): Response {
  let snapshot: Response | undefined;
  for (const event of all.slice(0, -1))
    snapshot = accumulateResponse(event as unknown as ResponseStreamEvent, snapshot); // checked there
  if (!snapshot) throw new Error('nothing came');
  return snapshot;
}

/** Numbers without gaps, and everything that begins ends; only the end of reasoning may wait. */
function checkOrder(all: readonly ResponseEvent[]) {
  expect(all.map((event) => event.sequence_number)).toEqual(all.map((_, at) => at));
  const begun = all.filter(({ type }) => type === 'response.output_item.added');
  const ended = all.filter(({ type }) => type === 'response.output_item.done');
  expect(begun.map((event) => event['output_index'])).toEqual(begun.map((_, at) => at));
  expect(new Set(ended.map((event) => event['output_index'])).size).toBe(begun.length);
  expect(ended).toHaveLength(begun.length);
  let open: unknown = null;
  for (const { type, ...event } of all) {
    const item = (event['item'] ?? {}) as { type?: string };
    if (type === 'response.output_item.added') open = event['output_index'];
    else if (event['output_index'] !== undefined && item.type !== 'reasoning')
      expect(event['output_index']).toBe(open);
  }
}

const call = (index: number, name: string): ChunkDelta => ({
  tool_calls: [{ index, id: `call_${name}`, type: 'function', function: { name, arguments: '' } }],
});
const more = (index: number, args: string): ChunkDelta => ({
  tool_calls: [{ index, function: { arguments: args } }],
});

/** An answer with everything in it or not, its calls one after the other or all at once. */
function randomAnswer(seed: number): ChatChunk[] {
  const random = seededRandom(seed);
  const chance = (likely: number) => random() < likely;
  const pieces = (text: string) => text.match(new RegExp(`.{1,${1 + Math.floor(random() * 8)}}`, 'gs')) ?? [];
  const deltas: ChunkDelta[] = [];
  if (chance(0.5))
    deltas.push(...pieces('I think, therefore.').map((reasoning_content) => ({ reasoning_content })));
  if (chance(0.3)) deltas.push({ thinking_blocks: [{ type: 'thinking', thinking: 'I', signature: 's' }] });
  if (chance(0.7)) deltas.push(...pieces('Some words, “ünïcode” too').map((content) => ({ content })));
  if (chance(0.2)) deltas.push(...pieces('I will not').map((refusal) => ({ refusal })));
  const calls = Array.from({ length: Math.floor(random() * 4) }, (_, index) => {
    const args = JSON.stringify({ city: 'Brno', days: index });
    return [call(index, `f${index}`), ...pieces(args).map((piece) => more(index, piece))];
  });
  const interleaved = chance(0.5);
  while (calls.some((rest) => rest.length > 0)) {
    const at = interleaved ? Math.floor(random() * calls.length) : calls.findIndex((rest) => rest.length > 0);
    const ready = calls.findIndex((rest, index) => rest.length > 0 && (index >= at || !interleaved));
    const next = calls[ready < 0 ? calls.findIndex((rest) => rest.length > 0) : ready]?.shift();
    if (next) deltas.push(next);
  }
  const own = { provider_specific_fields: { openai: { reasoning: [{ type: 'reasoning', id: 'rs_1' }] } } };
  const reason = chance(0.2) ? 'length' : calls.length > 0 ? 'tool_calls' : 'stop';
  return chunksOf(deltas, reason, chance(0.3) ? own : {});
}

describe('any answer', () => {
  const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

  it.each(SEEDS)('is read alike by the official client, and ends as the whole response would: %i', (seed) => {
    const chunks = randomAnswer(seed);
    const all = events(chunks);
    checkOrder(all);
    expect(accumulated(all).output).toEqual(response(all).output);
    const whole = responseOf(foldOf(chunks), ASKED, ABOUT) as unknown as Response; // compared to one
    expect(response(all)).toEqual(whole);
  });
});
