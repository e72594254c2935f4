import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ChatChunk, createFold, GatewayError } from '@inferbridge/core';
import { seededRandom } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { PLAIN, type Reading } from './reading.ts';
import { completionOf } from './response.ts';
import { messageFrames } from './stream.ts';

const ROOT = resolve(import.meta.dirname, '../../../../..');
const FIXTURES = resolve(ROOT, process.env['INFERBRIDGE_FIXTURES'] ?? '../shared/fixtures');
const have = existsSync(FIXTURES);
const why = have ? '' : ` (skipped: no recorded answers at ${FIXTURES})`;

interface Block {
  type: string;
  [field: string]: unknown;
}
interface Event {
  type: string;
  index?: number;
  message?: { content?: Block[]; [field: string]: unknown };
  content_block?: Block;
  delta?: { [field: string]: unknown };
  usage?: Record<string, unknown>;
}

const CHAT = 'anthropic/chat';
const PAIRS = 'recorded-pairs/anthropic';
const text = (path: string) => readFileSync(join(FIXTURES, path), 'utf8');
const rawOf = (path: string): string | undefined => JSON.parse(text(path)).response.raw;

/** The messages of a recorded file, each with its own events; one file may hold several. */
function messagesIn(path: string): Event[][] {
  const lines = path.endsWith('.txt')
    ? text(path).split('\n')
    : (rawOf(path) ?? '').split(/\r?\n/).flatMap((line) => (line.startsWith('data:') ? [line.slice(5)] : []));
  const events: Event[] = lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line));
  const ends = events.flatMap(({ type }, at) => (type === 'message_stop' ? [at + 1] : []));
  return ends.map((end, nth) => events.slice(ends[nth - 1] ?? 0, end));
}
const NAMES = have
  ? [
      ...readdirSync(join(FIXTURES, CHAT))
        .filter((name) => name.endsWith('.txt'))
        .map((name) => `${CHAT}/${name}`),
      ...readdirSync(join(FIXTURES, PAIRS))
        .map((name) => `${PAIRS}/${name}`)
        .filter((path) => rawOf(path)),
    ].filter((path) => !path.includes('spliced'))
  : [];
const STREAMS = NAMES.flatMap((path) =>
  messagesIn(path).map((events, nth): [string, Event[]] => [`${path} ${nth}`, events]),
);

const wire = (all: readonly Event[], eol = '\n') =>
  all.map((event) => `event: ${event.type}${eol}data: ${JSON.stringify(event)}${eol}${eol}`).join('');

/** All chunks, how it ended, and what it failed with. */
async function read(bytes: Buffer, size = () => bytes.length, reading: Reading = PLAIN) {
  async function* body() {
    for (let at = 0; at < bytes.length; ) {
      const end = at + size();
      yield bytes.subarray(at, end);
      at = end;
    }
  }
  const failure = (cause: unknown) => new GatewayError('overloaded', 'scripted', { cause });
  const frames = messageFrames(body(), { created: 5, reading, native: false, failure });
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
const folded = (chunks: readonly ChatChunk[]) => {
  const fold = createFold();
  for (const chunk of chunks) fold.add(chunk);
  return fold.done();
};

/** The message that the events add up to, as the vendor would have sent it in one piece. */
function whole(events: readonly Event[]): Record<string, unknown> {
  const message: Record<string, unknown> = { type: 'message', ...events[0]?.message };
  const content: Block[] = [...(events[0]?.message?.content ?? [])];
  const typed = new Map<Block, string>();
  for (const { type, index = 0, content_block: block, delta = {}, usage } of events) {
    if (type === 'content_block_start' && block) content[index] = { ...block };
    if (type === 'message_delta') {
      Object.assign(message, delta);
      message['usage'] = { ...(message['usage'] as object | undefined), ...usage }; // of the first event, or this
    }
    const grown = content[index];
    if (type !== 'content_block_delta' || !grown) continue;
    if (delta['type'] === 'input_json_delta')
      typed.set(grown, `${typed.get(grown) ?? ''}${delta['partial_json']}`);
    else if (delta['type'] === 'citations_delta')
      grown['citations'] = [...((grown['citations'] as unknown[] | undefined) ?? []), delta['citation']]; // put there by this line
    else
      for (const [field, value] of Object.entries(delta))
        if (field !== 'type') grown[field] = `${grown[field] ?? ''}${value}`;
  }
  for (const [block, json] of typed) if (json !== '') block['input'] = JSON.parse(json);
  return { ...message, content };
}

describe.skipIf(!have)(`a recorded stream${why}`, () => {
  it('is one of many', () => {
    expect(STREAMS.length).toBeGreaterThan(25);
  });

  it.each(STREAMS)('comes out the same however the network cuts it: %s', async (_, events) => {
    const bytes = Buffer.from(wire(events));
    const seen = await read(bytes);
    expect(seen).toMatchObject({ end: 'complete', error: null });
    if (bytes.length < 60_000) expect(await read(bytes, () => 1)).toEqual(seen);
    expect(await read(Buffer.from(wire(events, '\r\n')), () => 3)).toEqual(seen);
    for (const seed of [1, 2, 3]) {
      const random = seededRandom(seed);
      expect(await read(bytes, () => 1 + Math.floor(random() * 200))).toEqual(seen);
    }
  });

  it.each(STREAMS)('keeps the contract of streams: %s', async (_, events) => {
    const { chunks } = await read(Buffer.from(wire(events)));
    expect(
      new Set(chunks.map(({ id, created, model, object }) => [id, created, model, object].join())).size,
    ).toBe(1);
    expect(chunks[0]?.id).toMatch(/^msg_/);
    const choices = chunks.flatMap((chunk) => chunk.choices);
    expect(choices.flatMap(({ delta }, at) => (delta.role === undefined ? [] : [at]))).toEqual([0]);
    const reasons = choices.map(({ finish_reason: reason }) => reason);
    expect(reasons.filter((reason) => reason !== null)).toEqual([reasons.at(-1)]);
    expect(chunks.filter(({ usage }) => usage)).toEqual([chunks.at(-1)]);
    expect(chunks.at(-1)?.choices).toEqual([]);
    let next = 0;
    for (const call of choices.flatMap(({ delta }) => delta.tool_calls ?? [])) {
      if (call.id)
        expect(call).toMatchObject({ index: next++, type: 'function', function: { arguments: '' } });
      else expect(Object.keys(call).sort()).toEqual(['function', 'index']);
      if (!call.id) expect(Object.keys(call.function ?? {})).toEqual(['arguments']);
    }
  });

  it.each(STREAMS)('says the same as a whole answer: %s', async (_, events) => {
    const seen = folded((await read(Buffer.from(wire(events)))).chunks);
    const expected = completionOf(whole(events), 5);
    const calls = (completion: typeof expected) =>
      completion?.choices[0]?.message.tool_calls?.map(({ function: fn, ...call }) => ({
        ...call,
        name: fn?.name,
        input: JSON.parse(fn?.arguments ?? ''),
      }));
    expect(calls(seen)).toEqual(calls(expected));
    const { tool_calls: _calls, ...message } = { ...seen.choices[0]?.message };
    const { tool_calls: __, ...other } = { ...expected?.choices[0]?.message };
    expect(message).toEqual(other);
    expect(seen.choices[0]?.finish_reason).toBe(expected?.choices[0]?.finish_reason);
    expect(seen.usage).toEqual(expected?.usage);
    const { prompt_tokens: input = 0, completion_tokens: output = 0, total_tokens: total } = seen.usage ?? {};
    expect(total).toBe(input + output);
  });

  it.each([
    ['anthropic-text', 12, 30],
    ['anthropic-message-delta-input-tokens', 61, 2],
    ['duplicate-message-start', 17, 227],
    ['anthropic-refusal', 18, 5],
  ])('has the last usage that was told: %s', async (name, input, output) => {
    const { chunks } = await read(Buffer.from(wire(messagesIn(`${CHAT}/${name}.chunks.txt`)[0] ?? [])));
    expect(chunks.at(-1)?.usage).toMatchObject({
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
    });
  });

  it.each([
    ['anthropic-json-tool.1', 'stop', 0],
    ['anthropic-json-tool.2', 'stop', 0],
    ['anthropic-json-other-tool.1', 'tool_calls', 1],
  ])('of JSON as the arguments of a tool: %s', async (name, reason, calls) => {
    const bytes = Buffer.from(wire(messagesIn(`${CHAT}/${name}.chunks.txt`)[0] ?? []));
    const reading: Reading = { ...PLAIN, json: 'tool', answer: 'json' };
    const [choice] = folded((await read(bytes, () => 50, reading)).chunks).choices;
    expect(choice?.finish_reason).toBe(reason);
    expect(choice?.message.tool_calls ?? []).toHaveLength(calls);
    if (calls === 0) expect(JSON.parse(`${choice?.message.content}`)).toHaveProperty('elements');
  });

  it('fails as malformed where a second message begins inside the first', async () => {
    const lines = text(`${CHAT}/spliced-message-start.chunks.txt`).split('\n');
    const events: Event[] = lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line));
    const { error, chunks } = await read(Buffer.from(wire(events)), () => 64);
    expect(error).toMatchObject({ class: 'malformed', details: { code: 'upstream_spliced' } });
    expect(chunks.every(({ id }) => id === 'msg_first')).toBe(true);
    expect(JSON.stringify(chunks)).not.toContain('Let me call');
  });
});
