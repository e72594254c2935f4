import { expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { standard, vendors } from '../support/standard.ts';

const parts = standard({ config: (url) => ({ providers: vendors(url) }) });

it.each([
  ['ib/cheap', 'inferbridge'],
  ['agni/cheap', 'inferbridge'],
  ['ib%2Fcheap', 'inferbridge'],
  ['openai:gpt-4.1', 'openai'],
  ['openai/gpt-4.1', 'openai'],
  ['gpt-4.1', 'openai'],
  ['groq:openai/gpt-oss-20b', 'groq'],
  ['groq/openai/gpt-oss-20b', 'groq'],
])('GET /v1/models/%s is told by any name that a request may use', async (name, owner) => {
  const { key } = await account(parts.gateway, ['openai', 'groq']);
  const response = await parts.gateway.fetch(`/v1/models/${name}`, { key });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    id: decodeURIComponent(name),
    object: 'model',
    owned_by: owner,
  });
});

it.each(['gpt-none', 'openai:', 'anthropic:claude-sonnet-5-5', 'nobody/gpt-4.1'])(
  'GET /v1/models/%s is 404',
  async (name) => {
    const { key } = await account(parts.gateway, ['openai']);
    expect((await parts.gateway.fetch(`/v1/models/${name}`, { key })).status).toBe(404);
  },
);

it.each([
  ['GET', '/v1/messages', 405],
  ['POST', '/v1/messages/batches', 404],
  ['POST', '/v1/messages/count_tokens', 400],
])('%s %s answers %i in the words of its dialect, with its request id', async (method, path, status) => {
  const { key } = await account(parts.gateway, ['openai']);
  const response = await parts.gateway.fetch(path, {
    method,
    key,
    ...(method === 'POST' && { body: '{"model":"x"}' }),
  });
  expect(response.status).toBe(status);
  expect(response.headers.get('request-id')).toBe(response.headers.get('x-request-id'));
  expect(await response.json()).toMatchObject({ type: 'error', error: { message: expect.any(String) } });
});
