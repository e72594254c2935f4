import { setTimeout as wait } from 'node:timers/promises';
import { constants, createGzip } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ask, customer, dialectOf, FIRSTS, rig, rssOf, stoodStillMs } from '../support/fault-server-rig.ts';
import {
  answer,
  begun,
  bytes,
  end,
  eventsIn,
  FIRST,
  fault,
  head,
  pause,
  SSE,
  stream,
  write,
} from '../support/fault-server-words.ts';

const parts = rig();

/** Without what differs from one request to the next. */
const lasting = (raw: string): string =>
  raw.replaceAll(/"(created|latency_ms|request_id)":("[^"]*"|\d+)/g, '"$1":0');

const TEXT = 'Grüße, 世界 🚀 and \\"quotes\\".';

describe.each(FIRSTS)('a stream of %s', (first) => {
  const dialect = dialectOf(first);
  const whole = eventsIn(dialect, TEXT).join('');
  const SIZES = [...Array.from({ length: 24 }, (_, i) => i + 1), 31, 64, 127, 255, 1_000];

  const evenly = async (text: string, sizes: readonly number[]) => {
    await parts.faulty.script(stream(text));
    const user = await customer(parts, first);
    const expected = await ask(parts, { first, stream: true, user });
    expect([expected.text, expected.done]).toEqual([TEXT, true]);
    await parts.faulty.script(
      ...sizes.map((size) => ({ steps: [write(SSE), write(text), end], slice: { bytes: size, gapMs: 0 } })),
    );
    for (const size of sizes) {
      const told = await ask(parts, { first, stream: true, user });
      expect(told.row).toMatchObject({ status: 'success', input_tokens: 10, output_tokens: 5 });
      expect([size, lasting(told.raw)]).toEqual([size, lasting(expected.raw)]);
    }
  };

  it('is the same to the byte in pieces of every size', () => evenly(whole, SIZES));

  it.each([
    ['CRLF', whole.replaceAll('\n', '\r\n')],
    ['blanks in its JSON', whole.replaceAll(/,"(?=[a-z_]+":)/g, ', "')],
  ])('with %s is the same to the byte in pieces of every size', (_, text) => evenly(text, SIZES));

  it.each<[string, (event: string) => string]>([
    ['CR', (event) => event.replaceAll('\n', '\r')],
    ['CRLF', (event) => event.replaceAll('\n', '\r\n')],
    ['CRLF and LF by turns', (event) => event.replace('\n', '\r\n')],
    ['no space behind data:', (event) => event.replaceAll('data: ', 'data:')],
    ['data in many lines', (event) => event.replace('{', '{\ndata: ')],
    ['id, retry and unknown fields', (event) => `id: 7\nretry: 10\nodd: x\nalone\n${event}`],
    ['comments between', (event) => `: one\n:two\n\n${event}: three\n\n`],
    ['blank lines between', (event) => `\n\n\n${event}\n\n`],
    ['empty events between', (event) => `event: nothing\n\nid: 9\n\n${event}`],
  ])('is understood with %s', async (_, written) => {
    await parts.faulty.script(stream(...eventsIn(dialect, TEXT).map(written)));
    const told = await ask(parts, { first, stream: true });
    expect([told.text, told.done, told.error]).toEqual([TEXT, true, null]);
    expect(told.row).toMatchObject({ status: 'success', input_tokens: 10, output_tokens: 5 });
    expect(told.said.filter((event) => event === '[DONE]')).toHaveLength(1);
  });

  it('is understood with a BOM at its start, and without a line end at its end', async () => {
    await parts.faulty.script(stream('\ufeff', whole.trimEnd()));
    const told = await ask(parts, { first, stream: true });
    expect([told.text, told.done, told.error]).toEqual([TEXT, true, null]);
  });

  it.each(['{"oops', '', '[]', 'null', '"text"', '{}', '{"choices":null}'])(
    'goes on over an event that says %j',
    async (data) => {
      const events = eventsIn(dialect, FIRST);
      const at = events.length - (dialect === 'anthropic' ? 4 : 3);
      await parts.faulty.script(stream(...events.slice(0, at), `data: ${data}\n\n`, ...events.slice(at)));
      const told = await ask(parts, { first, stream: true });
      expect([told.text, told.done, told.error]).toEqual([FIRST, true, null]);
      expect(told.row).toMatchObject({ status: 'success', input_tokens: 10, output_tokens: 5 });
    },
  );

  it('has nothing behind its end', async () => {
    await parts.faulty.script(stream(whole, ...begun(dialect, 3), ...eventsIn(dialect, 'Poison.')));
    const told = await ask(parts, { first, stream: true });
    expect([told.text, told.done]).toEqual([TEXT, true]);
    expect(told.raw).not.toContain('Poison');
  });

  const carried = async (word: string) => {
    const [before = '', ...after] = whole.split(word);
    const picture = { fill: 'iVBORw0KGgo=', times: 786_432 };
    await parts.faulty.script(fault(write(SSE + before), picture, write(after.join('')), end));
    const told = await ask(parts, { first, stream: true, tier: 'roomy' });
    expect(told.attempts).toEqual([[first, 'ok']]);
    expect([told.text.length, told.done]).toEqual([TEXT.length - word.length + 12 * 786_432, true]);
    expect(told.text.endsWith('and \\"quotes\\".')).toBe(true);
    expect(rssOf(parts)).toBeLessThan(700); // 320 to 510 seen: garbage of the tests before, and a few copies of 9 MB
  };
  it('carries an event of 9 MB behind its first content', () => carried('世界 '));
  it('carries an event of 9 MB that is its first content', () => carried('Grüße, '));

  it('of 50,000 tiny events at once never stops the event loop for long', { retry: 2 }, async () => {
    const events = eventsIn(dialect, 'x y');
    const at = dialect === 'anthropic' ? 3 : 1;
    const tiny = events[at] ?? '';
    await parts.faulty.script(
      fault(
        write(SSE + events.slice(0, at).join('')),
        { fill: tiny, times: 50_000 },
        write(events.slice(at + 1).join('')),
        end,
      ),
    );
    await stoodStillMs(parts);
    const told = await ask(parts, { first, stream: true, tier: 'roomy' });
    const most = await stoodStillMs(parts);
    expect([told.text.length, told.done]).toEqual([100_001, true]);
    expect(most).toBeLessThan(50);
  });

  it('packed with gzip arrives while it is made', async () => {
    const events = eventsIn(dialect, FIRST);
    const packed = await flushed(events);
    const header = head(200, {
      'content-type': 'text/event-stream',
      'content-encoding': 'gzip',
      connection: 'close',
    });
    await parts.faulty.script(
      fault(write(header), ...packed.flatMap((piece) => [bytes(piece), pause(40)]), end),
    );
    const user = await customer(parts, first);
    const startedAt = Date.now();
    const response = await user.chat({ model: `${first}/two`, stream: true });
    const reader = response.body?.getReader();
    await reader?.read();
    const firstMs = Date.now() - startedAt;
    let more = await reader?.read();
    while (more && !more.done) more = await reader?.read();
    expect(firstMs).toBeLessThan((packed.length - 2) * 40);
    expect(Date.now() - startedAt).toBeGreaterThan((packed.length - 2) * 40);
    expect((await user.logs())[0]).toMatchObject({ status: 'success', provider: first });
  });
});

/** Each text packed and flushed by itself, as a provider does that streams. */
async function flushed(texts: readonly string[]): Promise<Buffer[]> {
  const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
  const pieces: Buffer[] = [];
  let held: Buffer[] = [];
  gzip.on('data', (piece: Buffer) => held.push(piece));
  for (const text of texts) {
    await new Promise<void>((resolve) => gzip.write(text, () => resolve()));
    pieces.push(Buffer.concat(held));
    held = [];
  }
  gzip.end();
  await wait(20);
  return [...pieces, Buffer.concat(held)];
}

describe('what ends well', () => {
  const [role = '', ...others] = eventsIn('openai', FIRST);
  it.each([
    ['a finish reason without [DONE]', [role, ...others.slice(0, -1)], FIRST],
    ['a finish reason without usage or [DONE]', [role, ...others.slice(0, -2)], FIRST],
    ['a finish reason without any content', [role, ...others.slice(-3)], ''],
  ])('%s is complete, and [DONE] is added', async (_, events, text) => {
    for (const first of ['compatible', 'openai']) {
      await parts.faulty.script(stream(...events));
      const told = await ask(parts, { first, stream: true });
      expect([told.text, told.done, told.error]).toEqual([text, true, null]);
      expect(told.row).toMatchObject({ status: 'success', provider: first });
    }
  });

  it('a stream with a length, on a connection that is kept', async () => {
    await parts.faulty.script(
      fault(write(answer(role + others.join(''), { 'content-type': 'text/event-stream' }))),
    );
    for (let i = 0; i < 3; i++) expect((await ask(parts, { stream: true })).text).toBe(FIRST);
  });
});

it('numbers stay what they are, but in the chunk that carries the end', async () => {
  const large = eventsIn('openai', FIRST).map((event) =>
    event.replace('"logprobs":null', '"logprobs":{"n":12345678901234567890}'),
  );
  await parts.faulty.script(stream(large.join('')));
  const told = await ask(parts, { first: 'openai', stream: true });
  const content = told.raw.split('\n\n').filter((event) => !event.includes('"finish_reason":"stop"'));
  expect(new Set(content.join('').match(/"n":\d+/g))).toEqual(new Set(['"n":12345678901234567890']));
});
