import { type ChatRequest, createHost, type HttpRequest, type ProviderIO } from '@inferbridge/core';
import { virtualClock } from '@inferbridge/core/testing';
import { expect, it } from 'vitest';
import { openAICompatible } from './openai-compatible.ts';

const HELLO: ChatRequest = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
const bytes = Buffer.from(
  '{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}',
);

/** Keeps what was asked, and does to each request what `touch` does. */
function watching(
  seen: Record<string, string>[],
  touch: (request: Pick<HttpRequest, 'headers'>) => void,
): ProviderIO {
  const headers = { 'content-type': 'application/json' };
  return {
    ...createHost({ transport: () => Promise.reject(new Error('nobody')), clock: virtualClock() }),
    signal: new AbortController().signal,
    dropped() {},
    credential: { id: 'c', secret: 's' },
    http: async (request) => {
      touch(request);
      seen.push({ ...request.headers });
      return { status: 200, headers, bytes: async () => bytes, body: (async function* () {})() };
    },
  };
}

it('asks how to authenticate for every request: a token may be short-lived', async () => {
  const seen: Record<string, string>[] = [];
  let token = 1;
  const provider = openAICompatible({
    baseUrl: 'https://llm.example/v1',
    auth: () => ({ authorization: `Bearer t${token}` }),
  });
  const io = watching(seen, () => {});
  await provider.chat(HELLO, io);
  token = 2;
  await provider.chat(HELLO, io);
  expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer t1', 'Bearer t2']);
});

it('gives each request headers of its own: what a transport adds to one is not on the next', async () => {
  const seen: Record<string, string>[] = [];
  const provider = openAICompatible({ baseUrl: 'https://llm.example/v1' });
  const io = watching(seen, ({ headers }) => {
    if (seen.length === 0) Object.assign(headers, { 'x-tenant': 'alice' });
  });
  await provider.chat(HELLO, io);
  await provider.chat(HELLO, io);
  expect(seen.map((headers) => headers['x-tenant'])).toEqual(['alice', undefined]);
});
