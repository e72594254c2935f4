import { describe, expect, it } from 'vitest';
import { account, events } from '../support/account.ts';
import { completion, streamed } from '../support/answers.ts';
import { standard, vendors } from '../support/standard.ts';
import { asking } from './wire.ts';

const strict = standard({ config: (url) => ({ providers: vendors(url), strictFields: true }) });
const open = standard();
const HELLO = { whole: completion('Hello.'), stream: streamed('Hello.') };
const MODEL = 'openai:gpt-4.1';

describe('with strictFields: true', () => {
  it.each([true, false])(
    'a field that nobody knows is a 422 before anybody is called, stream: %s',
    async (stream) => {
      const user = await account(strict.gateway, ['openai']);
      strict.upstream.script('openai', HELLO);
      await strict.upstream.clear();
      const response = await user.chat({ model: MODEL, stream, top_k: 5 });
      expect(response.status).toBe(422);
      expect(await response.json()).toMatchObject({
        error: { type: 'invalid_request_error', code: 'validation_error', param: 'top_k' },
      });
      expect(await strict.upstream.seen()).toEqual([]);
    },
  );

  it('every field that OpenAI documents still passes, and a stream streams', async () => {
    const user = await account(strict.gateway, ['openai']);
    strict.upstream.script('openai', HELLO);
    const known = {
      user: 'me',
      metadata: { a: 'b' },
      seed: 1,
      store: false,
      service_tier: 'auto',
      verbosity: 'low',
    };
    expect((await user.chat({ model: MODEL, ...known })).status).toBe(200);
    const told = await events(
      await user.chat({ model: MODEL, stream: true, stream_options: { include_usage: true } }),
    );
    expect(told.at(-1)).toBe('[DONE]');
  });

  it('the client’s own chain is a known field', async () => {
    const user = await account(strict.gateway, ['openai']);
    strict.upstream.script('openai', HELLO);
    expect((await user.chat({ model: undefined, models: [MODEL] })).status).toBe(200);
  });

  it('embeddings refuse them as well', async () => {
    const user = await account(strict.gateway, ['openai']);
    const body = { input: 'x', model: 'openai:text-embedding-3-small', whatever_this_is: 1 };
    const answer = await asking(() => strict.gateway, user.key)('POST', '/v1/embeddings', body);
    expect([answer.status, answer.body.error.param]).toEqual([422, 'whatever_this_is']);
  });
});

describe('without it', () => {
  it('a field that nobody knows goes on to a provider that takes it; a known one is validated all the same', async () => {
    const user = await account(open.gateway, ['openai']);
    open.upstream.script('openai', HELLO);
    expect((await user.chat({ model: MODEL, brand_new_field: { a: [1] } })).status).toBe(200);
    const sent: unknown = JSON.parse((await open.upstream.seen('openai')).at(-1)?.body ?? '');
    expect(sent).toMatchObject({ brand_new_field: { a: [1] } });
    expect((await user.chat({ model: MODEL, brand_new_field: 1, temperature: 3 })).status).toBe(422);
  });
});
