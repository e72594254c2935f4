import type { ChatMessage, ChatRequest } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { geminiRequest, refuses } from './request.ts';

const FLASH = 'gemini-2.5-flash';
const THREE = 'gemini-3-flash-preview';
const HI: ChatMessage = { role: 'user', content: 'Hi' };

function made(request: Partial<ChatRequest>) {
  const dropped: string[] = [];
  const { body } = geminiRequest(
    { model: FLASH, messages: [HI], ...request },
    { dropped: (param) => dropped.push(param), signatureOf: () => null },
  );
  return { body: JSON.parse(JSON.stringify(body)), dropped: [...new Set(dropped)] };
}
const config = (request: Partial<ChatRequest>) => made(request).body.generationConfig;
const call = (id: string, args = '{}', name = 'f') => ({
  id,
  type: 'function',
  function: { name, arguments: args },
});
const asked = (...calls: object[]) => ({ role: 'assistant', content: null, tool_calls: calls });
const tool = (name: string, parameters?: object) => ({
  type: 'function',
  function: { name, ...(parameters && { parameters }) },
});

describe('a request', () => {
  it('holds its contents, and nothing where nothing else is asked for', () => {
    expect(made({}).body).toEqual({ contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] });
  });

  it('names what it leaves out, known or not, and nothing that is empty', () => {
    const { dropped } = made({
      user: 'u',
      store: true,
      logit_bias: { 5: 1 },
      wiki_grounding: true,
      min_p: null,
    });
    expect(dropped.sort()).toEqual(['logit_bias', 'store', 'user', 'wiki_grounding']);
  });

  it('names parallel_tool_calls where calls are wanted one by one', () => {
    expect(made({ tools: [tool('f')], parallel_tool_calls: false }).dropped).toEqual(['parallel_tool_calls']);
    expect(made({ tools: [tool('f')], parallel_tool_calls: true }).dropped).toEqual([]);
  });
});

describe('tools', () => {
  it('have schemas without what the vendor refuses, and none where they have no parameters', () => {
    const schema = {
      $schema: 'x',
      properties: { $schema: { const: 'a' }, b: { $ref: '#/$defs/b', description: 'd' } },
      $defs: { b: { type: 'string' } },
    };
    expect(made({ tools: [tool('f', schema), tool('g'), tool('h', {})] }).body.tools).toEqual([
      {
        functionDeclarations: [
          {
            name: 'f',
            parametersJsonSchema: {
              type: 'object',
              properties: { $schema: { enum: ['a'] }, b: { $ref: '#/$defs/b' } },
              $defs: { b: { type: 'string' } },
            },
          },
          { name: 'g' },
          { name: 'h' },
        ],
      },
    ]);
  });

  const named = (name: string) => ({ type: 'function', function: { name } });
  const allowed = (mode: string) => ({
    type: 'allowed_tools',
    allowed_tools: { mode, tools: [named('g')] },
  });

  it.each([
    ['auto', { mode: 'AUTO' }, ['f', 'g']],
    ['none', { mode: 'NONE' }, ['f', 'g']],
    ['required', { mode: 'ANY' }, ['f', 'g']],
    [named('g'), { mode: 'ANY', allowedFunctionNames: ['g'] }, ['f', 'g']],
    [allowed('required'), { mode: 'ANY', allowedFunctionNames: ['g'] }, ['f', 'g']],
    [allowed('auto'), { mode: 'AUTO' }, ['g']],
  ])('are chosen among by %j', (choice, functionCallingConfig, offered) => {
    const { tools, toolConfig } = made({ tools: [tool('f'), tool('g')], tool_choice: choice }).body;
    expect(toolConfig).toEqual({ functionCallingConfig });
    expect(tools[0].functionDeclarations.map(({ name }: { name: string }) => name)).toEqual(offered);
  });

  it('have names that the vendor takes, the same in their history', () => {
    const { tools, contents: all } = made({
      messages: [HI, asked(call('a', '{}', 'mein Wetter')) as ChatMessage], // a call is one of the forms of a message
      tools: [tool('mein Wetter')],
    }).body;
    const { name } = tools[0].functionDeclarations[0];
    expect(name).toMatch(/^mein_Wetter_[0-9a-f]{8}$/);
    expect(all[1].parts[0].functionCall.name).toBe(name);
  });
});

describe('how to answer', () => {
  it('is said in the vendor’s words', () => {
    const request = {
      temperature: 0,
      top_p: 0.5,
      top_k: 3,
      seed: 7,
      stop: ['a', 'a', ''],
      max_tokens: 5,
      max_completion_tokens: 9,
      n: 2,
    };
    expect(config(request)).toEqual({
      temperature: 0,
      topP: 0.5,
      topK: 3,
      seed: 7,
      stopSequences: ['a'],
      maxOutputTokens: 9,
      candidateCount: 2,
    });
  });

  it.each([
    [{ type: 'json_object' }, { responseMimeType: 'application/json' }],
    [
      { type: 'json_schema', json_schema: { schema: { type: 'object' } } },
      { responseMimeType: 'application/json', responseJsonSchema: { type: 'object' } },
    ],
    [{ type: 'text' }, undefined],
  ])('in %j', (response_format, expected) => {
    expect(config({ response_format })).toEqual(expected);
  });

  it.each([
    ['gemini-2.5-flash', 'none', { thinkingBudget: 0 }],
    ['gemini-2.5-pro', 'none', { thinkingBudget: 128 }],
    ['gemini-2.5-flash', 'low', { thinkingBudget: 1_024, includeThoughts: true }],
    ['gemini-2.5-flash', 'xhigh', { thinkingBudget: 24_576, includeThoughts: true }],
    ['gemini-3-flash-preview', 'minimal', { thinkingLevel: 'minimal', includeThoughts: true }],
    ['gemini-3-flash-preview', 'none', { thinkingLevel: 'minimal' }],
    ['gemini-3-pro-preview', 'medium', { thinkingLevel: 'high', includeThoughts: true }],
    ['gemini-3.8-flash', 'minimal', { thinkingLevel: 'low', includeThoughts: true }],
    ['gemini-4-argon', 'max', { thinkingLevel: 'high', includeThoughts: true }],
  ])('of %s with effort %s', (model, reasoning_effort, thinkingConfig) => {
    expect(config({ model, reasoning_effort })).toEqual({ thinkingConfig });
  });

  it.each([
    ['gemini-2.0-flash', { reasoning_effort: 'high' }],
    ['gemini-2.5-flash', { presence_penalty: 1 }],
    ['gemini-4-argon', { temperature: 1 }],
  ])('leaves out and names what %s cannot be told: %j', (model, request) => {
    const { body, dropped } = made({ model, ...request });
    expect(body).not.toHaveProperty('generationConfig');
    expect(dropped).toEqual(Object.keys(request));
  });
});

describe('refuses', () => {
  const json = { response_format: { type: 'json_object' }, tools: [tool('f')] };

  it.each([
    ['several answers where the model gives one', THREE, { n: 2 }, 'n'],
    ['several answers in a stream', FLASH, { n: 2, stream: true }, 'n'],
    ['JSON beside tools on older models', FLASH, json, 'response_format'],
    ['log probabilities', THREE, { logprobs: true }, 'logprobs'],
    ['tools of other vendors', THREE, { tools: [{ type: 'web_search' }] }, 'tools'],
    ['nothing of what it can', FLASH, { n: 2, tools: [tool('f')] }, null],
    ['nothing of what newer models can', THREE, json, null],
  ])('%s', (_, model, request, param) => {
    expect(refuses({ model, messages: [HI], ...request }, model)?.details.param ?? null).toBe(param);
  });
});

describe('a malformed request names the place', () => {
  const content = (...parts: unknown[]) => ({ messages: [{ role: 'user', content: parts }] });

  it.each([
    [{ messages: [null] }, 'messages[0]'],
    [{ messages: [{ role: 'robot', content: 'x' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'user', content: 7 }] }, 'messages[0].content'],
    [content(null), 'messages[0].content[0]'],
    [content({ type: 'text', text: 7 }), 'messages[0].content[0].text'],
    [content({ type: 'image_url', image_url: 'ftp://x' }), 'messages[0].content[0].image_url.url'],
    [content({ type: 'input_audio' }), 'messages[0].content[0].input_audio.data'],
    [content({ type: 'file', file: {} }), 'messages[0].content[0].file.file_data'],
    [{ messages: [asked({ id: 'a' })] }, 'messages[0].tool_calls[0].function.name'],
    [{ messages: [asked(7 as unknown as object)] }, 'messages[0].tool_calls[0]'], // callers may send anything
    [{ tools: [7] }, 'tools[0]'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].function.name'],
    [{ tools: [tool('f')], tool_choice: 'constructor' }, 'tool_choice'],
    [{ tools: [tool('f')], tool_choice: { type: 'function', function: { name: 'g' } } }, 'tool_choice'],
  ])('of %j', (request, param) => {
    expect(() => made(request as Partial<ChatRequest>)).toThrow(
      // as above
      expect.objectContaining({ class: 'invalid_request', details: expect.objectContaining({ param }) }),
    );
  });

  it.each([
    ['files by their id', { type: 'file', file: { file_id: 'file-1' } }],
    ['pictures of a kind it does not know', { type: 'image_url', image_url: 'data:image/gif;base64,QUJD' }],
  ])('but another vendor may take %s', (_, part) => {
    expect(() => made(content(part) as Partial<ChatRequest>)).toThrow(
      // as above
      expect.objectContaining({ class: 'unsupported' }),
    );
  });
});
