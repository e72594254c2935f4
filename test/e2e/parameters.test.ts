import { describe, expect, it } from 'vitest';
import { account, PROMPT } from '../support/account.ts';
import { completion, message, refusal } from '../support/answers.ts';
import { standard } from '../support/standard.ts';
import { openaiTurn } from '../support/turns.ts';

/* What becomes of parameters that an upstream does not take: dropped and named, or refused before anybody is called. */

const parts = standard({
  config: () => ({
    tiers: {
      'my/two': { targets: ['groq:openai/gpt-oss-20b', 'openai:gpt-4.1'] },
      'my/none': { targets: ['groq:openai/gpt-oss-20b', 'anthropic:claude-sonnet-5-5'] },
    },
  }),
});
const sent = async (vendor: string) => JSON.parse((await parts.upstream.seen(vendor)).at(-1)?.body ?? '{}');

describe('a hint that the vendor does not take', () => {
  it('is left out and named in a header, whole and streamed', async () => {
    const user = await account(parts.gateway, ['anthropic']);
    parts.upstream.script('anthropic', message('Hi.'));
    const response = await user.chat({
      model: 'anthropic:claude-sonnet-5-5',
      messages: PROMPT,
      temperature: 0.4,
      seed: 7,
      logit_bias: { '50256': -100 },
      acme_option: true,
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-inferbridge-dropped-params')?.split(', ').sort()).toEqual([
      'acme_option',
      'logit_bias',
      'seed',
      'temperature',
    ]);
    const body = await sent('anthropic');
    for (const field of ['temperature', 'seed', 'logit_bias', 'acme_option'])
      expect(body).not.toHaveProperty(field);
  });

  it('is no header where nothing was left out', async () => {
    const user = await account(parts.gateway, ['openai']);
    parts.upstream.script('openai', completion('Hi.'));
    const response = await user.chat({
      model: 'openai:gpt-4.1',
      messages: PROMPT,
      seed: 7,
      acme_option: true,
    });
    expect(response.headers.has('x-inferbridge-dropped-params')).toBe(false);
    expect(await sent('openai')).toMatchObject({ seed: 7, acme_option: true });
  });

  it('is learned from a refusal that names it, for this request and the next ones', async () => {
    const user = await account(parts.gateway, ['openai']);
    const model = 'openai:gpt-4.1-of-its-own';
    parts.upstream.script(
      'openai',
      refusal(400, {
        message: 'no',
        type: 'invalid_request_error',
        param: 'seed',
        code: 'unsupported_parameter',
      }),
      completion('Hi.'),
    );
    const before = (await parts.upstream.seen('openai')).length;
    const first = await user.chat({ model, messages: PROMPT, seed: 7 });
    expect([first.status, first.headers.get('x-inferbridge-dropped-params')]).toEqual([200, 'seed']);
    const second = await user.chat({ model, messages: PROMPT, seed: 8 });
    expect([second.status, second.headers.get('x-inferbridge-dropped-params')]).toEqual([200, 'seed']);
    expect((await parts.upstream.seen('openai')).length - before).toBe(3);
  });
});

describe('a parameter that changes the meaning', () => {
  it('makes a tier leave the candidate out, without calling it, and the row says why', async () => {
    const user = await account(parts.gateway, ['groq', 'openai']);
    parts.upstream.script('openai', completion('Hi.'));
    const before = (await parts.upstream.seen('groq')).length;
    const response = await user.chat({ model: 'my/two', messages: PROMPT, n: 2 });
    expect(response.status).toBe(200);
    expect((await parts.upstream.seen('groq')).length).toBe(before);
    const [row] = await user.logs();
    expect(row?.attempts).toContainEqual(
      expect.objectContaining({
        provider: 'groq',
        outcome: 'left_out',
        why: 'this provider cannot honour n > 1',
      }),
    );
  });

  it.each([
    ['my/none', { n: 2 }, 'n'],
    ['groq:openai/gpt-oss-20b', { logprobs: true }, 'logprobs'],
    ['anthropic:claude-sonnet-5-5', { audio: { voice: 'x' }, modalities: ['audio'] }, 'audio'],
    ['openai:gpt-6-luna', { stop: ['END'] }, 'stop'],
  ])('is a 400 where nobody is left: %s with %j', async (model, more, param) => {
    const user = await account(parts.gateway, ['groq', 'anthropic', 'openai']);
    const response = await user.chat({ model, messages: PROMPT, ...more });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { type: 'invalid_request_error', code: 'unsupported_parameter', param },
    });
  });
});

describe('unknown fields', () => {
  const strict = standard({ config: () => ({ strictFields: true }) });

  it('are a 422 where the configuration is strict, with the nearest known name', async () => {
    const user = await account(strict.gateway, ['openai']);
    strict.upstream.script('openai', completion('Hi.'));
    const response = await user.chat({ model: 'openai:gpt-4.1', messages: PROMPT, temperatur: 1 });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({
      error: { param: 'temperatur', message: expect.stringContaining('did you mean "temperature"') },
    });
    expect((await user.chat({ model: 'openai:gpt-4.1', messages: PROMPT, verbosity: 'low' })).status).toBe(
      200,
    );
  });
});

describe('what a client of /v1/messages asks for', () => {
  const asked = {
    max_tokens: 2000,
    messages: [{ role: 'user', content: 'Hi' }],
    context_management: { edits: [] },
  };
  it.each([
    ['groq:openai/gpt-oss-20b', { type: 'enabled', budget_tokens: 1024 }, ['context_management']],
    ['gemini:gemini-3-flash', { type: 'enabled', budget_tokens: 1024 }, ['context_management']],
    ['openai:gpt-6-astra', { type: 'enabled', budget_tokens: 1024 }, ['context_management']],
    ['openai:gpt-6-astra', { type: 'adaptive' }, ['context_management', 'thinking']],
  ])('is named where %s does not honour it, and only then: %j', async (model, thinking, dropped) => {
    const vendor = model.slice(0, model.indexOf(':'));
    const { key } = await account(parts.gateway, [vendor]);
    const reply =
      vendor === 'gemini'
        ? {
            status: 200,
            body: '{"candidates":[{"finishReason":"STOP","content":{"parts":[{"text":"Hi"}]}}]}',
          }
        : openaiTurn({ text: 'Hi' });
    parts.upstream.script(vendor, reply);
    const body = JSON.stringify({ ...asked, model, thinking });
    const response = await parts.gateway.fetch('/v1/messages', { method: 'POST', key, body });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-inferbridge-dropped-params')?.split(', ').sort()).toEqual(dropped);
  });
});
