import { describe, expect, it } from 'vitest';
import { type Account, account, events, PROMPT } from '../support/account.ts';
import { completion, message, messageStream, refusal, streamed } from '../support/answers.ts';
import { standard, vendors } from '../support/standard.ts';
import type { Act } from '../support/upstream.ts';
import { asking, fields, SIX_DECIMALS } from './wire.ts';

const parts = standard({
  config: (url) => ({
    providers: {
      ...vendors(url),
      acme: { use: 'openai-compatible', baseUrl: `${url}/acme/v1`, apiKey: 'k' },
    },
    tiers: {
      two: { targets: ['openai:gpt-6-luna', 'mistral:mistral-medium-latest'], retries: 0 },
      claude: { targets: ['anthropic:claude-sonnet-5-5'] },
      acme: { targets: ['acme:model-without-a-price'] },
    },
  }),
});
const HELLO: Act = { whole: completion('Hello.'), stream: streamed('Hello there.') };
const BLOCK = [
  'cache_hit',
  'cost_usd',
  'latency_ms',
  'mode',
  'model',
  'provider',
  'request_id',
  'residency_actual',
];

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly inferbridge?: Record<string, unknown> } }[];
  readonly usage?: unknown;
}

/** The block of an answer, whole or streamed. */
async function blockOf(response: Response): Promise<Record<string, unknown>> {
  if (!response.headers.get('content-type')?.includes('event-stream'))
    return ((await response.json()) as { inferbridge: Record<string, unknown> }).inferbridge;
  const told = (await events(response)).filter((event) => event !== '[DONE]') as unknown as Chunk[];
  return told.map(({ choices }) => choices[0]?.delta.inferbridge).find((one) => one) ?? {};
}

describe.each([false, true])('the block, stream: %s', (stream) => {
  const ask = (user: Account, model: string, headers = {}) => user.chat({ model, stream }, headers);

  it('has its eight fields and no other, each in its form', async () => {
    const user = await account(parts.gateway, ['openai']);
    parts.upstream.script('openai', HELLO);
    const response = await ask(user, 'two');
    const block = await blockOf(response);
    expect(fields(block)).toEqual(BLOCK);
    expect(block).toMatchObject({
      provider: 'openai',
      model: 'gpt-6-luna',
      mode: 'two',
      cache_hit: false,
      residency_actual: 'global',
      request_id: response.headers.get('x-request-id'),
    });
    expect(Number.isInteger(block['latency_ms'])).toBe(true);
    expect(block['cost_usd']).toMatch(SIX_DECIMALS);
    expect(Number(block['cost_usd'])).toBeGreaterThan(0);
  });

  it('names who served after a fallback, and where the data went', async () => {
    const user = await account(parts.gateway, ['openai', 'mistral']);
    parts.upstream.script('openai', { ...(refusal(500) as object), afterMs: 80 } as Act);
    parts.upstream.script('mistral', HELLO);
    const block = await blockOf(await ask(user, 'two'));
    expect(block).toMatchObject({
      provider: 'mistral',
      model: 'mistral-medium-latest',
      mode: 'two',
      residency_actual: 'eu',
    });
    expect(block['latency_ms']).toBeGreaterThanOrEqual(80);
  });

  it('says zeros where the price is unknown', async () => {
    const user = await account(parts.gateway);
    parts.upstream.script('acme', HELLO);
    expect(await blockOf(await ask(user, 'acme'))).toMatchObject({ cost_usd: '0.000000' });
  });

  it('says zeros where nobody tells the usage', async () => {
    const user = await account(parts.gateway, ['mistral']);
    const sse = (streamed('Hello.') as { sse: string[] }).sse.filter(
      (event) => !event.includes('"prompt_tokens"'),
    );
    parts.upstream.script('mistral', { whole: completion('Hello.', null), stream: { sse } });
    expect(await blockOf(await ask(user, 'two'))).toMatchObject({ cost_usd: '0.000000' });
  });

  it('on a hit has cache for provider and residency, the original for model, and no cost', async () => {
    const user = await account(parts.gateway, ['openai']);
    parts.upstream.script('openai', HELLO);
    const headers = { 'x-inferbridge-cache': 'true' };
    await (await ask(user, 'two', headers)).text();
    const block = await blockOf(await ask(user, 'two', headers));
    expect(fields(block)).toEqual(BLOCK);
    expect(block).toMatchObject({
      provider: 'cache',
      model: 'openai:gpt-6-luna',
      cache_hit: true,
      cost_usd: '0.000000',
      residency_actual: 'cache',
    });
  });
});

describe('on a stream', () => {
  it.each([
    ['openai', 'two', streamed('Hello there.')],
    ['anthropic', 'claude', messageStream('Hello there.')],
  ])(
    'of %s it rides on the last chunk with a choice, and no chunk is without one',
    async (provider, model, act) => {
      const user = await account(parts.gateway, [provider]);
      parts.upstream.script(provider, act);
      for (const asked of [{}, { stream_options: { include_usage: false } }, { stream_options: null }]) {
        const told = await events(await user.chat({ model, stream: true, ...asked }));
        expect(told.at(-1)).toBe('[DONE]');
        const chunks = told.slice(0, -1) as unknown as Chunk[];
        expect(chunks.map(({ choices }) => choices.length)).toEqual(chunks.map(() => 1));
        const at = chunks.flatMap(({ choices }, index) => (choices[0]?.delta.inferbridge ? [index] : []));
        expect(at).toEqual([chunks.length - 1]);
      }
    },
  );

  it('it comes before the usage chunk that was asked for', async () => {
    const user = await account(parts.gateway, ['anthropic']);
    parts.upstream.script('anthropic', messageStream('Hello there.'));
    const asked = { model: 'claude', stream: true, stream_options: { include_usage: true } };
    const told = await events(await user.chat(asked));
    const [last, usage, done] = told.slice(-3) as unknown as [Chunk, Chunk, string];
    expect(fields(last.choices[0]?.delta.inferbridge)).toEqual(BLOCK);
    expect([usage.choices, done]).toEqual([[], '[DONE]']);
    expect(usage.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 });
  });
});

describe('the other dialects', () => {
  it('have it at the top of the message, the response and the embeddings', async () => {
    const user = await account(parts.gateway, ['openai', 'anthropic']);
    const call = asking(() => parts.gateway, user.key);
    const vector = { object: 'embedding', index: 0, embedding: [0.5] };
    parts.upstream.script('openai', {
      status: 200,
      body: JSON.stringify({
        object: 'list',
        data: [vector],
        model: 'm',
        usage: { prompt_tokens: 1, total_tokens: 1 },
      }),
    });
    const embedded = await call('POST', '/v1/embeddings', {
      input: 'x',
      model: 'openai:text-embedding-3-small',
    });
    parts.upstream.script('anthropic', message('Hello.'));
    const said = await call('POST', '/v1/messages', { model: 'claude', max_tokens: 9, messages: PROMPT });
    const responded = await call('POST', '/v1/responses', { model: 'claude', input: 'x' });
    for (const { status, body } of [embedded, said, responded]) {
      expect(status).toBe(200);
      expect(fields(body.inferbridge)).toEqual(BLOCK);
    }
  });

  it('have it on message_delta and on response.completed of their streams', async () => {
    const user = await account(parts.gateway, ['anthropic']);
    parts.upstream.script('anthropic', messageStream('Hello there.'));
    const with_ = async (path: string, body: object) => {
      const init = {
        method: 'POST',
        key: user.key,
        body: JSON.stringify({ model: 'claude', stream: true, ...body }),
      };
      const told = await events(
        new Response((await (await parts.gateway.fetch(path, init)).text()).replaceAll(/^event: .*\n/gm, '')),
      );
      return (told as { type: string; inferbridge?: object; response?: { inferbridge?: object } }[])
        .filter((event) => event.inferbridge ?? event.response?.inferbridge)
        .map(({ type }) => type);
    };
    expect(await with_('/v1/messages', { max_tokens: 9, messages: PROMPT })).toEqual(['message_delta']);
    expect(await with_('/v1/responses', { input: 'x' })).toEqual(['response.completed']);
  });
});
