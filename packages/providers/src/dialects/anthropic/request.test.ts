import type { ChatRequest } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { surplusFor } from './own-words.ts';
import { messagesRequest, refuses } from './request.ts';

const SONNET = 'claude-sonnet-4-5-20250929';
const hi: ChatRequest = { model: SONNET, messages: [{ role: 'user', content: 'Hi' }] };

/** The body as it goes out, and what was left out of it. */
function sent(request: Partial<ChatRequest>) {
  const dropped: string[] = [];
  const { body } = messagesRequest({ ...hi, ...request }, { dropped: (name) => dropped.push(name) });
  return { body: JSON.parse(JSON.stringify(body)), dropped };
}

describe('the body', () => {
  it('holds the model, the messages and a limit, and nothing that was not asked for', () => {
    expect(sent({})).toEqual({
      body: { model: SONNET, max_tokens: 64_000, messages: [{ role: 'user', content: 'Hi' }] },
      dropped: [],
    });
  });

  it('streams where that is asked for', () => {
    expect(sent({ stream: true }).body).toMatchObject({ stream: true });
    expect(sent({ stream: false }).body).not.toHaveProperty('stream');
    expect(sent({ stream: true, stream_options: { include_usage: true } }).body).not.toHaveProperty(
      'stream_options',
    );
  });

  it('keeps fields that are the vendor’s own', () => {
    const own = {
      context_management: { edits: [] },
      mcp_servers: [{ type: 'url', url: 'https://x' }],
      container: 'container_1',
      inference_geo: 'us',
      speed: 'fast',
    };
    expect(sent(own)).toMatchObject({ body: own, dropped: [] });
  });

  it('does not change what it was given', () => {
    const request = {
      ...hi,
      temperature: 2,
      seed: 1,
      tools: [
        { type: 'function', function: { name: 'a.b', parameters: {} }, cache_control: { type: 'ephemeral' } },
      ],
    };
    const before = structuredClone(request);
    messagesRequest(request, { dropped() {} });
    expect(request).toEqual(before);
  });
});

describe('the limit on the answer', () => {
  it.each([
    [{ max_tokens: 10 }, 10],
    [{ max_completion_tokens: 20 }, 20],
    [{ max_tokens: 10, max_completion_tokens: 20 }, 20],
    [{ max_tokens: 10, max_completion_tokens: null }, 10],
    [{ max_tokens: null }, 64_000],
    [{ max_tokens: 1_000_000 }, 64_000],
  ])('of %j is %i', (given, expected) => {
    expect(sent(given).body.max_tokens).toBe(expected);
  });
});

describe('stop', () => {
  it.each([
    ['END', ['END']],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [['a', 'a', ' ', '', '\n'], ['a']],
  ])('%j becomes the sequences %j', (stop, expected) => {
    expect(sent({ stop }).body.stop_sequences).toEqual(expected);
  });

  it.each([[null], [''], [[]], [[' ']]])('%j becomes none', (stop) => {
    expect(sent({ stop }).body).not.toHaveProperty('stop_sequences');
  });
});

describe('sampling', () => {
  const given = { temperature: 0.3, top_p: 0.9, top_k: 5 };
  it.each([
    ['claude-3-haiku-20240307', given, []],
    ['claude-opus-4-1', { temperature: 0.3, top_k: 5 }, ['top_p']],
    ['claude-sonnet-4-0', { temperature: 0.3, top_k: 5 }, ['top_p']],
    ['claude-sonnet-4-5', { temperature: 0.3, top_k: 5 }, ['top_p']],
    ['claude-opus-4-6', { temperature: 0.3, top_k: 5 }, ['top_p']],
    ['claude-opus-4-7', {}, ['temperature', 'top_p', 'top_k']],
    ['claude-sonnet-5', {}, ['temperature', 'top_p', 'top_k']],
    ['claude-fable-5-2', {}, ['temperature', 'top_p', 'top_k']],
    ['claude-haiku-5-5', {}, ['temperature', 'top_p', 'top_k']],
    ['claude-not-yet-known', {}, ['temperature', 'top_p', 'top_k']],
  ])('of %s keeps %j and drops %j', (model, kept, names) => {
    const { body, dropped } = sent({ model, ...given });
    const { temperature, top_p, top_k } = body;
    expect(JSON.parse(JSON.stringify({ temperature, top_p, top_k }))).toEqual(kept);
    expect(dropped).toEqual(names);
  });

  it('keeps top_p where it comes alone', () => {
    expect(sent({ top_p: 0.9, temperature: null }).body).toMatchObject({ top_p: 0.9 });
  });

  it.each([
    [1.7, 1],
    [2, 1],
    [1, 1],
    [0, 0],
  ])('takes the temperature %d as %d', (temperature, expected) => {
    expect(sent({ temperature }).body.temperature).toBe(expected);
  });

  it.each([['claude-sonnet-4-5'], ['claude-opus-4-6'], ['claude-sonnet-4-6']])(
    'is given up on %s while it thinks',
    (model) => {
      const { body, dropped } = sent({ model, ...given, reasoning_effort: 'high' });
      expect(body.thinking).toBeDefined();
      for (const name of Object.keys(given)) {
        expect(body).not.toHaveProperty(name);
        expect(dropped).toContain(name);
      }
    },
  );

  it('is kept on a model that is told not to think', () => {
    expect(sent({ model: 'claude-opus-4-6', temperature: 0.3, reasoning_effort: 'none' }).body).toMatchObject(
      { temperature: 0.3, thinking: { type: 'disabled' } },
    );
  });
});

describe('who asks', () => {
  it.each([
    [{ user: 'u-1' }, 'u-1'],
    [{ safety_identifier: 's-1' }, 's-1'],
    [{ user: 'u-1', safety_identifier: 's-1' }, 's-1'],
  ])('%j is the user %s', (given, expected) => {
    expect(sent(given).body.metadata).toEqual({ user_id: expected });
  });

  it('is hashed where it looks like an address, or is too long', () => {
    for (const user of ['ann@example.com', 'x'.repeat(257)]) {
      const { user_id } = sent({ user }).body.metadata;
      expect(user_id).toMatch(/^[0-9a-f]{64}$/);
      expect(sent({ user }).body.metadata.user_id).toBe(user_id);
    }
  });

  it('is nobody where nothing is said', () => {
    expect(sent({ user: '' }).body).not.toHaveProperty('metadata');
  });
});

describe('the service tier', () => {
  it.each([
    ['auto', 'auto', []],
    ['default', 'standard_only', []],
    ['flex', undefined, ['service_tier']],
    ['priority', undefined, ['service_tier']],
    [null, undefined, []],
  ])('%s becomes %s and drops %j', (service_tier, expected, names) => {
    const { body, dropped } = sent({ service_tier });
    expect(body.service_tier).toBe(expected);
    expect(dropped).toEqual(names);
  });
});

describe('hints that say nothing here', () => {
  it.each<[string, Partial<ChatRequest>]>([
    ['seed', { seed: 0 }],
    ['presence_penalty', { presence_penalty: 1 }],
    ['frequency_penalty', { frequency_penalty: 0.5 }],
    ['logit_bias', { logit_bias: { 5: 1 } }],
    ['store', { store: true }],
    ['metadata', { metadata: { a: 'b' } }],
    ['verbosity', { verbosity: 'low' }],
    ['prediction', { prediction: { type: 'content', content: 'x' } }],
    ['prompt_cache_key', { prompt_cache_key: 'k' }],
    ['prompt_cache_options', { prompt_cache_options: { mode: 'implicit' } }],
    ['moderation', { moderation: { model: 'm' } }],
    ['top_logprobs', { top_logprobs: 2 }],
    ['min_p', { min_p: 0.1 }],
    ['repetition_penalty', { repetition_penalty: 1.1 }],
    ['chat_template_kwargs', { chat_template_kwargs: {} }],
    ['provider', { provider: { order: [] } }],
  ])('%s is left out, and told', (name, given) => {
    const { body, dropped } = sent(given);
    expect(body).toEqual(sent({}).body);
    expect(dropped).toEqual([name]);
  });
});

describe('what would change the meaning', () => {
  it.each<[string, Partial<ChatRequest>]>([
    ['n', { n: 2 }],
    ['logprobs', { logprobs: true }],
    ['audio', { audio: { voice: 'x' } }],
    ['audio', { modalities: ['text', 'audio'] }],
    ['web_search_options', { web_search_options: {} }],
    ['messages', { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] }],
  ])('is refused and names %s: %j', (param, given) => {
    expect(refuses({ ...hi, ...given })).toMatchObject({
      class: 'unsupported',
      details: { param, code: 'unsupported_parameter' },
    });
  });

  it.each<Partial<ChatRequest>>([{ n: 1 }, { n: null }, { logprobs: false }, { modalities: ['text'] }])(
    'is not %j',
    (given) => {
      expect(refuses({ ...hi, ...given })).toBeNull();
    },
  );
});

describe('a body of the vendor’s own dialect', () => {
  it.each<[string[] | null, string, Partial<ChatRequest>]>([
    [[], 'claude-sonnet-4-5', { temperature: 0.5, thinking: { type: 'enabled', budget_tokens: 2_000 } }],
    [[], 'claude-opus-5', { thinking: { type: 'adaptive' } }],
    [['temperature'], 'claude-opus-5', { temperature: 0.5 }],
    [null, 'claude-opus-5', { thinking: { type: 'enabled', budget_tokens: 2_000 } }],
    [null, 'claude-sonnet-4-5', { thinking: { type: 'adaptive' } }],
    [null, 'claude-opus-5-5', { thinking: { type: 'disabled' } }],
    [null, 'claude-sonnet-5-5', { tool_choice: 'required' }],
    [[], 'claude-sonnet-4-6', { tool_choice: 'required' }],
    [null, 'claude-sonnet-4-6', { messages: [...hi.messages, { role: 'assistant', content: '{' }] }],
  ])('goes on without %j, or not at all: %s with %j', (expected, model, given) => {
    expect(surplusFor({ ...hi, model, ...given })).toEqual(expected);
  });
});
