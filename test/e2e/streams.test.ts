import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { account, events, PROMPT } from '../support/account.ts';
import { broken, chunks, completion, message, messageStream, streamed } from '../support/answers.ts';
import { anthropicStream, haveFixtures, openaiStream, recordedBody, WITHOUT } from '../support/fixtures.ts';
import { standard } from '../support/standard.ts';

const parts = standard();

interface Chunk {
  readonly choices: readonly {
    readonly delta: Record<string, unknown>;
    readonly finish_reason: string | null;
  }[];
  readonly usage?: Record<string, number> | null;
}

const block = {
  provider: 'openai',
  mode: 'ib/balanced',
  cache_hit: false,
  residency_actual: 'global',
  cost_usd: '0.000035',
  latency_ms: expect.any(Number),
  model: 'gpt-6.1-terra',
  request_id: 'my-request_1',
};

describe('the block', () => {
  it('stands on a whole reply, the rest of which is the provider’s to the byte', async () => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai']);
    const answer = completion('Hello.') as { body: string };
    upstream.script('openai', completion('Hello.'));
    const response = await user.chat({}, { 'x-request-id': 'my-request_1' });
    const text = await response.text();
    expect(text.startsWith(answer.body.slice(0, -1))).toBe(true);
    expect((JSON.parse(text) as { inferbridge: object }).inferbridge).toEqual(block);
    expect(response.headers.get('x-request-id')).toBe('my-request_1');
  });

  it('rides on the last chunk that carries a choice, with cost and tokens, and nobody sees a chunk without choices', async () => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai']);
    upstream.script('openai', streamed('Hello there.'));
    const all = await events(await user.chat({ stream: true }, { 'x-request-id': 'my-request_1' }));
    expect(all.at(-1)).toBe('[DONE]');
    const shown = all.slice(0, -1) as unknown as Chunk[];
    expect(shown.every(({ choices }) => choices.length > 0)).toBe(true);
    expect(shown.at(-1)?.choices[0]).toMatchObject({ finish_reason: 'stop', delta: { inferbridge: block } });
    expect(shown.slice(0, -1).some(({ choices }) => 'inferbridge' in (choices[0]?.delta ?? {}))).toBe(false);
    const [row] = await user.logs();
    expect(row).toMatchObject({
      input_tokens: 10,
      output_tokens: 5,
      cost_usd: '0.000035',
      status: 'success',
      stream: true,
    });
  });

  it.each(['openai', 'anthropic', 'groq'])(
    'gives the usage chunk to whoever asks for it, last before [DONE], over %s',
    async (provider) => {
      const { gateway, upstream } = parts;
      const user = await account(gateway, [provider]);
      upstream.script(
        provider,
        provider === 'anthropic' ? messageStream('Hello there.') : streamed('Hello there.'),
      );
      const model = provider === 'groq' ? 'ib/cheap' : 'ib/balanced';
      const all = await events(
        await user.chat({ model, stream: true, stream_options: { include_usage: true } }),
      );
      const usage = all.at(-2) as unknown as Chunk;
      expect(usage.choices).toEqual([]);
      expect(usage.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 });
      expect((all.slice(0, -2) as unknown as Chunk[]).every(({ choices }) => choices.length === 1)).toBe(
        true,
      );
    },
  );
});

it('makes no difference how the bytes of a stream are cut', async () => {
  const { gateway, upstream } = parts;
  const user = await account(gateway, ['openai']);
  const text = 'Grüße, 世界 🚀 and more.';
  const whole = chunks(text).join('');
  const read = async () => {
    const all = (await events(await user.chat({ stream: true }))) as unknown as Chunk[];
    return all.map((chunk) => chunk.choices?.[0]?.delta['content'] ?? '').join('');
  };
  for (const size of [1, 7, 64, 100_000]) {
    const bytes = Buffer.from(whole);
    const cuts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size).toString('latin1'),
    );
    upstream.script('openai', {
      sse: cuts.map((cut) => `base64:${Buffer.from(cut, 'latin1').toString('base64')}`),
    });
    expect(await read()).toBe(text);
  }
});

describe('a client that goes away', () => {
  it.each(['before the first content', 'in the middle'])(
    '%s: the provider’s request ends at once and nobody else is called',
    async (when) => {
      const { gateway, upstream } = parts;
      const user = await account(gateway, ['openai', 'anthropic']);
      await upstream.clear();
      upstream.script('openai', when === 'in the middle' ? broken('One two ', 'hang') : { hang: true });
      const leave = new AbortController();
      const asking = user
        .chat({ stream: true }, { 'x-request-id': `gone-${when.length}` }, leave.signal)
        .then(
          async (response) => {
            await response.body?.getReader().read();
            return response;
          },
          () => null,
        );
      await pause(when === 'in the middle' ? 150 : 300);
      const left = Date.now();
      leave.abort();
      await asking.catch(() => null);
      await pause(200);
      const [seen] = await upstream.seen('openai');
      expect(seen?.closedEarlyAt).not.toBeNull();
      expect((seen?.closedEarlyAt ?? 0) - left).toBeLessThan(100);
      expect(await upstream.seen('anthropic')).toHaveLength(0);
      const [row] = await user.logs();
      expect(row).toMatchObject({ status: 'error', error: expect.stringContaining('client_closed') });
      expect(row?.attempts[0]).toMatchObject({ outcome: 'aborted' });
    },
  );

  it('ends a request without streaming as well', async () => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai']);
    await upstream.clear();
    upstream.script('openai', { hang: true });
    await expect(user.chat({}, {}, AbortSignal.timeout(200))).rejects.toThrow();
    await pause(150);
    expect((await upstream.seen('openai'))[0]?.closedEarlyAt).not.toBeNull();
    expect(await upstream.inFlight()).toBe(0);
  });
});

describe.skipIf(!haveFixtures)(`recorded answers${WITHOUT}`, () => {
  const streams = [
    ['openai', 'openai/chat/openai-text.trimmed.chunks.txt', openaiStream, 'stop'],
    ['groq', 'groq/groq-text.trimmed.chunks.txt', openaiStream, 'stop'],
    ['deepseek', 'deepseek/deepseek-text.trimmed.chunks.txt', openaiStream, 'length'],
    ['mistral', 'mistral/mistral-text.chunks.txt', openaiStream, 'stop'],
    ['anthropic', 'anthropic/chat/anthropic-text.chunks.txt', anthropicStream, 'stop'],
  ] as const;

  it.each(streams)(
    'a stream of %s arrives as one: role, text, finish reason, block',
    async (provider, path, act, finish) => {
      const { gateway, upstream } = parts;
      const user = await account(gateway, [provider]);
      upstream.script(provider, act(path));
      const all = await events(await user.chat({ model: `${provider}:some-model`, stream: true }));
      expect(all.at(-1)).toBe('[DONE]');
      const shown = all.slice(0, -1) as unknown as (Chunk & { id: string })[];
      expect(shown[0]?.choices[0]?.delta['role']).toBe('assistant');
      expect(shown.map((chunk) => chunk.choices[0]?.delta['content'] ?? '').join('').length).toBeGreaterThan(
        10,
      );
      expect(shown.filter((chunk) => chunk.choices[0]?.finish_reason === finish)).toHaveLength(1);
      expect(shown.every(({ choices }) => choices.length > 0)).toBe(true);
      expect(new Set(shown.map(({ id }) => id)).size).toBe(1);
      const [row] = await user.logs();
      expect(row).toMatchObject({
        status: 'success',
        provider,
        input_tokens: expect.any(Number),
        output_tokens: expect.any(Number),
      });
    },
  );

  const bodies = [
    ['openai', 'openai/chat/openai-text.json', 'stop'],
    ['groq', 'groq/groq-text.json', 'stop'],
    ['deepseek', 'deepseek/deepseek-text.json', 'length'],
    ['mistral', 'mistral/mistral-text.json', 'stop'],
    ['anthropic', 'anthropic/chat/anthropic-text.json', 'stop'],
  ] as const;

  it.each(bodies)('a whole reply of %s arrives with its text and usage', async (provider, path, finish) => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, [provider]);
    upstream.script(provider, recordedBody(path));
    const body = (await (await user.chat({ model: `${provider}:some-model` })).json()) as {
      choices: { message: { content: string }; finish_reason: string }[];
      usage: Record<string, number>;
    };
    expect(body.choices[0]?.message.content.length).toBeGreaterThan(10);
    expect(body.choices[0]?.finish_reason).toBe(finish);
    expect(body.usage['total_tokens']).toBe(
      (body.usage['prompt_tokens'] ?? 0) + (body.usage['completion_tokens'] ?? 0),
    );
  });
});

it('hides nothing that a translated reply had: text and usage of another dialect', async () => {
  const { gateway, upstream } = parts;
  const user = await account(gateway, ['anthropic']);
  upstream.script('anthropic', message('Bonjour.'));
  const body = (await (
    await user.chat({
      messages: [
        { role: 'system', content: 'French.' },
        { role: 'user', content: 'Hi' },
      ],
      stop: 'END',
    })
  ).json()) as object;
  expect(body).toMatchObject({
    object: 'chat.completion',
    choices: [{ message: { role: 'assistant', content: 'Bonjour.' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
  });
  const sent = JSON.parse((await upstream.seen('anthropic')).at(-1)?.body ?? '{}') as object;
  expect(sent).toMatchObject({
    system: 'French.',
    messages: [{ role: 'user', content: 'Hi' }],
    stop_sequences: ['END'],
    max_tokens: 128_000,
  });
});

it('ends with the code that the vendor gave for a call that could not be made', async () => {
  const user = await account(parts.gateway, ['groq']);
  const [role = '', word = ''] = chunks('One two');
  const error = { message: 'no', type: 'invalid_request_error', code: 'tool_use_failed', status_code: 400 };
  parts.upstream.script('groq', {
    sse: [role, word, `event: error\ndata: ${JSON.stringify({ error })}\n\n`],
  });
  const response = await user.chat({ model: 'groq:openai/gpt-oss-20b', messages: PROMPT, stream: true });
  const seen = (await response.text()).split('\n\n').filter(Boolean);
  expect(JSON.parse(seen.at(-1)?.slice(6) ?? '{}')).toMatchObject({ error: { code: 'tool_use_failed' } });
});
