import { describe, expect, it } from 'vitest';
import { account, events } from '../support/account.ts';
import { broken, limited, message, messageStream, refusal, streamed } from '../support/answers.ts';
import { standard, vendors } from '../support/standard.ts';
import type { Act } from '../support/upstream.ts';

const parts = standard({
  config: (url) => ({
    providers: { ...vendors(url), closed: { use: 'openai-compatible', baseUrl: 'http://127.0.0.1:1/v1' } },
    tiers: {
      'ib/quick': {
        targets: ['openai:gpt-test', 'anthropic:claude-test'],
        timeouts: { headersMs: 300, firstContentMs: 300 },
      },
      'ib/closed': { targets: ['closed:gpt-test', 'anthropic:claude-test'] },
    },
  }),
});

const HTML: Act = {
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<html><body>Bad gateway</body></html>',
};
const ERROR_FIRST: Act = { sse: ['data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'] };
const ANTHROPIC_ERROR_200: Act = {
  status: 200,
  body: '{"error":{"message":"inside a 200","type":"server_error","code":500}}',
};

/** How a primary may fail; [name, act, what the trail says]. */
const FAILURES: readonly [string, { whole: Act; stream: Act }, string][] = [
  ['500', both(refusal(500)), 'server_error'],
  ['503', both(refusal(503)), 'overloaded'],
  ['529', both(refusal(529)), 'overloaded'],
  ['498', both(refusal(498)), 'overloaded'],
  ['429 with a long wait', both(limited('30')), 'rate_limited'],
  ['429 without a hint', both(limited()), 'rate_limited'],
  ['402, out of money', both(refusal(402, { message: 'Insufficient Balance' })), 'quota_exhausted'],
  [
    '429 insufficient_quota',
    both(
      refusal(429, {
        message: 'You exceeded your current quota',
        type: 'insufficient_quota',
        code: 'insufficient_quota',
      }),
    ),
    'quota_exhausted',
  ],
  [
    '401, a bad key',
    both(refusal(401, { message: 'Incorrect API key provided: sk-secret123456', code: 'invalid_api_key' })),
    'bad_credential',
  ],
  ['403', both(refusal(403, { message: 'no' })), 'bad_credential'],
  [
    '404, the model is gone',
    both(refusal(404, { message: 'The model does not exist', code: 'model_not_found' })),
    'model_not_found',
  ],
  ['a redirect', both({ status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: '' }), 'malformed'],
  ['HTML with 200', both(HTML), 'malformed'],
  ['an empty body', both({ status: 200, body: '' }), 'malformed'],
  [
    'half a body',
    both({
      raw: 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{"id":"x","cho',
    }),
    'malformed',
  ],
  ['no HTTP at all', both({ raw: 'SSH-2.0-OpenSSH_9.2\r\n' }), 'malformed'],
  ['JSON without choices', both({ status: 200, body: '{"id":"x"}' }), 'malformed'],
  ['a reset', both({ reset: true }), 'unreachable'],
  ['an error inside a 200', { whole: ANTHROPIC_ERROR_200, stream: ERROR_FIRST }, 'server_error'],
  [
    'a cut before the first content',
    { whole: { raw: 'HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{' }, stream: broken('', 'reset') },
    'malformed',
  ],
  [
    'a stream that ends before its first content',
    { whole: { status: 200, body: '{' }, stream: broken('', 'end') },
    'malformed',
  ],
];

function both(act: Act): { whole: Act; stream: Act } {
  return { whole: act, stream: act };
}

describe.each([false, true])('with stream: %s', (stream) => {
  const second = stream ? messageStream('Hello from the second.') : message('Hello from the second.');

  it.each(FAILURES)(
    '%s of the first provider goes to the second, and the log says why',
    async (_, acts, outcome) => {
      const { gateway, upstream } = parts;
      const user = await account(gateway, ['openai', 'anthropic']);
      upstream.script('openai', stream ? acts.stream : acts.whole);
      upstream.script('anthropic', second);
      const response = await user.chat({ stream });
      expect(response.status).toBe(200);
      expect(await textOf(response, stream)).toBe('Hello from the second.');
      const [row] = await user.logs();
      expect(row).toMatchObject({ status: 'fallback_success', provider: 'anthropic', mode: 'ib/balanced' });
      expect(
        row?.attempts
          .filter(({ outcome: o }) => o !== 'left_out')
          .map(({ provider, outcome: o }) => [provider, o]),
      ).toEqual([
        ['openai', outcome],
        ['anthropic', 'ok'],
      ]);
      expect(row?.attempts[0]?.why).toEqual(expect.any(String));
    },
  );

  it('a first provider that hangs is left after its time', async () => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai', 'anthropic']);
    upstream.script('openai', { hang: true });
    upstream.script('anthropic', second);
    const response = await user.chat({ model: 'ib/quick', stream });
    expect(await textOf(response, stream)).toBe('Hello from the second.');
    const [row] = await user.logs();
    expect(row?.attempts[0]).toMatchObject({ provider: 'openai', outcome: 'timeout' });
    const [first] = await upstream.seen('openai').then((all) => all.slice(-1));
    expect(first?.closedEarlyAt).not.toBeNull();
  });

  it('a client that gives up after ten seconds gets its answer from the second while the first hangs', async () => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai', 'anthropic']);
    upstream.script('openai', { hang: true });
    upstream.script('anthropic', second);
    const response = await user.chat(
      { stream },
      { 'x-stainless-timeout': '10' },
      AbortSignal.timeout(10_000),
    );
    expect(await textOf(response, stream)).toBe('Hello from the second.');
  });

  it('a caller’s own mistake comes back at once, with the provider’s words and without a second call', async () => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai', 'anthropic']);
    await upstream.clear();
    upstream.script(
      'openai',
      refusal(400, {
        message: "Invalid value for 'top_k'",
        type: 'invalid_request_error',
        param: 'top_k',
        code: 'invalid_value',
      }),
    );
    upstream.script('anthropic', second);
    const response = await user.chat({ stream, top_k: -1 });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: {
        message: "Invalid value for 'top_k'",
        type: 'invalid_request_error',
        param: 'top_k',
        code: 'invalid_value',
      },
    });
    expect(await upstream.seen('anthropic')).toHaveLength(0);
  });

  it('refused content comes back at once', async () => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai', 'anthropic']);
    await upstream.clear();
    upstream.script(
      'openai',
      refusal(400, {
        message: 'filtered',
        type: 'invalid_request_error',
        param: 'prompt',
        code: 'content_filter',
      }),
    );
    const response = await user.chat({ stream });
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: { code: string } }).error.code).toBe('content_filter');
    expect(await upstream.seen('anthropic')).toHaveLength(0);
  });

  it('a provider that refuses connections is passed over', async () => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['closed', 'anthropic']);
    upstream.script('anthropic', second);
    const response = await user.chat({ stream, model: 'ib/closed' });
    expect(await textOf(response, stream)).toBe('Hello from the second.');
    expect((await user.logs())[0]?.attempts[0]).toMatchObject({ provider: 'closed', outcome: 'unreachable' });
  });
});

it('says in the server’s log, once, that a model is gone', async () => {
  const { gateway, upstream } = parts;
  const user = await account(gateway, ['openai', 'anthropic']);
  upstream.script('openai', refusal(404, { message: 'gone', code: 'model_not_found' }));
  upstream.script('anthropic', message('Hello.'));
  for (let i = 0; i < 3; i++)
    await user
      .chat({ model: undefined, models: ['openai:retired-model', 'anthropic:claude-test'] })
      .then((response) => response.text());
  const said = gateway
    .output()
    .split('\n')
    .filter((line) => line.includes('retired-model'));
  expect(said).toHaveLength(1);
  expect(said[0]).toContain('has no such model');
});

describe('after the first content', () => {
  it.each([
    ['a reset', 'reset'],
    ['a bare end', 'end'],
  ] as const)('%s becomes an error event, without [DONE] and without a second provider', async (_, end) => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai', 'anthropic']);
    await upstream.clear();
    upstream.script('openai', broken('One two three ', end));
    const response = await user.chat({ stream: true });
    expect(response.status).toBe(200);
    const all = await events(response);
    expect(all.at(-1)).toEqual({
      error: { message: expect.any(String), type: 'provider_error', param: null, code: expect.any(String) },
    });
    expect(all).not.toContain('[DONE]');
    expect(
      all
        .slice(0, -1)
        .map(
          (chunk) =>
            (chunk as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? '',
        )
        .join(''),
    ).toBe('One two three ');
    expect(await upstream.seen('anthropic')).toHaveLength(0);
    const [row] = await user.logs();
    expect(row).toMatchObject({ status: 'error', provider: 'openai' });
  });

  it('an error event of the provider ends the stream likewise', async () => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai', 'anthropic']);
    const start = broken('One ', 'end') as { sse: string[] };
    upstream.script('openai', {
      sse: [
        ...start.sse,
        'event: error\ndata: {"error":{"message":"boom","type":"server_error","code":"tool_use_failed"}}\n\n',
      ],
    });
    const all = await events(await user.chat({ stream: true }));
    expect(all.at(-1)).toMatchObject({ error: { type: 'provider_error' } });
    expect(all).not.toContain('[DONE]');
  });

  it('a finish reason without [DONE] is complete', async () => {
    const { gateway, upstream } = parts;
    const user = await account(gateway, ['openai']);
    const whole = streamed('All there.') as { sse: string[] };
    upstream.script('openai', { sse: whole.sse.slice(0, -1) });
    const all = await events(await user.chat({ stream: true }));
    expect(all.at(-1)).toBe('[DONE]');
    expect((await user.logs())[0]).toMatchObject({ status: 'success' });
  });
});

async function textOf(response: Response, stream: boolean): Promise<string> {
  if (!stream)
    return (
      ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]?.message
        .content ?? ''
    );
  const all = await events(response);
  expect(all.at(-1)).toBe('[DONE]');
  return all
    .map((chunk) =>
      chunk === '[DONE]'
        ? ''
        : ((chunk as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? ''),
    )
    .join('');
}
