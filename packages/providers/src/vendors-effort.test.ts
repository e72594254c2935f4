import type { ChatRequest, ProviderPlugin } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { exchange, made } from '../../../test/support/exchange.ts';
import { EFFORTS } from './dialects/openai/effort.ts';
import {
  cerebras,
  cohere,
  deepseek,
  groq,
  krutrim,
  mistral,
  moonshot,
  ollama,
  openai,
  openrouter,
  qwen,
  sarvam,
  together,
  xai,
  zhipu,
} from './index.ts';

const send = (plugin: ProviderPlugin, request: Partial<ChatRequest>) => exchange(made(plugin), request);

/** What the vendor is sent for an effort: the fields of its own, `undefined` for the absence of one. */
type Row = Record<(typeof EFFORTS)[number], Record<string, unknown>>;

const rowOf = (cell: (effort: keyof Row, at: number) => Record<string, unknown>): Row =>
  Object.fromEntries(EFFORTS.map((effort, at) => [effort, cell(effort, at)])) as Record<
    string,
    unknown
  > as Row; // one for each
const field = (...values: unknown[]): Row => rowOf((_, at) => ({ reasoning_effort: values[at] }));
const thinking = (...values: unknown[]): Row =>
  rowOf((effort, at) => ({
    thinking: { type: effort === 'none' ? 'disabled' : 'enabled' },
    reasoning_effort: values[at],
  }));

const D = 'default';
const TABLE: [plugin: ProviderPlugin, model: string, row: Row][] = [
  [groq, 'openai/gpt-oss-20b', field('low', 'low', 'low', 'medium', 'high', 'high', 'high')],
  [groq, 'qwen/qwen3.6-27b', field('none', D, D, D, D, D, D)],
  [groq, 'llama-3.3-70b-versatile', field()],
  [deepseek, 'deepseek-v4-pro', thinking(undefined, 'low', 'low', 'high', 'high', 'max', 'max')],
  [sarvam, 'sarvam-105b', field(null, 'low', 'low', 'medium', 'high', 'high', 'high')],
  [mistral, 'magistral', field('none', 'none', 'high', 'high', 'high', 'high', 'high')],
  [cohere, 'command-a', field('none', 'none', 'high', 'high', 'high', 'high', 'high')],
  [cerebras, 'gpt-oss-120b', field('low', 'low', 'low', 'medium', 'high', 'high', 'high')],
  [xai, 'grok-4', field(undefined, 'low', 'low', 'high', 'high', 'high', 'high')],
  [krutrim, 'any', field()],
  [moonshot, 'kimi-k3', thinking()],
  [zhipu, 'glm-5.3', thinking(undefined, ...EFFORTS.slice(1))],
  [openai, 'gpt-5-mini', field(...EFFORTS)],
  [openai, 'gpt-6-luna', field('none', 'low', 'low', 'medium', 'high', 'xhigh', 'max')],
  [openai, 'gpt-6-astra', field('low', 'low', 'low', 'medium', 'high', 'xhigh', 'max')],
  [together, 'openai/gpt-oss-20b', field(undefined, 'low', 'low', 'medium', 'high', 'high', 'high')],
  [openrouter, 'a/b', field(...EFFORTS)],
  [ollama, 'qwen3', field('none', 'low', 'low', 'medium', 'high', 'high', 'high')],
];
const CELLS = TABLE.flatMap(([plugin, model, row]) =>
  EFFORTS.map((effort) => ({ plugin, name: plugin.name, model, effort, expected: row[effort] })),
);

describe('an effort', () => {
  it.each(CELLS)(
    'of $effort for $model of $name is $expected',
    async ({ plugin, model, effort, expected }) => {
      const { sent, error } = await send(plugin, { model, reasoning_effort: effort });
      expect(error).toBeNull();
      for (const [name, value] of Object.entries(expected)) {
        expect(sent[0]?.body[name], name).toEqual(value);
        if (value === undefined) expect(sent[0]?.body).not.toHaveProperty(name);
      }
    },
  );

  it.each([
    [groq, 'llama-3.3-70b-versatile', 'high'],
    [krutrim, 'any', 'high'],
    [xai, 'grok-4', 'none'],
  ])('that %o has no place for is told', async (plugin, model, effort) => {
    expect((await send(plugin, { model, reasoning_effort: effort })).dropped).toEqual(['reasoning_effort']);
  });

  it.each([deepseek, sarvam, qwen, moonshot, zhipu, together].map((plugin) => [plugin] as const))(
    'that %o says in its own way is not told as dropped',
    async (plugin) => {
      for (const effort of ['none', 'low', 'high'])
        expect((await send(plugin, { reasoning_effort: effort })).dropped).toEqual([]);
    },
  );

  it.each([{}, [], 7, true, 'nonsense', '__proto__', 'constructor'].map((effort) => [effort]))(
    'of %j is nobody’s crash',
    async (effort) => {
      for (const plugin of [
        groq,
        deepseek,
        sarvam,
        mistral,
        cohere,
        cerebras,
        xai,
        moonshot,
        zhipu,
        qwen,
        together,
      ])
        expect(
          (await send(plugin, { model: 'openai/gpt-oss-20b', reasoning_effort: effort })).error,
        ).toBeNull();
    },
  );

  it.each([deepseek, mistral, groq, xai, moonshot, zhipu, qwen].map((plugin) => [plugin] as const))(
    'of null is none that was asked for, at %o',
    async (plugin) => {
      const { sent, dropped } = await send(plugin, { reasoning_effort: null });
      expect(sent[0]?.body).not.toMatchObject({ thinking: expect.anything() });
      expect(sent[0]?.body).not.toHaveProperty('enable_thinking');
      expect(sent[0]?.body['reasoning_effort'] ?? null).toBeNull();
      expect(dropped).toEqual([]);
    },
  );

  it('of null is left out at Sarvam, where it would mean none', async () => {
    expect((await send(sarvam, { reasoning_effort: null })).sent[0]?.body).not.toHaveProperty(
      'reasoning_effort',
    );
  });

  it('switches thinking at Qwen, and off at Together', async () => {
    expect((await send(qwen, { reasoning_effort: 'none' })).sent[0]?.body).toMatchObject({
      enable_thinking: false,
    });
    expect((await send(qwen, { reasoning_effort: 'low' })).sent[0]?.body).toMatchObject({
      enable_thinking: true,
    });
    expect((await send(together, { reasoning_effort: 'none' })).sent[0]?.body).toMatchObject({
      reasoning: { enabled: false },
    });
  });

  it('yields to the field of the vendor that the client spelled itself', async () => {
    const own = { type: 'disabled' };
    for (const plugin of [deepseek, moonshot, zhipu])
      expect((await send(plugin, { reasoning_effort: 'high', thinking: own })).sent[0]?.body).toMatchObject({
        thinking: own,
      });
    const sent = (await send(qwen, { reasoning_effort: 'high', enable_thinking: false })).sent[0];
    expect(sent?.body).toMatchObject({ enable_thinking: false });
  });
});
