import type { ChatMessage, ChatRequest } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { responsesBody, responsesRefuses } from './request.ts';

const USER: ChatMessage = { role: 'user', content: 'Hello' };
const TOOL = {
  type: 'function',
  function: { name: 'weather', description: 'Tells it', parameters: { type: 'object' } },
};

function write(fields: Partial<ChatRequest> & Record<string, unknown>) {
  const dropped: string[] = [];
  const body = responsesBody({ model: 'gpt-6-luna', messages: [USER], ...fields }, (name) =>
    dropped.push(name),
  );
  return { body, dropped };
}

describe('the body', () => {
  it('stores nothing and asks for what was thought', () => {
    expect(write({ stream: true }).body).toEqual({
      model: 'gpt-6-luna',
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] }],
      stream: true,
      store: false,
      include: ['reasoning.encrypted_content'],
      reasoning: { summary: 'auto' },
    });
  });

  it('says the rest in the words of the other API', () => {
    const { body, dropped } = write({
      store: true,
      tools: [
        TOOL,
        {
          type: 'custom',
          custom: { name: 'sql', format: { type: 'grammar', grammar: { syntax: 'regex', definition: 'x' } } },
        },
        { type: 'web_search' },
      ],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      parallel_tool_calls: false,
      reasoning_effort: 'high',
      max_tokens: 9,
      max_completion_tokens: 100,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'out', schema: { type: 'object' }, strict: true },
      },
      verbosity: 'low',
      metadata: { a: 'b' },
      service_tier: 'flex',
      prompt_cache_key: 'k',
    });
    expect(dropped).toEqual([]);
    expect(body).toMatchObject({
      store: true,
      tools: [
        {
          type: 'function',
          name: 'weather',
          description: 'Tells it',
          parameters: { type: 'object' },
          strict: false,
        },
        { type: 'custom', name: 'sql', format: { type: 'grammar', syntax: 'regex', definition: 'x' } },
        { type: 'web_search' },
      ],
      tool_choice: { type: 'function', name: 'weather' },
      parallel_tool_calls: false,
      reasoning: { effort: 'high', summary: 'auto' },
      max_output_tokens: 100,
      text: {
        format: { type: 'json_schema', name: 'out', schema: { type: 'object' }, strict: true },
        verbosity: 'low',
      },
      metadata: { a: 'b' },
      service_tier: 'flex',
      prompt_cache_key: 'k',
    });
  });

  it('flattens a choice among some of the tools', () => {
    const allowed = { mode: 'required', tools: [{ type: 'function', function: { name: 'weather' } }] };
    const { body } = write({ tools: [TOOL], tool_choice: { type: 'allowed_tools', allowed_tools: allowed } });
    expect(body['tool_choice']).toEqual({
      type: 'allowed_tools',
      mode: 'required',
      tools: [{ type: 'function', name: 'weather' }],
    });
  });

  it('leaves a choice among no tools away', () => {
    expect(write({ tools: [], tool_choice: 'auto', parallel_tool_calls: true }).body).not.toHaveProperty(
      'tool_choice',
    );
  });

  it('leaves hints without a place away and names them', () => {
    const { body, dropped } = write({
      seed: 1,
      logit_bias: { 5: 1 },
      presence_penalty: 0.5,
      frequency_penalty: 0,
      top_k: 4,
      n: 1,
      temperature: 0.2,
      top_p: 1,
    });
    expect(dropped.sort()).toEqual(['logit_bias', 'presence_penalty', 'seed', 'temperature', 'top_k']);
    expect(body).not.toHaveProperty('temperature');
  });

  it('keeps the temperature of who does not reason', () => {
    expect(write({ temperature: 0.2, reasoning_effort: 'none' }).body).toMatchObject({
      temperature: 0.2,
      reasoning: { effort: 'none' },
    });
    expect(write({ temperature: 0.2, model: 'gpt-4.1' }).body).toMatchObject({ temperature: 0.2 });
    expect(write({ model: 'gpt-4.1' }).body).not.toHaveProperty('include');
  });

  it.each([
    [{ n: 2 }, 'n'],
    [{ logprobs: true }, 'logprobs'],
    [{ stop: ['x'] }, 'stop'],
    [{ web_search_options: {} }, 'web_search_options'],
    [{ modalities: ['text', 'audio'] }, 'audio'],
    [{ functions: [{ name: 'f' }] }, 'functions'],
  ])('refuses %j, and says so beforehand', (fields, param) => {
    const refusal = { class: 'unsupported', details: expect.objectContaining({ param }) };
    expect(responsesRefuses({ model: 'gpt-6-luna', messages: [USER], ...fields })).toMatchObject(refusal);
    expect(() => write(fields)).toThrow(expect.objectContaining(refusal));
  });
});
