import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ProviderPlugin } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { exchange, made } from '../../../test/support/exchange.ts';
import {
  azure,
  cerebras,
  deepseek,
  groq,
  mistral,
  moonshot,
  ollama,
  openai,
  openrouter,
  qwen,
  together,
  vllm,
  xai,
  zhipu,
} from './index.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const FIXTURES = resolve(ROOT, process.env['INFERBRIDGE_FIXTURES'] ?? '../shared/fixtures');
const have = existsSync(FIXTURES);
const why = have ? '' : ` (skipped: no recorded answers at ${FIXTURES})`;

/** Whose answers lie where. */
const FOLDERS: [folder: string, plugin: ProviderPlugin, options?: object][] = [
  ['groq', groq],
  ['deepseek', deepseek],
  ['mistral', mistral],
  ['xai', xai],
  ['alibaba', qwen],
  ['moonshotai', moonshot],
  ['azure', azure, { resource: 'r' }],
  ['openai/chat', openai],
  ['openai-compatible', xai],
  ['recorded-pairs/groq', groq],
  ['recorded-pairs/deepseek', deepseek],
  ['recorded-pairs/mistral', mistral],
  ['recorded-pairs/openrouter', openrouter],
  ['recorded-pairs/ollama-cloud', ollama],
  ['recorded-pairs/vllm-crusoe', vllm],
  ['recorded-pairs/zai', zhipu],
  ['recorded-pairs/cerebras', cerebras],
  ['recorded-pairs/together-via-hf-router', together],
  ['recorded-pairs/openai', openai],
];

// biome-ignore lint/suspicious/noExplicitAny: recordings are whatever the vendors sent
type Any = any;

interface Recording {
  readonly path: string;
  readonly plugin: ProviderPlugin;
  readonly options: object | undefined;
  readonly status: number;
  readonly body: Any;
}

function recordingsIn([folder, plugin, options]: (typeof FOLDERS)[number]): Recording[] {
  const names = readdirSync(join(FIXTURES, folder)).filter((name) => name.endsWith('.json'));
  return names.flatMap((name): Recording[] => {
    const path = `${folder}/${name}`;
    const value: Any = JSON.parse(readFileSync(join(FIXTURES, path), 'utf8'));
    if (!value.request) return value.choices ? [{ path, plugin, options, status: 200, body: value }] : [];
    const { request, response } = value;
    if (!request.path.endsWith('/chat/completions') || response.raw !== undefined) return [];
    return [{ path, plugin, options, status: response.status, body: response.body }];
  });
}

const RECORDINGS = have ? FOLDERS.flatMap(recordingsIn) : [];
const ANSWERS = RECORDINGS.filter(({ status }) => status === 200);
const REFUSALS = RECORDINGS.filter(({ status }) => status !== 200);

/** The text and the thinking in a recorded message, read as plainly as can be. */
function saidIn(message: Any): { text: string; thinking: string } {
  const parts: Any[] = Array.isArray(message.content)
    ? message.content
    : [{ type: 'text', text: message.content ?? '' }];
  const text = parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
  const inner = parts.flatMap((part) => (part.type === 'thinking' ? part.thinking : []));
  const tagged = /^\s*<think>\n?([\s\S]*?)(?:<\/think>\s*|$)/.exec(text);
  const field = message.reasoning_content ?? message.reasoning ?? '';
  return {
    text: tagged ? text.slice(tagged[0].length) : text,
    thinking: field + inner.map((one) => one.text).join('') + (tagged?.[1] ?? ''),
  };
}

const REASONS = ['stop', 'length', 'tool_calls', 'content_filter', 'function_call'];

describe.skipIf(!have)(`a recorded answer${why}`, () => {
  const asked = ({ plugin, options, status, body }: Recording) =>
    exchange(made(plugin, options), {}, [{ status, body }]);

  it('is there for every folder', () => {
    for (const [folder] of FOLDERS)
      expect(
        RECORDINGS.some(({ path }) => path.startsWith(`${folder}/`)),
        folder,
      ).toBe(true);
  });

  it.each(ANSWERS)('$path keeps its text, and its thinking apart from it', async (recording) => {
    const { completion } = await asked(recording);
    const message: Any = completion?.choices[0]?.message;
    const said = saidIn(recording.body.choices[0].message);
    expect(message.role).toBe('assistant');
    expect(message.content ?? '').toBe(said.text);
    expect(message.reasoning_content ?? '').toBe(said.thinking);
    expect(message.content ?? '').not.toMatch(/<\/?think>/);
    if (recording.plugin.name !== 'openai') expect(message).not.toHaveProperty('reasoning');
  });

  it.each(ANSWERS)('$path has the calls of the recording, with parsable arguments', async (recording) => {
    const { completion } = await asked(recording);
    const message = completion?.choices[0]?.message;
    const given: Any[] = recording.body.choices[0].message.tool_calls ?? [];
    expect(message?.tool_calls?.map((call) => call.function?.name) ?? []).toEqual(
      given.map((call) => call.function.name),
    );
    if (given.length === 0) expect(message).not.toHaveProperty('tool_calls');
    for (const call of message?.tool_calls ?? []) {
      expect(call).toMatchObject({ id: expect.stringMatching(/./), type: 'function' });
      expect(JSON.parse(call.function?.arguments ?? '')).toBeTypeOf('object');
    }
    if (given.length > 0) expect(completion?.choices[0]?.finish_reason).toBe('tool_calls');
  });

  it.each(ANSWERS)('$path is shaped and counted as OpenAI does', async (recording) => {
    const { completion } = await asked(recording);
    expect(completion).toMatchObject({ object: 'chat.completion', id: expect.stringMatching(/./) });
    expect(completion?.created).toSatisfy(Number.isInteger);
    expect(REASONS).toContain(completion?.choices[0]?.finish_reason);
    const { prompt_tokens: prompt = 0, completion_tokens: rest = 0, ...usage } = completion?.usage ?? {};
    const { usage: told } = recording.body;
    expect(prompt).toBe(told.prompt_tokens);
    expect(prompt + rest).toBe(usage.total_tokens);
    expect(usage.total_tokens).toBe(Math.max(told.total_tokens, prompt + told.completion_tokens));
    const cached = told.prompt_tokens_details?.cached_tokens ?? told.cached_tokens ?? 0;
    expect(usage.prompt_tokens_details?.cached_tokens ?? 0).toBe(cached);
    expect(usage.completion_tokens_details?.reasoning_tokens ?? 0).toBeLessThanOrEqual(rest);
  });

  it.each(REFUSALS)(
    '$path is a refusal with the words of the vendor for the caller alone',
    async (recording) => {
      const { error } = await asked(recording);
      const said: string = recording.body.error?.message ?? recording.body.message;
      expect(error?.details.status).toBe(recording.status);
      expect(error?.details.upstream?.message).toBe(said);
      expect(error?.message).not.toContain(said);
      expect(['invalid_request', 'model_not_found', 'malformed', 'unsupported']).toContain(error?.class);
    },
  );
});
