import { describe, expect, it } from 'vitest';
import { type Account, account, events, PROMPT } from '../support/account.ts';
import { completion, limited, streamed } from '../support/answers.ts';
import { standard, vendors } from '../support/standard.ts';

const parts = standard({
  config: (url) => ({
    providers: vendors(url),
    tiers: {
      quick: { targets: ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b', 'anthropic:claude-sonnet-5-5'] },
      hedge: {
        strategy: ['hedge', { afterMs: 300 }],
        targets: [
          'openai:gpt-6-luna',
          { strategy: 'race', targets: ['groq:openai/gpt-oss-20b', 'mistral:mistral-medium-latest'] },
        ],
      },
      trial: {
        strategy: ['ab', { weights: [1, 0] }],
        targets: ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b'],
      },
    },
  }),
});

interface Explained {
  readonly tier: string;
  readonly strategy: string;
  readonly plan: object;
  readonly steps: readonly { provider: string; model: string; start: string; why: string }[];
  readonly left_out: readonly { provider: string; model: string; why: string; until?: string }[];
  readonly expected_cost_usd: string | null;
}

const explain = async (user: Account, body: object, headers: Record<string, string> = {}) => {
  const response = await parts.gateway.fetch('/v1/route/explain', {
    method: 'POST',
    key: user.key,
    headers,
    body: JSON.stringify({ messages: PROMPT, ...body }),
  });
  return { status: response.status, body: (await response.json()) as Explained };
};

describe('POST /v1/route/explain', () => {
  it('says where a request would go, in which order, why, and at what cost, and calls nobody', async () => {
    const user = await account(parts.gateway, ['openai', 'groq']);
    await parts.upstream.clear();
    const { status, body } = await explain(user, { model: 'quick', max_tokens: 100 });
    expect(status).toBe(200);
    expect(body).toEqual({
      tier: 'quick',
      strategy: 'priority',
      plan: { in_order: [{ attempt: 'openai:gpt-6-luna' }, { attempt: 'groq:openai/gpt-oss-20b' }] },
      steps: [
        { provider: 'openai', model: 'gpt-6-luna', start: 'now', why: 'target 1 of quick' },
        { provider: 'groq', model: 'openai/gpt-oss-20b', start: 'on_failure', why: 'target 2 of quick' },
      ],
      left_out: [
        { provider: 'anthropic', model: 'claude-sonnet-5-5', why: 'no key for anthropic is registered' },
      ],
      expected_cost_usd: expect.stringMatching(/^0\.0\d{5}$/),
    });
    expect(await parts.upstream.seen()).toEqual([]);
    expect(await user.logs()).toEqual([]);
  });

  it('reads a nested plan from left to right', async () => {
    const user = await account(parts.gateway, ['openai', 'groq', 'mistral']);
    const { body } = await explain(user, { model: 'hedge' });
    expect(body.steps.map(({ provider, start }) => `${provider} ${start}`)).toEqual([
      'openai now',
      'groq after_ms:300',
      'mistral after_ms:300',
    ]);
    expect(body.plan).toEqual({
      staggered: [
        { attempt: 'openai:gpt-6-luna' },
        { together: [{ attempt: 'groq:openai/gpt-oss-20b' }, { attempt: 'mistral:mistral-medium-latest' }] },
      ],
      after_ms: 300,
    });
  });

  it('names the arm, and who is on the other', async () => {
    const user = await account(parts.gateway, ['openai', 'groq']);
    const { body } = await explain(user, { model: 'trial' });
    expect(body.plan).toEqual({ in_order: [{ attempt: 'openai:gpt-6-luna' }], arm: 'A' });
    expect(body.left_out).toEqual([
      { provider: 'groq', model: 'openai/gpt-oss-20b', why: 'not chosen by ab' },
    ]);
  });

  it('leaves out who cools down, and says until when', async () => {
    const user = await account(parts.gateway, ['openai', 'groq']);
    parts.upstream.script('openai', limited('40'));
    parts.upstream.script('groq', completion('hello'));
    await user.chat({ model: 'quick' });
    const { body } = await explain(user, { model: 'quick' });
    expect(body.steps).toEqual([
      { provider: 'groq', model: 'openai/gpt-oss-20b', start: 'now', why: 'target 2 of quick' },
    ]);
    const [, cooling] = body.left_out;
    expect(cooling).toMatchObject({ provider: 'openai', why: 'cooling down after a rate limit' });
    const left = Date.parse(cooling?.until ?? '') - Date.now();
    expect(left).toBeGreaterThan(35_000);
    expect(left).toBeLessThanOrEqual(40_000);
  });

  it('reads the headers that a chat request may have', async () => {
    const user = await account(parts.gateway, ['openai', 'groq']);
    const { body } = await explain(
      user,
      { model: 'quick' },
      { 'x-inferbridge-override-model': 'groq:some-model' },
    );
    expect(body).toMatchObject({
      tier: 'override',
      steps: [{ provider: 'groq', model: 'some-model', start: 'now' }],
    });
    const none = await explain(user, { model: 'quick' }, { 'x-inferbridge-residency': 'eu' });
    expect(none.status).toBe(422);
  });

  it('leaves out who cannot do what is asked', async () => {
    const user = await account(parts.gateway, ['openai', 'groq']);
    const { body } = await explain(user, { model: 'quick', n: 3 });
    expect(body.steps.map(({ provider }) => provider)).toEqual(['openai']);
    expect(body.left_out.map(({ provider }) => provider)).toContain('groq');
  });

  it('answers what chat would answer to a request that it would refuse', async () => {
    const user = await account(parts.gateway, ['openai']);
    expect((await explain(user, { model: 'ib/nothing' })).status).toBe(422);
    expect((await explain(user, { model: 'quick', temperature: 9 })).status).toBe(422);
    expect((await explain(user, { model: 'quick', messages: [] })).status).toBe(422);
  });
});

describe('the decision record', () => {
  it.each([true, false])(
    'stands on the log row, and in the block for those who ask; streaming: %s',
    async (stream) => {
      const user = await account(parts.gateway, ['openai', 'groq']);
      parts.upstream.script('openai', { whole: completion('hello'), stream: streamed('hello') });
      const asked = { model: 'quick', max_tokens: 100, stream };
      const { body: expected } = await explain(user, asked);
      const plain = await user.chat(asked);
      expect(await plain.text()).not.toContain('"trace"');
      const traced = await user.chat(asked, { 'x-inferbridge-trace': 'true' });
      const block = stream
        ? (await events(traced))
            .map(
              (event) =>
                (event as { choices?: { delta?: { inferbridge?: { trace: Explained } } }[] }).choices?.[0]
                  ?.delta?.inferbridge,
            )
            .find((one) => one)
        : ((await traced.json()) as { inferbridge: { trace: Explained } }).inferbridge;
      expect(block?.trace).toEqual(expected);
      const rows = await user.logs();
      expect(rows.map((row) => row['route'])).toEqual([expected, expected]);
    },
  );
});
