import { expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { standard, vendors } from '../support/standard.ts';
import { anthropicTurn, openaiTurn } from '../support/turns.ts';

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

it.each([
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'Hi' }] }],
  ['/v1/embeddings', { input: 'Hi' }],
])('%s to a model that the provider does not have is 404 and blames the model', async (path, fields) => {
  const { key } = await account(parts.gateway, ['openai']);
  const body =
    '{"error":{"message":"The model zzz does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}';
  parts.upstream.script('openai', { status: 404, body });
  const asked = JSON.stringify({ model: 'openai:zzz', ...fields });
  const response = await parts.gateway.fetch(path, { method: 'POST', key, body: asked });
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ error: { code: 'model_not_found', param: 'model' } });
});

it.each([true, false])('every answer has a request id, streaming %s', async (stream) => {
  const { chat } = await account(parts.gateway, ['openai']);
  parts.upstream.script('openai', openaiTurn({ text: 'Hi' }));
  const response = await chat({
    model: 'openai:gpt-4.1',
    messages: [{ role: 'user', content: 'Hi' }],
    stream,
  });
  expect(response.status).toBe(200);
  expect(response.headers.get('x-request-id')).toMatch(/^[\w-]{8,}$/);
  await response.text();
});

it('streams at the same time do not mix', async () => {
  const { chat } = await account(parts.gateway, ['openai', 'anthropic']);
  const texts = ['one '.repeat(50), 'two '.repeat(50)];
  parts.upstream.script('openai', openaiTurn({ text: texts[0] ?? '' }));
  parts.upstream.script('anthropic', anthropicTurn({ text: texts[1] ?? '' }));
  const models = ['openai:gpt-4.1', 'anthropic:claude-sonnet-5-5'];
  const said = await Promise.all(
    Array.from({ length: 40 }, async (_, at) => {
      const messages = [{ role: 'user', content: 'Hi' }];
      const response = await chat({ model: models[at % 2], messages, stream: true });
      const events = (await response.text()).split('\n\n').filter((event) => event.startsWith('data: {'));
      return events.map((event) => JSON.parse(event.slice(6)).choices[0]?.delta.content ?? '').join('');
    }),
  );
  for (const [at, text] of said.entries()) expect(text).toBe(texts[at % 2]);
});
