import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type ChatBody,
  type ChatChunk,
  type ChatRequest,
  type ChatStream,
  createHost,
  type HttpResponse,
  type ProviderIO,
  type WireUsage,
} from '@inferbridge/core';
import { providerContract, seededRandom, virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { gemini } from './gemini.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const FIXTURES = resolve(ROOT, process.env['INFERBRIDGE_FIXTURES'] ?? '../shared/fixtures');
const have = existsSync(FIXTURES);
const why = have ? '' : ` (skipped: no recorded answers at ${FIXTURES})`;

const host = createHost({ transport: () => Promise.reject(new Error('nobody')), clock: virtualClock() });
const files = (folder: string, ending: string): string[] =>
  have ? readdirSync(join(FIXTURES, folder)).filter((name) => name.endsWith(ending)) : [];
const text = (folder: string, name: string): string => readFileSync(join(FIXTURES, folder, name), 'utf8');

const responding = (status: number, type: string, body: string, size = body.length): HttpResponse => {
  const bytes = Buffer.from(body);
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  return { status, headers: { 'content-type': type }, bytes: async () => bytes, body: pieces() };
};
const io = (response: HttpResponse): ProviderIO => ({
  ...host,
  random: seededRandom(1),
  signal: new AbortController().signal,
  credential: { id: 'c', secret: 'AIza-secret' },
  dropped() {},
  http: async () => response,
});
const REQUEST: ChatRequest = { model: 'gemini-test', messages: [{ role: 'user', content: 'Hi' }] };
const fresh = () => gemini.init(undefined, host);

const sums = ({ prompt_tokens: input = 0, completion_tokens: output = 0, total_tokens: total }: WireUsage) =>
  expect(total).toBe(input + output);
const REASONS = ['stop', 'length', 'tool_calls', 'content_filter'];

async function streamed(raw: string, size?: number) {
  const asked = io(responding(200, 'text/event-stream', raw, size));
  const { frames } = (await fresh().chat({ ...REQUEST, stream: true }, asked)) as ChatStream; // a stream was asked for
  const reader = frames[Symbol.asyncIterator]();
  const chunks: ChatChunk[] = [];
  for (;;) {
    const { done, value } = await reader.next();
    if (done) return { chunks, end: value };
    chunks.push(...value.chunks());
  }
}

function checkChunks(chunks: readonly ChatChunk[]): void {
  const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
  const reasons = chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason));
  expect(new Set(chunks.map(({ id, model }) => `${id} ${model}`)).size).toBe(1);
  expect(deltas.map(({ role }) => role).filter(Boolean)).toEqual(['assistant']);
  expect(deltas[0]?.role).toBe('assistant');
  expect(reasons.filter((reason) => reason !== null)).toHaveLength(1);
  expect(chunks.filter(({ usage }) => usage)).toEqual([chunks.at(-1)]);
  const last = chunks.at(-1);
  expect(last?.choices).toEqual([]);
  sums(last?.usage ?? {});
  const calls = deltas.flatMap(({ tool_calls: some }) => some ?? []);
  const begun = calls.filter(({ id }) => id !== undefined);
  expect(begun.map(({ index }) => index)).toEqual(begun.map((_, position) => position));
  for (const { index } of begun) {
    const all = calls.filter((call) => call.index === index);
    expect(JSON.parse(all.map(({ function: fn }) => fn?.arguments ?? '').join(''))).toBeTypeOf('object');
    for (const later of all.slice(1)) expect(Object.keys(later).sort()).toEqual(['function', 'index']);
  }
  expect(reasons.find((reason) => reason !== null)).toBe(begun.length > 0 ? 'tool_calls' : 'stop');
}

describe.skipIf(!have)(`a recorded stream${why}`, () => {
  const native = files('google-native', '.chunks.txt').map((name) => {
    const lines = text('google-native', name).split('\n').filter(Boolean);
    return [name, lines.map((line) => `data: ${line}\r\n\r\n`).join('')] as const;
  });
  const pairs = files('recorded-pairs/gemini-native', '.json').flatMap((name) => {
    const { response } = JSON.parse(text('recorded-pairs/gemini-native', name));
    return typeof response.raw === 'string' ? [[name, String(response.raw)] as const] : [];
  });

  it.each([...native, ...pairs])('keeps the contract, however the network cuts it: %s', async (_, raw) => {
    const whole = await streamed(raw);
    expect(whole.end).toBe('complete');
    checkChunks(whole.chunks);
    for (const size of [1, 2, 997]) expect(await streamed(raw, size)).toEqual(whole);
  });

  it.each(native)('is cut where its end is missing: %s', async (_, raw) => {
    const events = raw.split('\r\n\r\n').slice(0, -2);
    expect((await streamed(events.map((event) => `${event}\r\n\r\n`).join(''))).end).toBe('cut');
  });
});

describe.skipIf(!have)(`a recorded answer${why}`, () => {
  const native = files('google-native', '.json').map((name) => ({
    name,
    status: name.includes('429') ? 429 : 200,
    body: JSON.parse(text('google-native', name)),
  }));
  const pairs = files('recorded-pairs/gemini-native', '.json').flatMap((name) => {
    const { response } = JSON.parse(text('recorded-pairs/gemini-native', name));
    return response.body ? [{ name, status: Number(response.status), body: response.body }] : [];
  });
  const all = [...native, ...pairs];

  it.each(all.filter(({ status }) => status === 200))('is one completion: $name', async ({ body }) => {
    const answer = await fresh().chat(REQUEST, io(responding(200, 'application/json', JSON.stringify(body))));
    const completion = (answer as ChatBody).json(); // no stream was asked for
    const [choice] = completion.choices;
    const parts: { text?: string; thought?: boolean; functionCall?: object }[] =
      body.candidates[0].content.parts ?? [];
    const said = parts.flatMap((part) => (part.thought ? [] : [part.text ?? ''])).join('');
    const calls = parts.flatMap((part) => part.functionCall ?? []);
    expect(choice?.message.content ?? '').toBe(said);
    expect(
      (choice?.message.tool_calls ?? []).map(({ function: fn }) => ({
        name: fn?.name,
        args: JSON.parse(fn?.arguments ?? ''),
      })),
    ).toMatchObject(
      calls.map((one) => ({ args: {}, ...one })).map(({ id: _, ...one }: Record<string, unknown>) => one),
    );
    expect(REASONS).toContain(choice?.finish_reason);
    sums(completion.usage ?? {});
    expect(completion.usage?.total_tokens).toBe(body.usageMetadata.totalTokenCount);
  });

  it('that ran out of tokens before a word ends for its length', async () => {
    const name = 'test_google_model_max_tokens_thinking_model_empty_response.0.json';
    const { response } = JSON.parse(text('recorded-pairs/gemini-native', name));
    const answer = await fresh().chat(
      REQUEST,
      io(responding(200, 'application/json', JSON.stringify(response.body))),
    );
    expect((answer as ChatBody).json().choices[0]).toMatchObject({
      // as above
      message: { content: '' },
      finish_reason: 'length',
    });
  });

  it.each(all.filter(({ status }) => status !== 200))(
    'is a classified refusal: $name',
    async ({ status, body }) => {
      const expected =
        status === 429
          ? { class: 'rate_limited', details: { retryAfterMs: 34_400 } }
          : { class: 'model_not_found' };
      for (const given of [body, [body]]) {
        const asked = io(responding(status, 'application/json', JSON.stringify(given)));
        await expect(fresh().chat(REQUEST, asked)).rejects.toMatchObject(expected);
      }
    },
  );
});

describe('gemini', () => {
  const event = (parts: object[], more: object = {}) => ({
    candidates: [{ content: { role: 'model', parts }, ...more }],
    responseId: 'r',
    modelVersion: 'm',
  });
  const checks = providerContract({
    plugin: gemini,
    model: 'm',
    transport: async ({ url }) => {
      if (!url.includes(':stream'))
        return responding(
          200,
          'application/json',
          JSON.stringify(event([{ text: 'Hello there' }], { finishReason: 'STOP' })),
        );
      const events = [event([{ text: 'Hello ' }]), event([{ text: 'there' }], { finishReason: 'STOP' })];
      return responding(
        200,
        'text/event-stream',
        events.map((one) => `data: ${JSON.stringify(one)}\n\n`).join(''),
      );
    },
  });
  for (const { name, run } of checks) it(name, run);

  it.each([
    ['text/html', '<html>'],
    ['application/json', ''],
    ['application/json', '[]'],
    ['application/json', '{}'],
    ['application/json', '{"candidates":[]}'],
  ])('finds an answer of %s "%s" malformed', async (type, body) => {
    await expect(fresh().chat(REQUEST, io(responding(200, type, body)))).rejects.toMatchObject({
      class: 'malformed',
      details: { code: 'upstream_unreadable' },
    });
  });

  it('lists the models that chat or embed, by their bare names', async () => {
    const models = [
      { name: 'models/a', supportedGenerationMethods: ['generateContent'] },
      { name: 'models/b', supportedGenerationMethods: ['embedContent'] },
      { name: 'models/c', supportedGenerationMethods: ['predict'] },
      7,
    ];
    const asked = io(responding(200, 'application/json', JSON.stringify({ models })));
    expect(await fresh().models?.(asked)).toEqual(['a', 'b']);
  });
});
