import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { account, PROMPT } from '../support/account.ts';
import {
  broken,
  completion,
  limited,
  message,
  messageStream,
  refusal,
  streamed,
} from '../support/answers.ts';
import { standard } from '../support/standard.ts';

const parts = standard();

/** The two lines that an application changes. */
const client = (key: string, options: object = {}) =>
  new OpenAI({ apiKey: key, baseURL: `${parts.gateway.url}/v1`, ...options });
const messages = PROMPT as [{ role: 'user'; content: string }];

describe.each(['before', 'after a fallback'])('the official SDK, %s', (when) => {
  const prepare = async () => {
    const user = await account(parts.gateway, ['openai', 'anthropic']);
    const failing = when !== 'before';
    return { user, openai: client(user.key), failing };
  };

  it('creates a completion', async () => {
    const { openai, failing } = await prepare();
    parts.upstream.script('openai', failing ? refusal(500) : completion('Hello there.'));
    parts.upstream.script('anthropic', message('Hello there.'));
    const reply = await openai.chat.completions.create({ model: 'ib/balanced', messages });
    expect(reply.choices[0]?.message.content).toBe('Hello there.');
    expect(reply.usage?.total_tokens).toBe(15);
    expect((reply as unknown as { inferbridge: { provider: string } }).inferbridge.provider).toBe(
      failing ? 'anthropic' : 'openai',
    );
  });

  it('iterates over a stream', async () => {
    const { openai, failing } = await prepare();
    parts.upstream.script('openai', failing ? broken('', 'reset') : streamed('Hello there.'));
    parts.upstream.script('anthropic', messageStream('Hello there.'));
    const stream = await openai.chat.completions.create({ model: 'ib/balanced', messages, stream: true });
    let text = '';
    for await (const chunk of stream) {
      expect(chunk.choices).toHaveLength(1);
      text += chunk.choices[0]?.delta.content ?? '';
    }
    expect(text).toBe('Hello there.');
  });

  it('uses the stream helper', async () => {
    const { openai, failing } = await prepare();
    parts.upstream.script('openai', failing ? refusal(503) : streamed('Hello there.'));
    parts.upstream.script('anthropic', messageStream('Hello there.'));
    const final = await openai.chat.completions
      .stream({ model: 'ib/balanced', messages, stream_options: { include_usage: true } })
      .finalChatCompletion();
    expect(final.choices[0]?.message.content).toBe('Hello there.');
    expect(final.usage?.total_tokens).toBe(15);
  });
});

it('lists models and finds one with a colon and slashes in its name', async () => {
  const user = await account(parts.gateway, ['openai', 'groq']);
  parts.upstream.script('openai', { status: 200, body: JSON.stringify({ data: [{ id: 'gpt-live' }] }) });
  parts.upstream.script('groq', refusal(500));
  const openai = client(user.key);
  const ids = (await openai.models.list()).data.map(({ id }) => id);
  expect(ids).toContain('ib/balanced');
  expect(ids).toContain('openai:gpt-live');
  expect(ids).toContain('groq:openai/gpt-oss-20b');
  expect((await openai.models.retrieve('groq:openai/gpt-oss-20b')).owned_by).toBe('groq');
  expect((await openai.models.retrieve('ib/cheap')).id).toBe('ib/cheap');
  await expect(openai.models.retrieve('nobody/knows')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
});

it('gets its own error classes, and tries no more than the gateway says', async () => {
  const { gateway, upstream } = parts;
  const user = await account(gateway, ['openai']);
  await expect(
    client('ib_wrong').chat.completions.create({ model: 'ib/balanced', messages }),
  ).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  const openai = client(user.key);
  upstream.script('openai', limited('30'));
  await upstream.clear();
  const started = Date.now();
  await expect(openai.chat.completions.create({ model: 'ib/balanced', messages })).rejects.toBeInstanceOf(
    OpenAI.RateLimitError,
  );
  expect(await upstream.seen('openai')).toHaveLength(1);
  expect(Date.now() - started).toBeLessThan(3_000);
  await expect(openai.chat.completions.create({ model: 'ib/nothing', messages })).rejects.toBeInstanceOf(
    OpenAI.UnprocessableEntityError,
  );
});

it('throws when a stream breaks after its first content, rather than ending it quietly', async () => {
  const { gateway, upstream } = parts;
  const user = await account(gateway, ['openai', 'anthropic']);
  upstream.script('openai', broken('One two ', 'end'));
  const stream = await client(user.key).chat.completions.create({
    model: 'ib/balanced',
    messages,
    stream: true,
  });
  let text = '';
  await expect(
    (async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    })(),
  ).rejects.toBeInstanceOf(OpenAI.APIError);
  expect(text).toBe('One two ');
});

describe('a client that gives up after a while, in front of a provider that hangs', () => {
  it('still gets its answer from the second, where the request tells its timeout', async () => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai', 'anthropic']);
    upstream.script('openai', { hang: true });
    upstream.script('anthropic', message('In time.'));
    const reply = await client(user.key).chat.completions.create(
      { model: 'ib/balanced', messages },
      { timeout: 10_000, maxRetries: 0 },
    );
    expect(reply.choices[0]?.message.content).toBe('In time.');
  });

  it('gets it at its next try, where only the client knows the timeout', async () => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai', 'anthropic']);
    upstream.script('openai', { hang: true });
    upstream.script('anthropic', message('In time.'));
    const reply = await client(user.key, { timeout: 2_000 }).chat.completions.create({
      model: 'ib/balanced',
      messages,
    });
    expect(reply.choices[0]?.message.content).toBe('In time.');
    expect((await user.logs()).map(({ status }) => status)).toEqual(['fallback_success', 'error']);
  });
});

describe('model names', () => {
  it.each([
    ['openai:gpt-x', 'direct', 'gpt-x'],
    ['openai/gpt-x', 'direct', 'gpt-x'],
    ['gpt-6-luna', 'direct', 'gpt-6-luna'],
    ['agni/balanced', 'ib/balanced', 'gpt-6.1-terra'],
    ['ib/premium', 'ib/premium', 'gpt-6.1-sol'],
  ])('%s is served as %s', async (model, mode, sent) => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai']);
    upstream.script('openai', completion('Hello.'));
    const body = (await (await user.chat({ model })).json()) as {
      inferbridge: { mode: string; model: string };
    };
    expect(body.inferbridge).toMatchObject({ mode, model: sent });
    expect(JSON.parse((await upstream.seen('openai')).at(-1)?.body ?? '{}')).toMatchObject({ model: sent });
  });

  it('a chain of the client’s own is tried in order', async () => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai', 'anthropic']);
    upstream.script('openai', refusal(500));
    upstream.script('anthropic', message('From the chain.'));
    const response = await user.chat({ model: undefined, models: ['openai:a', 'anthropic:b'] });
    expect(await response.json()).toMatchObject({
      inferbridge: { mode: 'chain', provider: 'anthropic', model: 'b' },
    });
    expect(JSON.parse((await upstream.seen('openai')).at(-1)?.body ?? '{}')).not.toHaveProperty('models');
  });
});
