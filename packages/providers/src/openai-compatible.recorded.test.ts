import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type ChatChunk,
  type ChatStream,
  type HttpResponse,
  type Provider,
  systemClock,
} from '@inferbridge/core';
import { seededRandom } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { faultsOf } from '../../../test/support/stream-contract.ts';
import {
  azure,
  deepseek,
  generic,
  groq,
  mistral,
  moonshot,
  openai,
  openrouter,
  qwen,
  vllm,
  xai,
} from './index.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const FIXTURES = resolve(ROOT, process.env['INFERBRIDGE_FIXTURES'] ?? '../shared/fixtures');
const have = existsSync(FIXTURES);
const why = have ? '' : ` (skipped: no recorded answers at ${FIXTURES})`;

const text = (path: string) => readFileSync(join(FIXTURES, path), 'utf8');
/** The text of a recorded stream as it was on the wire. */
function wire(path: string): string {
  if (path.endsWith('.sse')) return text(path);
  if (path.endsWith('.json')) return (JSON.parse(text(path)) as { response: { raw: string } }).response.raw;
  const lines = text(path)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return [...lines, '[DONE]'].map((line) => `data: ${line}\n\n`).join('');
}

const host = {
  clock: systemClock,
  random: () => 0.5,
  log: { info() {}, warn() {}, error() {} },
  transport: () => Promise.reject(new Error('nobody is called')),
};
const init = (
  plugin: { init: (options: unknown, on: typeof host) => Omit<Provider, 'name'> },
  options?: object,
) => plugin.init(options, host);
const unknown = () => init(generic, { baseUrl: 'https://llm.example/v1' });

/** The chunks that a provider makes of a body, cut into these pieces, and how the stream ended. */
async function replay(provider: Omit<Provider, 'name'>, pieces: Iterable<Uint8Array>) {
  async function* body() {
    yield* pieces;
  }
  const response: HttpResponse = {
    status: 200,
    headers: { 'content-type': 'text/event-stream' },
    body: body(),
    bytes: () => Promise.reject(new Error('a stream')),
  };
  const answer = (await provider.chat(
    { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true },
    {
      ...host,
      signal: new AbortController().signal,
      dropped() {},
      credential: { id: 'c', secret: 's' },
      http: async () => response,
    },
  )) as ChatStream; // asked for as one, with an event stream for an answer
  const chunks: ChatChunk[] = [];
  const frames = answer.frames[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await frames.next();
    if (done) return { chunks, end: value };
    chunks.push(...value.chunks());
  }
}

function* cut(bytes: Uint8Array, size: () => number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const end = at + size();
    yield bytes.subarray(at, end);
    at = end;
  }
}

interface Delta {
  content?: string | { type: string; text?: string; thinking?: { text: string }[] }[] | null;
  reasoning_content?: string | null;
  reasoning?: string | null;
  tool_calls?: { id?: string; function?: { name?: string; arguments?: string } }[] | null;
}

/** What the recording itself says, read as plainly as can be. */
function told(path: string) {
  const values = [...wire(path).matchAll(/^data: ?(\{.*)$/gm)].map(([, json]) => JSON.parse(json ?? ''));
  const deltas: Delta[] = values.flatMap(({ choices = [] }) =>
    choices.map(({ delta }: { delta: Delta }) => delta ?? {}),
  );
  const parts = (type: string) => (delta: Delta) =>
    typeof delta.content === 'string'
      ? type === 'text'
        ? delta.content
        : ''
      : (delta.content ?? [])
          .filter((part) => part.type === type)
          .map((part) => part.text ?? (part.thinking ?? []).map((inner) => inner.text).join(''))
          .join('');
  const calls = deltas.flatMap((delta) => delta.tool_calls ?? []);
  return {
    id: values.map(({ id }) => id).find((id) => id),
    model: values.map(({ model }) => model).find((model) => model),
    text: deltas.map(parts('text')).join(''),
    thinking: deltas
      .map((delta) => delta.reasoning_content ?? delta.reasoning ?? parts('thinking')(delta))
      .join(''),
    names: calls.map((call) => call.function?.name).filter((name) => name),
    args: calls.map((call) => call.function?.arguments ?? '').join(''),
    usage: values.map(({ usage }) => usage).findLast((usage) => usage),
  };
}

const PAIRS = 'recorded-pairs';
const STREAMS: [path: string, provider: () => Omit<Provider, 'name'>][] = [
  ['groq/groq-text.trimmed.chunks.txt', () => init(groq)],
  ['groq/groq-reasoning.trimmed.chunks.txt', () => init(groq)],
  ['groq/groq-tool-call.chunks.txt', () => init(groq)],
  ['deepseek/deepseek-text.trimmed.chunks.txt', () => init(deepseek)],
  ['deepseek/deepseek-reasoning.trimmed.chunks.txt', () => init(deepseek)],
  ['deepseek/deepseek-tool-call.chunks.txt', () => init(deepseek)],
  ['mistral/mistral-text.chunks.txt', () => init(mistral)],
  ['mistral/mistral-reasoning.chunks.txt', () => init(mistral)],
  ['mistral/mistral-tool-call.chunks.txt', () => init(mistral)],
  ['mistral/mistral-incremental-tool-call.chunks.txt', () => init(mistral)],
  ['xai/xai-text.chunks.txt', () => init(xai)],
  ['xai/xai-tool-call.chunks.txt', () => init(xai)],
  ['openai-compatible/xai-text.trimmed.chunks.txt', () => init(xai)],
  ['openai-compatible/xai-tool-call.chunks.txt', () => init(xai)],
  ['openai-compatible/anthropic-fallback-tool-call.sse', unknown],
  ['moonshotai/moonshotai-stream.chunks.txt', () => init(moonshot)],
  ['alibaba/alibaba-tool-call.chunks.txt', () => init(qwen)],
  ['openai/chat/azure-model-router.1.chunks.txt', () => init(azure, { resource: 'r' })], // azure/*.chunks.txt are of the Responses API
  ['openai/chat/openai-text.trimmed.chunks.txt', unknown],
  ['openai/chat/openai-text.trimmed.chunks.txt', () => init(openai)],
  [`${PAIRS}/openai/test_run_stream_sync_streams_real_model.0.json`, () => init(openai)],
  [`${PAIRS}/openai/test_run_stream_sync_streams_real_model.1.json`, () => init(openai)],
  [`${PAIRS}/openai/test_mcp_tools_not_cached_when_disabled.1.json`, unknown],
  [`${PAIRS}/huggingface-router/test_cancel_recorded_provider_stream_huggingface_.1.json`, unknown],
  [`${PAIRS}/vllm-crusoe/test_crusoe_model_streaming.0.json`, () => init(vllm)],
  [`${PAIRS}/openrouter/test_openrouter_cache_streaming_e2e.0.json`, () => init(openrouter)],
  [`${PAIRS}/openrouter/test_openrouter_streaming_reasoning.0.json`, () => init(openrouter)],
  [`${PAIRS}/openrouter/test_openrouter_web_search_annotations_stream.0.json`, () => init(openrouter)],
  [`${PAIRS}/openrouter/test_openrouter_web_search_tool_usage_stream.0.json`, () => init(openrouter)],
];

describe.skipIf(!have)(`a recorded stream${why}`, () => {
  describe.each(STREAMS)('%s', (path, provider) => {
    it('comes out the same however the network cuts it', async () => {
      const bytes = Buffer.from(wire(path));
      const whole = await replay(provider(), [bytes]);
      expect(whole.end).toBe('complete');
      expect(
        await replay(
          provider(),
          cut(bytes, () => 1),
        ),
      ).toEqual(whole);
      for (const seed of [1, 2, 3, 4, 5]) {
        const random = seededRandom(seed);
        expect(
          await replay(
            provider(),
            cut(bytes, () => 1 + Math.floor(random() * 300)),
          ),
        ).toEqual(whole);
      }
    });

    it('comes out the same with other line ends, comments and blank lines', async () => {
      const plain = wire(path);
      const whole = await replay(provider(), [Buffer.from(plain)]);
      const odd = `\u{feff}: hello\r\n\r\n${plain.replaceAll('\n\n', '\r\n\r\n: keep-alive\r\n\r\n').replaceAll('data: ', 'data:')}`;
      const random = seededRandom(9);
      expect(
        await replay(
          provider(),
          cut(Buffer.from(odd), () => 1 + Math.floor(random() * 50)),
        ),
      ).toEqual(whole);
    });

    it('is told in the form of OpenAI', async () => {
      const { chunks } = await replay(provider(), [Buffer.from(wire(path))]);
      const said = told(path);
      expect(faultsOf(chunks)).toEqual([]);
      expect(chunks[0]).toMatchObject({ id: said.id, model: said.model });
      const choices = chunks.flatMap((chunk) => chunk.choices);
      expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe(said.text);
      const thinking = choices.map(({ delta }) => String(delta['reasoning_content'] ?? '')).join('');
      expect(thinking).toBe(said.thinking);

      const reasons = choices.map(({ finish_reason }) => finish_reason);
      if (said.names.length > 0) expect(reasons.at(-1)).toBe('tool_calls');
      else expect(reasons.at(-1)).toMatch(/^(stop|length)$/);
    });

    it('has tool calls numbered from 0 that are named once', async () => {
      const { chunks } = await replay(provider(), [Buffer.from(wire(path))]);
      const said = told(path);
      const calls = chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []));
      const firsts = calls.filter(({ id }) => id !== undefined);
      expect(firsts.map(({ index }) => index)).toEqual(firsts.map((_, at) => at));
      expect(firsts.map((call) => call.function?.name)).toEqual(said.names);
      expect(firsts.every(({ id, type }) => id !== '' && type === 'function')).toBe(true);
      for (const call of calls.filter((one) => !firsts.includes(one)))
        expect(call).toEqual({ index: expect.any(Number), function: { arguments: expect.any(String) } });
      expect(calls.map((call) => call.function?.arguments ?? '').join('')).toBe(said.args);
      for (const { index } of firsts) {
        const args = calls
          .filter((call) => call.index === index)
          .map((call) => call.function?.arguments ?? '');
        expect(JSON.parse(args.join(''))).toBeTypeOf('object');
      }
    });

    it('has its usage in one chunk of its own at the very end', async () => {
      const { chunks } = await replay(provider(), [Buffer.from(wire(path))]);
      const { usage } = told(path);
      expect(chunks.filter((chunk) => chunk.usage)).toHaveLength(usage ? 1 : 0);
      expect(chunks.filter(({ choices }) => choices.length === 0)).toHaveLength(usage ? 1 : 0);
      // whoever leaves reasoning out of the completion is corrected by the total
      const { completion_tokens: _, ...kept } = usage ?? {};
      if (usage) expect(chunks.at(-1)).toMatchObject({ choices: [], usage: kept });
    });
  });
});
