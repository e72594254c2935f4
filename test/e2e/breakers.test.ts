import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { completion, refusal } from '../support/answers.ts';
import { standard, vendors } from '../support/standard.ts';

const BREAKER = { failures: 2, openMs: 700 };
const parts = standard({
  config: (url) => ({
    providers: vendors(url),
    tiers: {
      one: { targets: ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b'], breaker: BREAKER },
      other: { targets: ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b'] },
      strict: {
        targets: ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b'],
        fallbackOn: { refusal: true, content_policy: true },
      },
      lax: { targets: ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b'] },
      any: {
        targets: ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b'],
        fallbackOn: { context_length: true },
      },
      none: {
        targets: ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b'],
        fallbackOn: { context_length: false },
      },
    },
  }),
});
const PAUSE = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const outcomesOf = async (user: Awaited<ReturnType<typeof account>>) =>
  (await user.logs())[0]?.attempts.map(({ provider, outcome }) => `${provider} ${outcome}`);

describe('a breaker', () => {
  it('opens as its tier says, is shared by tiers that name the target, and by no other user', async () => {
    const [user, other] = [
      await account(parts.gateway, ['openai', 'groq']),
      await account(parts.gateway, ['openai', 'groq']),
    ];
    parts.upstream.script('openai', refusal(500));
    parts.upstream.script('groq', completion('from groq'));
    for (let i = 0; i < 2; i++) await user.chat({ model: 'one' });
    await user.chat({ model: 'other' });
    expect(await outcomesOf(user)).toEqual(['openai skipped', 'groq ok']);
    await other.chat({ model: 'other' });
    expect(await outcomesOf(other)).toEqual(['openai server_error', 'groq ok']);
  });

  it('lets one of fifty requests at once through as its probe', async () => {
    const user = await account(parts.gateway, ['openai', 'groq']);
    parts.upstream.script('openai', refusal(500));
    parts.upstream.script('groq', completion('from groq'));
    for (let i = 0; i < 2; i++) await user.chat({ model: 'one' });
    await PAUSE(900);
    await parts.upstream.clear();
    parts.upstream.script('openai', { ...completion('from openai'), afterMs: 300 } as never);
    const all = await Promise.all(Array.from({ length: 50 }, () => user.chat({ model: 'one' })));
    expect(all.every(({ status }) => status === 200)).toBe(true);
    expect(await parts.upstream.seen('openai')).toHaveLength(1);
    await user.chat({ model: 'one' });
    expect(await outcomesOf(user)).toEqual(['openai ok']);
  });

  it('is not opened by the key of another tenant', async () => {
    const [bad, good] = [
      await account(parts.gateway, ['openai', 'groq']),
      await account(parts.gateway, ['openai', 'groq']),
    ];
    parts.upstream.script('groq', completion('from groq'));
    parts.upstream.script('openai', refusal(401));
    for (let i = 0; i < 6; i++) await bad.chat({ model: 'one' });
    parts.upstream.script('openai', completion('from openai'));
    await good.chat({ model: 'one' });
    expect(await outcomesOf(good)).toEqual(['openai ok']);
  });
});

describe('a tier’s rules', () => {
  const REFUSED = {
    status: 200,
    body: JSON.stringify({
      id: 'c',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: null, refusal: 'I cannot.' },
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    }),
  };
  const chunk = (delta: object, finish: string | null = null) =>
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const REFUSED_STREAM = {
    sse: [
      chunk({ role: 'assistant' }),
      chunk({ refusal: 'I cannot.' }),
      chunk({}, 'stop'),
      'data: [DONE]\n\n',
    ],
  };
  const ANSWER = {
    whole: completion('from groq'),
    stream: { sse: [chunk({ content: 'from groq' }), chunk({}, 'stop'), 'data: [DONE]\n\n'] },
  };

  it.each([true, false])(
    'take a refusal with 200 for a failure where they say so, and else for an answer; streaming: %s',
    async (stream) => {
      const user = await account(parts.gateway, ['openai', 'groq']);
      parts.upstream.script('openai', { whole: REFUSED, stream: REFUSED_STREAM });
      parts.upstream.script('groq', ANSWER);
      expect(await (await user.chat({ model: 'lax', stream })).text()).toContain('I cannot.');
      const text = await (await user.chat({ model: 'strict', stream })).text();
      expect(text).toContain('from groq');
      expect(text).not.toContain('I cannot.');
      expect(await outcomesOf(user)).toEqual(['openai content_policy', 'groq ok']);
    },
  );

  it.each([
    ['any', 200],
    ['none', 400],
    ['lax', 400],
  ])('say who gets a prompt that was too long: %s', async (model, status) => {
    const user = await account(parts.gateway, ['openai', 'groq']);
    const tooLong = {
      message: 'maximum context length is 10 tokens',
      type: 'invalid_request_error',
      code: 'context_length_exceeded',
    };
    parts.upstream.script('openai', refusal(400, tooLong));
    parts.upstream.script('groq', ANSWER);
    expect((await user.chat({ model })).status).toBe(status);
  });
});
