import {
  type ChatBody,
  type ChatRequest,
  createHost,
  type HttpResponse,
  type ProviderIO,
} from '@inferbridge/core';
import { virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { groq, mistral } from './index.ts';
import { type OpenAICompatibleOptions, openAICompatible } from './openai-compatible.ts';

const SECRET = 'sk-secret-0123456789';
const host = createHost({
  transport: () => Promise.reject(new Error('nobody')),
  clock: virtualClock(),
  random: () => 0.25,
});

function io(status: number, type: string, text: string, headers: Record<string, string> = {}): ProviderIO {
  const bytes = Buffer.from(text);
  async function* body() {
    yield bytes;
  }
  const response: HttpResponse = {
    status,
    headers: { 'content-type': type, ...headers },
    bytes: async () => bytes,
    body: body(),
  };
  return {
    ...host,
    signal: new AbortController().signal,
    dropped() {},
    credential: { id: 'c', secret: SECRET },
    http: async () => response,
  };
}

const HELLO: ChatRequest = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
const WHOLE = {
  id: 'c-1',
  object: 'chat.completion',
  created: 5,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
};
const provider = (options: OpenAICompatibleOptions = {}) =>
  openAICompatible({ baseUrl: 'https://llm.example/v1', ...options });
const chat = (from: ProviderIO, request: Partial<ChatRequest> = {}, options: OpenAICompatibleOptions = {}) =>
  provider(options).chat({ ...HELLO, ...request }, from) as Promise<ChatBody>; // without `stream` it is one

describe('a whole reply', () => {
  it('passes byte by byte from a vendor that is clean', async () => {
    const odd = `{ "choices":[{"index":0,"message":{"content":"ü"},"finish_reason":"stop"}],\n "id":"x" , "extra":1e2}`;
    expect(
      Buffer.from((await chat(io(200, 'application/json', odd), {}, { clean: true })).bytes).toString(),
    ).toBe(odd);
  });

  it('is mended otherwise, and bytes and json tell the same', async () => {
    const reply = await chat(io(200, 'application/json', JSON.stringify({ choices: WHOLE.choices })));
    expect(JSON.parse(Buffer.from(reply.bytes).toString())).toEqual(reply.json());
    expect(reply.json()).toMatchObject({ object: 'chat.completion', created: 1_767_225_600 });
    expect(reply.json().id).toMatch(/^chatcmpl-.+/);
  });

  it('may have blank lines before it, which a busy vendor sends to keep the line open', async () => {
    expect((await chat(io(200, 'application/json', `\n\n \r\n${JSON.stringify(WHOLE)}`))).json().id).toBe(
      'c-1',
    );
  });

  it.each([
    ['HTML', 'text/html', '<html>busy</html>'],
    ['nothing', 'application/json', ''],
    ['broken JSON', 'application/json', '{"choices":['],
    ['no choices', 'application/json', '{"id":"x"}'],
    ['empty choices', 'application/json', '{"choices":[]}'],
    ['a choice without a message', 'application/json', '{"choices":[{"index":0}]}'],
    ['null', 'application/json', 'null'],
    ['a list', 'application/json', '[1]'],
  ])('that is %s is malformed', async (_, type, text) => {
    for (const clean of [true, false])
      await expect(chat(io(200, type, text), {}, { clean })).rejects.toMatchObject({
        class: 'malformed',
        details: { code: 'upstream_unreadable' },
      });
  });

  it.each(['application/json', 'text/html; charset=utf-8'])(
    'of type %s where a stream was asked for is malformed',
    async (type) => {
      await expect(chat(io(200, type, JSON.stringify(WHOLE)), { stream: true })).rejects.toMatchObject({
        class: 'malformed',
      });
    },
  );
});

describe('an error inside a 200', () => {
  it.each([
    [{ message: 'slow down', code: 429 }, 'rate_limited'],
    [{ message: 'bad tool', code: 'tool_use_failed', status_code: 400 }, 'invalid_request'],
    [{ message: 'no money', code: 'insufficient_quota' }, 'quota_exhausted'],
    [{ message: 'slow down', code: 'rate_limit_exceeded' }, 'rate_limited'],
    [{ message: 'busy', type: 'overloaded_error' }, 'overloaded'],
    [{ message: 'who knows' }, 'server_error'],
  ])('is told by what it says: %j', async (error, expected) => {
    await expect(chat(io(200, 'application/json', JSON.stringify({ error })))).rejects.toMatchObject({
      class: expected,
    });
  });

  it('is told in the same way by a stream, where it comes first', async () => {
    const failed = async (error: object) => {
      const answer = await provider().chat(
        { ...HELLO, stream: true },
        io(200, 'text/event-stream', `event: error\ndata: ${JSON.stringify({ error })}\n\n`),
      );
      if (!('kind' in answer) || answer.kind !== 'stream') throw new Error('no stream');
      return answer.frames[Symbol.asyncIterator]()
        .next()
        .then(
          () => null,
          ({ class: name }) => name,
        );
    };
    expect(await failed({ message: 'slow down', code: 429 })).toBe('rate_limited');
    expect(await failed({ message: 'bad tool', code: 'tool_use_failed', status_code: 400 })).toBe(
      'invalid_request',
    );
    expect(await failed({ message: 'busy', status: 503 })).toBe('overloaded');
    expect(await failed({ message: 'no money', code: 'insufficient_quota' })).toBe('quota_exhausted');
  });
});

describe('a refusal', () => {
  it('is classified, with wait and words, and without the key', async () => {
    const failed = chat(
      io(
        429,
        'application/json',
        JSON.stringify({ error: { message: `limit for ${SECRET}`, code: 'rate_limit_exceeded' } }),
        { 'retry-after': '2' },
      ),
    );
    await expect(failed).rejects.toMatchObject({
      class: 'rate_limited',
      message: 'the upstream answered 429 (rate_limit_exceeded)',
      details: { status: 429, retryAfterMs: 2_000, upstream: { message: 'limit for [redacted]' } },
    });
  });

  it('of HTML is classified by its status', async () => {
    await expect(chat(io(502, 'text/html', '<h1>Bad gateway</h1>'))).rejects.toMatchObject({
      class: 'server_error',
      details: { status: 502 },
    });
  });

  it('may be classified by the vendor', async () => {
    const classify = () => 'quota_exhausted' as const;
    await expect(chat(io(400, 'application/json', '{}'), {}, { classify })).rejects.toMatchObject({
      class: 'quota_exhausted',
    });
  });

  it.each([201, 204, 302])('is what a %i is', async (status) => {
    await expect(chat(io(status, 'application/json', JSON.stringify(WHOLE)))).rejects.toMatchObject({
      name: 'GatewayError',
    });
  });
});

describe('keys and headers', () => {
  it('leave out the bearer for an empty secret, and let the vendor choose', async () => {
    const seen: Record<string, string>[] = [];
    const from = {
      ...io(200, 'application/json', JSON.stringify(WHOLE)),
      credential: { id: 'c', secret: '' },
    };
    const watching: ProviderIO = {
      ...from,
      http(request) {
        seen.push({ ...request.headers });
        return from.http(request);
      },
    };
    await chat(watching);
    await chat(watching, {}, { auth: () => ({ 'api-key': 'k' }), headers: { 'x-title': 't' } });
    expect(seen[0]).not.toHaveProperty('authorization');
    expect(seen[1]).toMatchObject({ 'api-key': 'k', 'x-title': 't', accept: 'application/json' });
    expect(seen[1]).not.toHaveProperty('authorization');
  });
});

describe('models', () => {
  const models = (text: string, status = 200) => provider().models?.(io(status, 'application/json', text));

  it('reads a list, and a bare array', async () => {
    expect(await models('{"data":[{"id":"a"},{"id":"b/c"},{"x":1},null]}')).toEqual(['a', 'b/c']);
    expect(await models('[{"id":"a"}]')).toEqual(['a']);
  });

  it('fails where there is none', async () => {
    await expect(models('{}')).rejects.toMatchObject({ class: 'malformed' });
    await expect(models('{"error":{"message":"no"}}', 401)).rejects.toMatchObject({
      class: 'bad_credential',
    });
  });
});

describe('vendors', () => {
  it('has usage from Groq although it stands in x_groq alone', async () => {
    const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };
    const reply = await groq
      .init(undefined, host)
      .chat(HELLO, io(200, 'application/json', JSON.stringify({ ...WHOLE, x_groq: { usage } })));
    expect((reply as ChatBody).json().usage).toEqual(usage);
  });

  it("splits Mistral's parts into content and reasoning", async () => {
    const content = [
      {
        type: 'thinking',
        thinking: [
          { type: 'text', text: 'hm ' },
          { type: 'text', text: 'yes' },
        ],
      },
      { type: 'text', text: '4' },
    ];
    const body = {
      ...WHOLE,
      choices: [
        { index: 0, message: { role: 'assistant', content, tool_calls: null }, finish_reason: 'stop' },
      ],
    };
    const reply = await mistral
      .init(undefined, host)
      .chat(HELLO, io(200, 'application/json', JSON.stringify(body)));
    expect((reply as ChatBody).json().choices[0]?.message).toEqual({
      role: 'assistant',
      content: '4',
      refusal: null,
      reasoning_content: 'hm yes',
    });
  });
});
