import { type ChatRequest, createHost, type HttpRequest, type ProviderPlugin } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import {
  anthropic,
  cohere,
  deepseek,
  generic,
  groq,
  krutrim,
  mistral,
  openai,
  sarvam,
  selfHosted,
  together,
} from './index.ts';

const URL_OF_USER = 'https://llm.example/v1';
const enough = new Error('the request was all that was wanted');
const host = createHost({ transport: () => Promise.reject(enough) });

/** What a provider sends upstream for a request. */
async function request(
  plugin: ProviderPlugin,
  value: Partial<ChatRequest> = {},
  options?: Record<string, unknown>,
  baseUrl?: string,
) {
  const seen: Omit<HttpRequest, 'signal' | 'progress'>[] = [];
  const provider = plugin.init(options, host);
  const asked = provider.chat(
    { model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...value },
    {
      ...host,
      signal: new AbortController().signal,
      dropped() {},
      credential: { id: 'c', secret: 'the-key', ...(baseUrl && { baseUrl }) },
      http: (given) => {
        seen.push(given);
        return Promise.reject(enough);
      },
    },
  );
  await (asked as Promise<unknown>).catch((error: unknown) => {
    if (error !== enough) throw error;
  });
  const [first] = seen;
  if (!first) throw new Error('nobody was called');
  const { url, headers, guarded = false, body = '{}' } = first;
  const sent: Record<string, unknown> = JSON.parse(Buffer.from(body).toString());
  return { url, headers, guarded, body: sent, residency: provider.residency };
}

describe('addresses and keys', () => {
  it.each([
    [openai, 'https://api.openai.com/v1/chat/completions', 'global'],
    [groq, 'https://api.groq.com/openai/v1/chat/completions', 'global'],
    [deepseek, 'https://api.deepseek.com/v1/chat/completions', 'global'],
    [together, 'https://api.together.ai/v1/chat/completions', 'global'],
    [sarvam, 'https://api.sarvam.ai/v1/chat/completions', 'india'],
    [krutrim, 'https://cloud.olakrutrim.com/v1/chat/completions', 'india'],
    [mistral, 'https://api.mistral.ai/v1/chat/completions', 'eu'],
    [cohere, 'https://api.cohere.ai/compatibility/v1/chat/completions', 'global'],
  ])('sends %o to its own address with the key as a bearer', async (plugin, url, residency) => {
    const seen = await request(plugin);
    expect(seen).toMatchObject({ url, residency, guarded: false });
    expect(seen.headers['authorization']).toBe('Bearer the-key');
    expect(seen.headers['content-type']).toBe('application/json');
    expect(seen.url).not.toContain('the-key');
  });

  it('sends the key to Anthropic as x-api-key with the dated version, and as no bearer', async () => {
    const { url, headers } = await request(anthropic);
    expect(url).toBe('https://api.anthropic.com/v1/messages');
    expect(headers).toMatchObject({ 'x-api-key': 'the-key', 'anthropic-version': '2023-06-01' });
    expect(headers).not.toHaveProperty('authorization');
  });

  it('sends the key to Sarvam under both names', async () => {
    expect((await request(sarvam)).headers['api-subscription-key']).toBe('the-key');
  });

  it('guards what a user chose, and nothing else', async () => {
    const own = await request(selfHosted, {}, undefined, 'https://user.example/v1/');
    expect(own).toMatchObject({ url: 'https://user.example/v1/chat/completions', guarded: true });
    expect((await request(generic, {}, { baseUrl: URL_OF_USER })).guarded).toBe(false);
  });

  it('wants an address where none is given', async () => {
    await expect(request(selfHosted)).rejects.toMatchObject({
      class: 'invalid_request',
      details: { param: 'base_url' },
    });
    expect(() => generic.init({}, host)).toThrow(/baseUrl/);
  });

  it('takes another address of the same API, a slash at its end or not', async () => {
    expect((await request(groq, {}, { baseUrl: 'http://127.0.0.1:9/v1/' })).url).toBe(
      'http://127.0.0.1:9/v1/chat/completions',
    );
    expect((await request(anthropic, {}, { baseUrl: 'http://127.0.0.1:9/v1/' })).url).toBe(
      'http://127.0.0.1:9/v1/messages',
    );
  });

  it('names an option that it does not know', () => {
    expect(() => groq.init({ baseURL: URL_OF_USER }, host)).toThrow(/provider groq: .*baseURL/);
  });
});

describe('traits', () => {
  const odd: Partial<ChatRequest> = {
    seed: 7,
    store: true,
    user: 'u',
    metadata: { a: 'b' },
    logit_bias: { '1': 1 },
    max_completion_tokens: 9,
    messages: [
      {
        role: 'developer',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'user', content: 'Hi' },
    ],
  };

  it('send everything to OpenAI', async () => {
    expect((await request(openai, odd)).body).toEqual({ model: 'm', ...odd });
  });

  it.each([
    [
      mistral,
      { random_seed: 7, max_tokens: 9 },
      ['seed', 'store', 'user', 'logit_bias', 'max_completion_tokens'],
      'system',
    ],
    [
      sarvam,
      { seed: 7, max_tokens: 9 },
      ['store', 'user', 'metadata', 'logit_bias', 'max_completion_tokens'],
      'system',
    ],
    [deepseek, { max_tokens: 9 }, ['seed', 'store', 'max_completion_tokens'], 'system'],
    [together, { seed: 7, max_tokens: 9 }, ['store', 'max_completion_tokens'], 'system'],
    [groq, { seed: 7, max_completion_tokens: 9 }, ['store', 'logit_bias', 'metadata'], 'developer'],
  ])('fit %o', async (plugin, kept, gone, role) => {
    const { body } = await request(plugin, odd);
    expect(body).toMatchObject(kept);
    for (const field of gone) expect(body).not.toHaveProperty(field);
    expect((body['messages'] as { role: string }[])[0]?.role).toBe(role);
  });

  it('join the parts of a system message for Sarvam', async () => {
    expect((await request(sarvam, odd)).body['messages']).toEqual([
      { role: 'system', content: 'a\nb' },
      { role: 'user', content: 'Hi' },
    ]);
  });
});
