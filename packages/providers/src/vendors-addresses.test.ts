import type { EmbeddingsRequest, ProviderPlugin } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { type Answer, exchange, made, scriptedIO } from '../../../test/support/exchange.ts';
import {
  azure,
  cerebras,
  deepseek,
  fireworks,
  generic,
  groq,
  krutrim,
  mistral,
  moonshot,
  ollama,
  openai,
  openrouter,
  qwen,
  sarvam,
  selfHosted,
  together,
  vllm,
  xai,
  zhipu,
} from './index.ts';

const named = <Row extends readonly [ProviderPlugin, ...unknown[]]>(rows: readonly Row[]) =>
  rows.map((row) => ({ name: row[0].name, row }));

describe('addresses', () => {
  it.each(
    named([
      [openrouter, 'https://openrouter.ai/api/v1/chat/completions'],
      [ollama, 'http://localhost:11434/v1/chat/completions'],
      [vllm, 'http://localhost:8000/v1/chat/completions'],
      [xai, 'https://api.x.ai/v1/chat/completions'],
      [qwen, 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions'],
      [zhipu, 'https://api.z.ai/api/paas/v4/chat/completions'],
      [moonshot, 'https://api.moonshot.ai/v1/chat/completions'],
      [fireworks, 'https://api.fireworks.ai/inference/v1/chat/completions'],
      [cerebras, 'https://api.cerebras.ai/v1/chat/completions'],
    ]),
  )('of $name are its own, the key is a bearer', async ({ row: [plugin, url] }) => {
    const { sent } = await exchange(made(plugin), {}, [{}], { secret: 'k' });
    expect(sent[0]).toMatchObject({ url, guarded: false, headers: { authorization: 'Bearer k' } });
    const other = await exchange(made(plugin, { baseUrl: 'https://proxy.example/v1/' }));
    expect(other.sent[0]?.url).toBe('https://proxy.example/v1/chat/completions');
  });

  it.each(named([[ollama], [vllm], [generic]]))('need no key at $name', async ({ row: [plugin] }) => {
    const options = plugin === generic ? { baseUrl: 'https://llm.example/v1', keyless: true } : undefined;
    expect(made(plugin, options).keyless).toBe(true);
    expect(
      (await exchange(made(plugin, options), {}, [{}], { secret: '' })).sent[0]?.headers,
    ).not.toHaveProperty('authorization');
  });

  const V1 = 'https://r.openai.azure.com/openai/v1/chat/completions';
  const OLD =
    'https://r.openai.azure.com/openai/deployments/my%2Fgpt/chat/completions?api-version=2024-10-21';
  it.each([
    [{ resource: 'r' }, V1],
    [{ baseUrl: 'https://r.openai.azure.com/openai/v1/' }, V1],
    [{ resource: 'r', apiVersion: '2024-10-21' }, OLD],
    [{ baseUrl: 'https://r.openai.azure.com/openai', apiVersion: '2024-10-21' }, OLD],
  ])('of Azure with %j', async (options, url) => {
    const { sent } = await exchange(made(azure, options), { model: 'my/gpt' }, [{}], { secret: 'k' });
    expect(sent[0]?.url).toBe(url);
    expect(sent[0]?.headers).toMatchObject({ 'api-key': 'k' });
    expect(sent[0]?.headers).not.toHaveProperty('authorization');
  });

  it.each([{}, { resource: 'r.evil.example/' }, { resource: '' }])(
    'of Azure are not made of %j',
    (options) => {
      expect(() => made(azure, options)).toThrow(/resource/);
    },
  );

  it('of a user are guarded wherever they come from', async () => {
    const own = await exchange(made(selfHosted), {}, [{}], { baseUrl: 'https://user.example/v1' });
    expect(own.sent[0]).toMatchObject({ guarded: true, url: 'https://user.example/v1/chat/completions' });
  });

  it('tell OpenRouter who asks, where that was said', async () => {
    const said = made(openrouter, { referer: 'https://me.example', title: 'Me' });
    expect((await exchange(said)).sent[0]?.headers).toMatchObject({
      'http-referer': 'https://me.example',
      'x-title': 'Me',
    });
    expect((await exchange(made(openrouter))).sent[0]?.headers).not.toHaveProperty('x-title');
  });
});

describe('usage of streams', () => {
  it.each(named([[openai], [groq], [deepseek], [together], [sarvam], [openrouter], [ollama], [vllm]]))(
    'is asked for at $name though the client did not',
    async ({ row: [plugin] }) => {
      const { sent } = await exchange(
        made(plugin),
        { stream: true, stream_options: { include_usage: false } },
        [{ pieces: [] }],
      );
      expect(sent[0]?.body).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    },
  );
});

describe('embeddings', () => {
  const BASE64 = Buffer.from(new Float32Array([0.5, -1]).buffer).toString('base64');
  const answer = (embedding: unknown): Answer => ({
    body: {
      object: 'list',
      model: 'e',
      data: [{ object: 'embedding', index: 0, embedding }],
      usage: { prompt_tokens: 1, total_tokens: 1 },
    },
  });
  const embed = async (plugin: ProviderPlugin, request: Partial<EmbeddingsRequest>, given: Answer) => {
    const { io, sent } = scriptedIO([given]);
    const provider = made(plugin, plugin === azure ? { resource: 'r' } : undefined);
    return {
      reply: await provider.embed?.({ model: 'e', input: 'Hi', ...request }, io),
      body: sent[0]?.body,
      url: sent[0]?.url,
    };
  };

  it.each(named([[groq], [deepseek], [sarvam], [xai], [moonshot], [cerebras]]))(
    'are not to be had at $name',
    ({ row: [plugin] }) => {
      expect(made(plugin).embed).toBeUndefined();
    },
  );

  it.each(
    named([
      [openai, true],
      [azure, true],
      [openrouter, true],
      [together, false],
      [mistral, false],
      [krutrim, false],
      [qwen, false],
      [zhipu, false],
      [fireworks, false],
      [ollama, false],
    ] as const),
  )('come from $name in the encoding that was asked for', async ({ row: [plugin, knows] }) => {
    for (const given of [[0.5, -1], BASE64]) {
      const coded = await embed(plugin, { encoding_format: 'base64' }, answer(given));
      expect(coded.reply?.json().data[0]?.embedding).toBe(BASE64);
      expect(JSON.parse(Buffer.from(coded.reply?.bytes ?? '').toString())).toEqual(coded.reply?.json());
      expect(coded.body?.['encoding_format']).toBe(knows ? 'base64' : undefined);
      const plain = await embed(plugin, { encoding_format: null }, answer(given));
      expect(plain.reply?.json().data[0]?.embedding).toEqual([0.5, -1]);
      expect(plain.body).not.toHaveProperty('encoding_format');
      expect(plain.url).toMatch(/\/embeddings$/);
    }
  });

  it.each([
    [{ status: 404, body: { error: { message: 'x', code: 'model_not_found' } } }, 'model_not_found'],
    [{ body: { error: { message: 'x', code: 429 } } }, 'rate_limited'],
    [{ body: { data: [] } }, 'malformed'],
    [{ body: 'busy' }, 'malformed'],
  ])('that fail with %j are %s', async (given, expected) => {
    await expect(embed(openai, {}, given)).rejects.toMatchObject({ class: expected });
  });
});
