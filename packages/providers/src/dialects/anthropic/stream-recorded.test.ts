import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ChatChunk, GatewayError } from '@inferbridge/core';
import { seededRandom } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { PLAIN } from './reading.ts';
import { messageFrames } from './stream.ts';

const ROOT = resolve(import.meta.dirname, '../../../../..');
const FIXTURES = resolve(ROOT, process.env['INFERBRIDGE_FIXTURES'] ?? '../shared/fixtures');
const have = existsSync(FIXTURES);
const why = have ? '' : ` (skipped: no recorded answers at ${FIXTURES})`;

interface Event {
  type: string;
  [field: string]: unknown;
}

const events = (name: string): Event[] =>
  readFileSync(join(FIXTURES, 'anthropic/chat', `${name}.chunks.txt`), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line));
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

describe.skipIf(!have)(`a recorded stream${why}`, () => {
  const NAMES = [
    'anthropic-text',
    'anthropic-message-delta-input-tokens',
    'anthropic-refusal',
    'duplicate-message-start',
    'anthropic-json-output-format.1',
    'anthropic-clear-thinking.1',
    'anthropic-web-search-tool.1',
    'anthropic-mcp.1',
  ];

  it.each(NAMES)('comes out the same however the network cuts it: %s', async (name) => {
    const bytes = Buffer.from(wire(events(name)));
    const whole = await read(bytes);
    expect(whole.end).toBe('complete');
    expect(await read(bytes, () => 1)).toEqual(whole);
    expect(await read(Buffer.from(wire(events(name), '\r\n')), () => 3)).toEqual(whole);
    for (const seed of [1, 2, 3]) {
      const random = seededRandom(seed);
      expect(await read(bytes, () => 1 + Math.floor(random() * 200))).toEqual(whole);
    }
  });

  it.each(NAMES)(
    'has the text that was said, one id, one finish and its usage at the end: %s',
    async (name) => {
      const all = events(name);
      const seen = await read(Buffer.from(wire(all)));
      const said = all.map((event) => {
        const { text: words } = (event['delta'] ?? event['content_block'] ?? {}) as { text?: string };
        return words ?? '';
      });
      expect(text(seen)).toBe(said.join(''));
      expect(new Set(seen.chunks.map(({ id }) => id)).size).toBe(1);
      expect(seen.chunks[0]?.id).toMatch(/^msg_/);
      expect(reasons(seen).filter(Boolean)).toHaveLength(1);
      expect(deltas(seen).filter(({ role }) => role !== undefined)).toHaveLength(1);
      expect(seen.chunks.filter((chunk) => chunk.usage)).toEqual([seen.chunks.at(-1)]);
    },
  );

  it.each([
    ['anthropic-text', 12, 30],
    ['anthropic-message-delta-input-tokens', 61, 2],
    ['duplicate-message-start', 17, 227],
    ['anthropic-refusal', 18, 5],
  ])('has the last usage that was told: %s', async (name, input, output) => {
    const { chunks } = await read(Buffer.from(wire(events(name))));
    expect(chunks.at(-1)?.usage).toMatchObject({
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
    });
  });

  it('that is a refusal says why, and finishes as filtered', async () => {
    const seen = await read(Buffer.from(wire(events('anthropic-refusal'))));
    expect(
      deltas(seen)
        .map((one) => one['refusal'] ?? '')
        .join(''),
    ).toContain('Usage Policy');
    expect(reasons(seen).filter(Boolean)).toEqual(['content_filter']);
  });

  it('begins once although its start comes twice', async () => {
    expect(text(await read(Buffer.from(wire(events('duplicate-message-start')))))).toBe('Hello, World!');
  });

  it('fails as malformed where a second message begins inside the first', async () => {
    const { error, chunks } = await read(Buffer.from(wire(events('spliced-message-start'))), () => 64);
    expect(error).toMatchObject({ class: 'malformed', details: { code: 'upstream_spliced' } });
    expect(chunks.every(({ id }) => id === 'msg_first')).toBe(true);
    expect(JSON.stringify(chunks)).not.toContain('Let me call');
  });
});
