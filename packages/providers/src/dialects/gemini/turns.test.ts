import type { ChatMessage, ChatRequest } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { geminiRequest } from './request.ts';
import { NO_SIGNATURE } from './signatures.ts';

const FLASH = 'gemini-2.5-flash';
const THREE = 'gemini-3-flash-preview';
const HI: ChatMessage = { role: 'user', content: 'Hi' };
const REMEMBERED: Record<string, string> = { remembered: 'kept' };

function made(request: Partial<ChatRequest>) {
  const dropped: string[] = [];
  const { body } = geminiRequest(
    { model: FLASH, messages: [HI], ...request },
    { dropped: (param) => dropped.push(param), signatureOf: (id) => REMEMBERED[id] ?? null },
  );
  return { body: JSON.parse(JSON.stringify(body)), dropped: [...new Set(dropped)] };
}
const contents = (messages: unknown, model = FLASH) =>
  made({ model, messages: messages as ChatMessage[] }).body.contents; // callers may send anything
const call = (id: string, args = '{}', name = 'f') => ({
  id,
  type: 'function',
  function: { name, arguments: args },
});
const asked = (...calls: object[]) => ({ role: 'assistant', content: null, tool_calls: calls });
const result = (id: string, content: unknown) => ({ role: 'tool', tool_call_id: id, content });

describe('messages', () => {
  it('of the system and the developer become the instruction, wherever they stand', () => {
    const { body } = made({
      messages: [
        { role: 'system', content: 'a' },
        HI,
        { role: 'developer', content: [{ type: 'text', text: 'b' }] },
      ],
    });
    expect(body).toEqual({
      systemInstruction: { parts: [{ text: 'a' }, { text: 'b' }] },
      contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
    });
  });

  it.each([
    ['neighbours are one content', [HI, HI], [['user', 'Hi', 'Hi']]],
    [
      'the first is the user’s',
      [{ role: 'assistant', content: 'a' }],
      [
        ['user', '.'],
        ['model', 'a'],
      ],
    ],
    ['an empty one has a placeholder', [{ role: 'user', content: '' }], [['user', '.']]],
    ['only an instruction leaves a placeholder', [{ role: 'system', content: 'a' }], [['user', '.']]],
    [
      'a refusal is what was said',
      [HI, { role: 'assistant', refusal: 'no' }],
      [
        ['user', 'Hi'],
        ['model', 'no'],
      ],
    ],
    [
      'a result that nobody asked for is text',
      [result('x', 'lost')],
      [['user', 'A tool that nobody called answered:', 'lost']],
    ],
  ])('%s', (_, messages, expected) => {
    const seen: { role: string; parts: { text: string }[] }[] = contents(messages);
    expect(seen.map(({ role, parts }) => [role, ...parts.map(({ text }) => text)])).toEqual(expected);
  });

  it.each([
    ['image_url', { image_url: { url: 'data:image/jpg;base64,QU\nJD' } }, 'image/jpeg'],
    ['input_audio', { input_audio: { data: 'QUJD', format: 'mp3' } }, 'audio/mp3'],
    ['input_audio', { input_audio: { data: 'QUJD', format: 'wav' } }, 'audio/wav'],
    ['file', { file: { file_data: 'data:application/pdf;base64,QUJD' } }, 'application/pdf'],
    ['file', { file: { file_data: 'data:text/plain;base64,QUJD' } }, 'text/plain'],
  ])('carry a part of type %s along: %j', (type, part, mimeType) => {
    expect(contents([{ role: 'user', content: [{ type, ...part }] }])[0].parts).toEqual([
      { inlineData: { mimeType, data: 'QUJD' } },
    ]);
  });
});

describe('calls and their results', () => {
  it('stand together in the order of the calls, each with its name, whatever came between', () => {
    expect(
      contents([
        HI,
        asked(call('a', '{"x":1}'), call('b', '', 'g')),
        result('b', '2'),
        HI,
        result('a', '{"y":1}'),
      ]),
    ).toEqual([
      { role: 'user', parts: [{ text: 'Hi' }] },
      {
        role: 'model',
        parts: [
          { functionCall: { id: 'a', name: 'f', args: { x: 1 } } },
          { functionCall: { id: 'b', name: 'g', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'a', name: 'f', response: { y: 1 } } },
          { functionResponse: { id: 'b', name: 'g', response: { result: '2' } } },
          { text: 'Hi' },
        ],
      },
    ]);
  });

  it.each([
    ['missing', [], { error: 'no result' }],
    ['without an id', [{ role: 'tool', content: 'x' }], { result: 'x' }],
    ['an error', [{ ...result('a', 'x'), is_error: true }], { error: 'x' }],
    ['a list', [result('a', '[1]')], { result: '[1]' }],
  ])('where a result is %s', (_, results, response) => {
    expect(contents([HI, asked(call('a')), ...results])[2].parts[0].functionResponse).toEqual({
      id: 'a',
      name: 'f',
      response,
    });
  });

  it.each([
    ['{"a":1}', { a: 1 }],
    ['', {}],
    ['{broken', { _raw: '{broken' }],
    ['[1]', { value: [1] }],
    ['null', { value: null }],
  ])('have arguments that are an object, also for %s', (args, expected) => {
    expect(contents([HI, asked(call('a', args))])[1].parts[0].functionCall.args).toEqual(expected);
  });
});

describe('signatures', () => {
  const signed = { ...call('a'), extra_content: { google: { thought_signature: 'sent' } } };

  it.each([
    ['that the client kept come first', [HI, asked(signed)], THREE, 'sent'],
    ['that were remembered come next', [HI, asked(call('remembered'))], THREE, 'kept'],
    ['that are lost have a stand-in', [HI, asked(call('a'))], THREE, NO_SIGNATURE],
    ['are not asked for by older models', [HI, asked(call('a'))], FLASH, undefined],
    [
      'of turns that are over are not asked for',
      [HI, asked(call('a')), result('a', 'x'), HI],
      THREE,
      undefined,
    ],
  ])('%s', (_, messages, model, expected) => {
    expect(contents(messages, model)[1].parts[0].thoughtSignature).toBe(expected);
  });

  it('are wanted on the first call of each turn alone', () => {
    const parts = contents([HI, asked(call('a'), call('b'))], THREE)[1].parts;
    expect(parts.map((part: Record<string, unknown>) => part['thoughtSignature'])).toEqual([
      NO_SIGNATURE,
      undefined,
    ]);
  });
});
