import { expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { standard, vendors } from '../support/standard.ts';
import { asking, fields } from './wire.ts';

const parts = standard({
  config: (url) => ({
    providers: vendors(url),
    aliases: { fast: 'groq:openai/gpt-oss-20b' },
    tiers: { 'ib/mine': { targets: ['openai:my-own'] }, 'ib/theirs': { targets: ['cohere:command'] } },
  }),
});
const list = (...ids: string[]) => ({
  status: 200,
  body: JSON.stringify({ object: 'list', data: ids.map((id) => ({ id, object: 'model', created: 1 })) }),
});

it('GET /v1/models lists the caller’s modes, aliases and provider:model ids, in OpenAI’s shape', async () => {
  const { key } = await account(parts.gateway, ['openai', 'groq']);
  parts.upstream.script('openai', list('gpt-listed'));
  parts.upstream.script('groq', list('vendor/listed'));
  const { status, body } = await asking(() => parts.gateway, key)('GET', '/v1/models');
  expect(status).toBe(200);
  expect([fields(body), body.object]).toEqual([['data', 'object'], 'list']);
  for (const model of body.data) {
    expect(fields(model)).toEqual(['created', 'id', 'object', 'owned_by']);
    expect([model.object, Number.isInteger(model.created)]).toEqual(['model', true]);
  }
  const ids: string[] = body.data.map(({ id }: { id: string }) => id);
  expect(ids).toEqual(
    expect.arrayContaining([
      'ib/cheap',
      'ib/balanced',
      'ib/premium',
      'ib/mine',
      'fast',
      'openai:gpt-listed',
      'openai:my-own',
      'groq:vendor/listed',
    ]),
  );
  expect(ids).not.toContain('ib/theirs');
  expect(ids.filter((id) => /^(cohere|anthropic):/.test(id))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
});

it.each(['ib/cheap', 'fast', 'groq:vendor/with/slashes'])('GET /v1/models/%s finds one', async (id) => {
  const { key } = await account(parts.gateway, ['openai', 'groq']);
  parts.upstream.script('groq', list('vendor/with/slashes'));
  const { status, body } = await asking(() => parts.gateway, key)('GET', `/v1/models/${id}`);
  expect(status).toBe(200);
  expect([fields(body), body.id]).toEqual([['created', 'id', 'object', 'owned_by'], id]);
});
