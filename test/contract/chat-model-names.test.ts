import { describe, expect, it } from 'vitest';
import { account, PROMPT } from '../support/account.ts';
import { completion, refusal } from '../support/answers.ts';
import { standard, vendors } from '../support/standard.ts';

const ALL = ['openai', 'anthropic', 'groq', 'deepseek', 'together', 'sarvam', 'mistral', 'krutrim', 'cohere'];
const parts = standard({
  config: (url) => ({
    providers: vendors(url),
    aliases: {
      fast: 'groq:openai/gpt-oss-20b',
      'openai:old-name': 'deepseek:new-name',
      'gpt-4o-mini': 'ib/balanced',
    },
    tiers: { 'openai:mine': { targets: ['mistral:my-model'] } },
  }),
});

/** What the block says of a request that everybody would answer. */
async function served(
  body: object,
  providers: readonly string[] = ['openai', 'groq', 'deepseek', 'mistral'],
) {
  const user = await account(parts.gateway, providers);
  for (const provider of ALL) parts.upstream.script(provider, completion('Hello.'));
  const response = await user.chat(body);
  const { inferbridge, error } = (await response.json()) as {
    inferbridge?: Record<string, string>;
    error?: { type: string; code: string; param: string; message: string };
  };
  const { mode, provider, model } = inferbridge ?? {};
  return { status: response.status, said: inferbridge && `${mode} ${provider}:${model}`, error };
}

describe('a mode', () => {
  it.each([
    ['ib/cheap', ['groq', 'deepseek', 'together', 'sarvam', 'krutrim', 'openai']],
    ['ib/balanced', ['openai', 'sarvam', 'krutrim', 'anthropic', 'groq', 'cohere', 'mistral']],
    ['ib/premium', ['anthropic', 'openai', 'mistral']],
  ])('%s walks its whole documented chain', async (model, chain) => {
    const user = await account(parts.gateway, ALL);
    for (const provider of ALL) parts.upstream.script(provider, refusal(401, { message: 'no' }));
    expect((await user.chat({ model })).status).toBe(502);
    const [row] = await user.logs();
    expect(row?.attempts.map(({ provider }) => provider)).toEqual(chain);
  });

  it.each([
    [['cohere', 'groq'], 'groq'],
    [['mistral', 'cohere'], 'cohere'],
    [['mistral', 'sarvam'], 'sarvam'],
  ])('goes to those of its chain that the caller has keys for: of %j first to %s', async (held, first) => {
    expect((await served({}, held)).said).toMatch(new RegExp(`^ib/balanced ${first}:`));
  });

  it('without any of them is a 422 that says which keys to register', async () => {
    const { status, error } = await served({ model: 'ib/premium' }, ['groq']);
    expect([status, error?.type]).toEqual([422, 'invalid_request_error']);
    for (const name of ['anthropic', 'openai', 'mistral']) expect(error?.message).toContain(name);
  });

  it('may be asked for by its legacy name, and one that nobody knows is a 422 under either', async () => {
    expect((await served({ model: 'agni/premium' })).said).toMatch(/^ib\/premium openai:/);
    for (const model of ['ib/superb', 'agni/superb']) {
      const { status, error } = await served({ model });
      expect([status, error?.type, error?.param]).toEqual([422, 'invalid_request_error', 'model']);
    }
  });
});

describe('any other name', () => {
  it.each([
    // a name of the configuration's, before all others
    ['fast', 'direct groq:openai/gpt-oss-20b'],
    ['openai:old-name', 'direct deepseek:new-name'],
    ['openai:mine', 'openai:mine mistral:my-model'],
    ['gpt-4o-mini', 'ib/balanced openai:gpt-6.1-terra'],
    // what stands before the first colon, or failing that the first slash, where it is a provider
    ['openai:made/up:today', 'direct openai:made/up:today'],
    ['groq:openai/gpt-oss-20b', 'direct groq:openai/gpt-oss-20b'],
    ['openai/made-up', 'direct openai:made-up'],
    ['openai/made-up:today', 'direct openai:made-up:today'],
    // a bare name in the catalogue of somebody whose key the caller has
    ['gpt-6-luna', 'direct openai:gpt-6-luna'],
  ])('%s is %s', async (model, said) => {
    expect((await served({ model })).said).toBe(said);
  });

  it('that is bare may be one that only the provider itself lists', async () => {
    const user = await account(parts.gateway, ['openai']);
    const list = { object: 'list', data: [{ id: 'brand-new-1', object: 'model' }] };
    parts.upstream.script('openai', { status: 200, body: JSON.stringify(list) }, completion('Hello.'));
    const response = await user.chat({ model: 'brand-new-1' });
    expect(await response.json()).toMatchObject({ inferbridge: { mode: 'direct', model: 'brand-new-1' } });
  });

  it('that is bare and in nobody’s catalogue is a 404', async () => {
    const { status, error } = await served({ model: 'nobody-has-this' });
    expect([status, error?.type, error?.code]).toEqual([404, 'not_found_error', 'model_not_found']);
  });

  it('with a provider that nobody knows before its colon is a 422', async () => {
    expect(await served({ model: 'opnai:gpt-6-luna' })).toMatchObject({
      status: 422,
      error: { type: 'invalid_request_error', param: 'model' },
    });
  });

  it('with a provider that nobody knows before its colon is a 422 also where the model has a slash', async () => {
    expect((await served({ model: 'opnai:openai/gpt-oss-20b' })).status).toBe(422);
  });

  // read strictly, the 422 for unknown providers holds for both marks; here a slash may also stand in a bare name
  it('with an unknown word before its slash is taken for a bare name: a 404 that says where to look', async () => {
    const { status, error } = await served({ model: 'nobody/model' });
    expect([status, error?.code]).toEqual([404, 'model_not_found']);
    expect(error?.message).toContain('/v1/models');
  });

  it('in a chain of the client’s own is tried in its turn; the block says chain', async () => {
    const user = await account(parts.gateway, ['openai', 'groq', 'deepseek']);
    for (const provider of ['openai', 'groq']) parts.upstream.script(provider, refusal(500));
    parts.upstream.script('deepseek', completion('Third.'));
    const models = ['openai/one', 'fast', 'openai:old-name'];
    const response = await user.chat({ model: undefined, models });
    expect(await response.json()).toMatchObject({
      choices: [{ message: { content: 'Third.' } }],
      inferbridge: { mode: 'chain', provider: 'deepseek', model: 'new-name' },
    });
    const [row] = await user.logs();
    expect(row?.attempts.map(({ provider, model }) => `${provider}:${model}`)).toEqual([
      'openai:one',
      'groq:openai/gpt-oss-20b',
      'deepseek:new-name',
    ]);
  });
});

describe('the fields of a chat body', () => {
  it.each([
    { temperature: 0 },
    { temperature: 2 },
    { top_p: 0 },
    { top_p: 1 },
    { presence_penalty: -2 },
    { frequency_penalty: 2 },
    { n: 10 },
    { max_tokens: 1 },
    { messages: [{ role: 'developer', content: 'Be short.' }, PROMPT[0]] },
  ])('may be at the ends of their ranges: %j', async (body) => {
    expect((await served({ model: 'openai:gpt-4.1', ...body })).status).toBe(200);
  });

  it.each([
    ['temperature', { temperature: -0.01 }],
    ['top_p', { top_p: 1.01 }],
    ['presence_penalty', { presence_penalty: 2.01 }],
    ['frequency_penalty', { frequency_penalty: -2.01 }],
    ['n', { n: 1.5 }],
    ['max_tokens', { max_tokens: -1 }],
    ['messages', { messages: [] }],
    ['messages[0].role', { messages: [{ role: 'ai', content: 'x' }] }],
    ['messages[0].role', { messages: [{ content: 'x' }] }],
    ['seed', { seed: 'x' }],
  ])('are a 422 beyond them that names %s', async (param, body) => {
    const { status, error } = await served(body);
    expect(status).toBe(422);
    expect(error).toMatchObject({ type: 'invalid_request_error', code: 'validation_error', param });
  });

  it('are a 400 where they are no JSON', async () => {
    const user = await account(parts.gateway);
    const init = { method: 'POST', key: user.key, body: '{"model": "ib/cheap",}' };
    const response = await parts.gateway.fetch('/v1/chat/completions', init);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
  });
});
