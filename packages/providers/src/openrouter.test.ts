import { createHost, type HttpRequest, type HttpResponse } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { openrouter } from './openrouter.ts';

const answering = (status: number) => {
  const asked: HttpRequest[] = [];
  const host = createHost({
    transport: async (request): Promise<HttpResponse> => {
      asked.push(request);
      return {
        status,
        headers: {},
        bytes: async () => new TextEncoder().encode('{"data":{}}'),
        body: (async function* () {})(),
      };
    },
  });
  const { provider } = openrouter({ apiKey: 'sk-or-v1-x', host });
  const io = {
    signal: new AbortController().signal,
    credential: { id: 'k', secret: 'sk-or-v1-x' },
    clock: host.clock,
    random: host.random,
    dropped() {},
    http: (request: Omit<HttpRequest, 'signal' | 'progress'>) =>
      host.transport({ ...request, signal: new AbortController().signal }),
  };
  return { asked, health: () => provider.health?.(io) };
};

describe('openrouter’s health', () => {
  it('asks who holds the key, since its list of models is open to everybody', async () => {
    const { asked, health } = answering(200);
    await health();
    expect(asked).toMatchObject([
      {
        method: 'GET',
        url: 'https://openrouter.ai/api/v1/key',
        headers: { authorization: 'Bearer sk-or-v1-x' },
      },
    ]);
  });

  it('is not well where the key is refused', async () => {
    await expect(answering(401).health()).rejects.toMatchObject({ class: 'bad_credential' });
  });
});
