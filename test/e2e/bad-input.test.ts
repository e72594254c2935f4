import { connect } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Account, account, PROMPT } from '../support/account.ts';
import { completion } from '../support/answers.ts';
import { standard } from '../support/standard.ts';

const parts = standard({
  config: (url) => ({ providers: { openai: { baseUrl: `${url}/openai/v1` } }, bodyLimitBytes: 100_000 }),
});
let user: Account;

beforeAll(async () => {
  user = await account(parts.gateway, ['openai']);
  parts.upstream.script('openai', completion('Hello.'));
});

const post = (body: string, headers: Record<string, string> = {}) =>
  parts.gateway.fetch('/v1/chat/completions', { method: 'POST', key: user.key, body, headers });

interface Envelope {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}

describe('a chat body', () => {
  it.each([
    ['{"model":', 'no JSON'],
    ['', 'nothing'],
    ['[]', 'an array'],
    ['"text"', 'a string'],
    ['null', 'null'],
    ['\ud800', 'half a character'],
  ])('%s (%s) is a 400', async (body) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(((await response.json()) as Envelope).error).toMatchObject({
      type: 'invalid_request_error',
      message: expect.any(String),
    });
  });

  const base = { model: 'ib/balanced', messages: PROMPT };
  it.each([
    ['model', { ...base, model: 7 }],
    ['model', { messages: PROMPT }],
    ['messages', { model: 'ib/balanced' }],
    ['messages', { ...base, messages: [] }],
    ['messages', { ...base, messages: 'hi' }],
    ['messages[0].role', { ...base, messages: [{ role: 'wizard', content: 'x' }] }],
    ['messages[1].content', { ...base, messages: [PROMPT[0], { role: 'user', content: 5 }] }],
    ['temperature', { ...base, temperature: 2.1 }],
    ['temperature', { ...base, temperature: 'hot' }],
    ['top_p', { ...base, top_p: -0.1 }],
    ['presence_penalty', { ...base, presence_penalty: 3 }],
    ['frequency_penalty', { ...base, frequency_penalty: -3 }],
    ['n', { ...base, n: 11 }],
    ['n', { ...base, n: 0 }],
    ['max_tokens', { ...base, max_tokens: 0 }],
    ['max_completion_tokens', { ...base, max_completion_tokens: 1.5 }],
    ['stream', { ...base, stream: 'yes' }],
    ['stop', { ...base, stop: ['a', 'b', 'c', 'd', 'e'] }],
    ['models', { ...base, models: [] }],
    ['model', { ...base, model: 'ib/unheard-of' }],
    ['model', { ...base, model: 'x'.repeat(257) }],
    ['models', { ...base, models: Array.from({ length: 33 }, (_, i) => `openai:m${i}`) }],
    ['models[1]', { ...base, models: ['openai:a', 'y'.repeat(300)] }],
  ])('with a bad %s is a 422 that names it', async (param, body) => {
    const response = await post(JSON.stringify(body));
    expect(response.status).toBe(422);
    const { error } = (await response.json()) as Envelope;
    expect(error).toMatchObject({ type: 'invalid_request_error', code: 'validation_error', param });
    expect(error.message).toContain(param.split('[')[0]);
  });

  it('with an unknown provider is a 422, with an unknown bare model a 404', async () => {
    expect((await post(JSON.stringify({ ...base, model: 'nobody:model' }))).status).toBe(422);
    const response = await post(JSON.stringify({ ...base, model: 'no-such-model-anywhere' }));
    expect(response.status).toBe(404);
    expect(((await response.json()) as Envelope).error).toMatchObject({
      code: 'model_not_found',
      param: 'model',
    });
  });

  it('whose tier has no key behind it says which keys to register', async () => {
    const bare = await account(parts.gateway);
    const response = await bare.chat({});
    expect(response.status).toBe(422);
    const { error } = (await response.json()) as Envelope;
    expect(error.type).toBe('invalid_request_error');
    for (const name of ['openai', 'sarvam', 'anthropic']) expect(error.message).toContain(name);
  });

  it('passes fields that no list knows, and those that only steer the gateway not', async () => {
    expect(
      (
        await post(
          JSON.stringify({
            ...base,
            chat_template_kwargs: { a: 1 },
            api_base: 'http://evil.example',
            top_k: 5,
          }),
        )
      ).status,
    ).toBe(200);
    const sent = JSON.parse((await parts.upstream.seen('openai')).at(-1)?.body ?? '{}') as Record<
      string,
      unknown
    >;
    expect(sent).toMatchObject({ chat_template_kwargs: { a: 1 }, top_k: 5 });
    expect(sent).not.toHaveProperty('api_base');
  });

  it('with more messages than anybody means is a 422, at once', async () => {
    const many = JSON.stringify({ ...base, messages: Array.from({ length: 20_001 }, () => 0) });
    expect((await post(many)).status).toBe(422);
  });

  it('over the limit is a 413, declared or not', async () => {
    const big = JSON.stringify({ ...base, messages: [{ role: 'user', content: 'x'.repeat(200_000) }] });
    const declared = await post(big);
    expect(declared.status).toBe(413);
    const chunked = await raw(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${user.key}\r\ntransfer-encoding: chunked\r\n\r\n${(200_000).toString(16)}\r\n${'x'.repeat(200_000)}\r\n0\r\n\r\n`,
    );
    expect(chunked).toContain(' 413 ');
  });

  it('that would be too large is refused before it is sent', async () => {
    const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${user.key}\r\nexpect: 100-continue\r\n`;
    const refused = await raw(`${head}content-length: 200000\r\n\r\n`);
    expect(refused).toContain('HTTP/1.1 413 ');
    expect(refused).not.toContain(' 100 ');
    expect(await raw(`${head}content-length: 10\r\n\r\n`)).toContain('HTTP/1.1 100 ');
  });

  it('nested without end is refused or answered, never a crash', async () => {
    const deep = `{"model":"ib/balanced","messages":[{"role":"user","content":"x"}],"deep":${'['.repeat(45_000)}${']'.repeat(45_000)}}`;
    const response = await post(deep);
    expect(response.status).toBeGreaterThanOrEqual(200);
    expect(response.status).toBeLessThan(500);
  });

  it('with __proto__ in it pollutes nothing', async () => {
    const response = await post(
      `{"model":"ib/balanced","messages":[{"role":"user","content":"x"}],"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}`,
    );
    expect(response.status).toBe(200);
    expect((await parts.gateway.fetch('/live')).status).toBe(200);
  });
});

describe('keys and headers', () => {
  it.each([
    ['none', undefined],
    ['empty', ''],
    ['Bearer alone', 'Bearer'],
    ['another scheme', 'Basic abc'],
    ['a wrong checksum', `Bearer ib_${'a'.repeat(32)}`],
    ['SQL', `Bearer ' OR 1=1 --`],
    ['a very long one', `Bearer ${'x'.repeat(4_000)}`],
  ])('%s: 401 in the documented shape', async (_, authorization) => {
    const response = await parts.gateway.fetch('/v1/chat/completions', {
      method: 'POST',
      body: '{}',
      headers: authorization === undefined ? {} : { authorization },
    });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await response.json()).toEqual({
      error: {
        message: 'invalid or missing API key',
        type: 'authentication_error',
        param: null,
        code: 'invalid_api_key',
      },
    });
  });

  it('two Authorization headers: 401; a key in the address: 401', async () => {
    const twice = await raw(
      `GET /v1/keys HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${user.key}\r\nauthorization: Bearer ${user.key}\r\nconnection: close\r\n\r\n`,
    );
    expect(twice).toContain(' 401 ');
    expect((await parts.gateway.fetch(`/v1/keys?api_key=${user.key}`)).status).toBe(401);
  });

  it('x-api-key works as well', async () => {
    expect((await parts.gateway.fetch('/v1/keys', { headers: { 'x-api-key': user.key } })).status).toBe(200);
  });

  it.each([
    ['x-inferbridge-timeout', 'soon'],
    ['x-inferbridge-override-model', 'no-colon'],
    ['x-agni-override-model', 'openai:'],
    ['x-inferbridge-residency', '!!'],
    ['x-inferbridge-override-model', 'openai:a, openai:b'],
    ['x-inferbridge-cache-ttl', 'long'],
  ])('%s: %s is a 422', async (name, value) => {
    const response = await user.chat({}, { [name]: value });
    expect(response.status).toBe(422);
    expect(((await response.json()) as Envelope).error.message.toLowerCase()).toContain(
      name.replace('x-agni', 'x-inferbridge'),
    );
  });

  it('an X-Request-ID that is no id is replaced', async () => {
    const response = await user.chat({}, { 'x-request-id': 'has spaces in it' });
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    const errors = await parts.gateway.fetch('/nowhere', { headers: { 'x-request-id': 'mine_1' } });
    expect(errors.headers.get('x-request-id')).toBe('mine_1');
  });
});

describe('other routes', () => {
  const body = (value: object) => ({ method: 'POST', body: JSON.stringify(value) });
  it.each([
    ['email', {}],
    ['email', { email: 'nobody' }],
    ['email', { email: ['a@b.c'] }],
  ])('POST /v1/users without a proper %s is a 422', async (param, value) => {
    const response = await parts.gateway.fetch('/v1/users', body(value));
    expect(response.status).toBe(422);
    expect(((await response.json()) as Envelope).error.param).toBe(param);
  });

  it('knows an address only once, however it is spelled', async () => {
    const response = await parts.gateway.fetch('/v1/users', body({ email: user.email.toUpperCase() }));
    expect(response.status).toBe(409);
    expect(((await response.json()) as Envelope).error.type).toBe('conflict_error');
  });

  it.each([
    ['provider', { api_key: 'k' }, 422],
    ['provider', { provider: 'nobody', api_key: 'k' }, 422],
    ['api_key', { provider: 'groq' }, 422],
    ['api_key', { provider: 'groq', api_key: 'has\nnewline' }, 422],
    ['base_url', { provider: 'groq', api_key: 'k', base_url: 'https://x.example' }, 422],
    ['base_url', { provider: 'self_hosted', api_key: 'k', declared_region: 'eu' }, 422],
    ['declared_region', { provider: 'self_hosted', api_key: 'k', base_url: 'https://x.example/v1' }, 422],
    ['label', { provider: 'groq', api_key: 'k', label: 'x'.repeat(129) }, 422],
    [
      'label',
      {
        provider: 'self_hosted',
        api_key: 'k',
        base_url: 'https://x.example/v1',
        declared_region: 'eu',
        label: 'a:b',
      },
      422,
    ],
    ['provider', { provider: 'openai', api_key: 'second' }, 409],
  ])('POST /v1/keys with a bad %s: %o → %i', async (param, value, status) => {
    const response = await parts.gateway.fetch('/v1/keys', { ...body(value), key: user.key });
    expect(response.status).toBe(status);
    expect(((await response.json()) as Envelope).error.param).toBe(param);
  });

  it.each([
    'since=yesterday',
    'since=2026-01-01T00:00:00',
    'limit=0',
    'limit=1001',
    'limit=x',
    'cursor=abc',
    'status=odd',
  ])('GET /v1/logs?%s is a 422', async (query) => {
    const response = await parts.gateway.fetch(`/v1/logs?${query}`, { key: user.key });
    expect(response.status).toBe(422);
    expect(((await response.json()) as Envelope).error.param).toBe(query.split('=')[0]);
  });

  it.each([
    'since=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z',
    'since=2025-01-01T00:00:00Z&until=2026-01-01T00:00:00Z',
    'until=x',
  ])('GET /v1/stats?%s is a 422', async (query) => {
    expect((await parts.gateway.fetch(`/v1/stats?${query}`, { key: user.key })).status).toBe(422);
  });

  it.each(['/live', '/health'])('HEAD %s answers as GET does, without a body', async (path) => {
    const response = await parts.gateway.fetch(path, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });

  it('unknown routes and wrong methods are 404 and 405 in the envelope', async () => {
    const unknown = await parts.gateway.fetch('/v2/nothing');
    expect(unknown.status).toBe(404);
    expect(((await unknown.json()) as Envelope).error.type).toBe('not_found_error');
    const wrong = await parts.gateway.fetch('/v1/chat/completions');
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get('allow')).toContain('POST');
    expect((await parts.gateway.fetch('/v1/users', { method: 'DELETE' })).status).toBe(405);
  });

  it.each([
    '/v1/keys/%00',
    '/v1/keys/%E0%A4%A',
    "/v1/keys/'%20OR%201=1",
    '/v1/models/%2e%2e%2f',
    `/v1/logs?cursor=${'A'.repeat(5_000)}`,
  ])('%s is a clear 4xx', async (path) => {
    const response = await parts.gateway.fetch(path, {
      method: path.includes('keys') ? 'DELETE' : 'GET',
      key: user.key,
    });
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
    expect(((await response.json()) as Envelope).error.message).toEqual(expect.any(String));
  });

  it('requests that are no HTTP end with a 400 and the server lives', async () => {
    for (const bytes of [
      'GARBAGE\r\n\r\n',
      'GET /live HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n',
      'GET /live HTTP/1.1\r\nhost : x\r\n\r\n',
    ])
      expect(await raw(bytes)).toContain(' 400 ');
    expect(await raw(`GET /live HTTP/1.1\r\nhost: x\r\nx-big: ${'y'.repeat(20_480)}\r\n\r\n`)).toContain(
      ' 431 ',
    );
    expect((await parts.gateway.fetch('/live')).status).toBe(200);
  });
});

/** Sends bytes as they are and reads what comes back. */
function raw(bytes: string): Promise<string> {
  const { hostname, port } = new URL(parts.gateway.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let answer = '';
    const done = () => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', (piece) => {
      answer += piece.toString();
      if (answer.includes('\r\n\r\n')) setTimeout(done, 50);
    });
    socket.on('error', done);
    socket.on('close', done);
    socket.write(bytes);
  });
}
