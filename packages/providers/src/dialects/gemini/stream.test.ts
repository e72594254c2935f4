import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createFold, GatewayError, type StreamEnd } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { createNames } from './names.ts';
import { geminiFrames } from './stream.ts';

const ROOT = resolve(import.meta.dirname, '../../../../..');
const FIXTURES = resolve(ROOT, process.env['INFERBRIDGE_FIXTURES'] ?? '../shared/fixtures');
const have = existsSync(FIXTURES);

const wire = (...events: unknown[]): Buffer =>
  Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join(''));
const parts = (...given: object[]) => ({ candidates: [{ content: { role: 'model', parts: given } }] });
const stop = (finishReason: string, ...given: object[]) => ({
  candidates: [{ content: { parts: given }, finishReason }],
  usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 3, totalTokenCount: 10, thoughtsTokenCount: 2 },
});

async function read(bytes: Buffer, size = bytes.length) {
  async function* body() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  let ids = 0;
  const remembered: [string, string][] = [];
  const frames = geminiFrames(body(), {
    created: 5,
    model: 'gemini-test',
    id: 'chatcmpl-made',
    names: createNames(),
    custom: new Set(['code']),
    newId: () => `call_${ids++}`,
    remember: (id, signature) => remembered.push([id, signature]),
    failure: () => new GatewayError('overloaded', 'scripted'),
  });
  const fold = createFold();
  let end: StreamEnd | undefined;
  for (;;) {
    const step = await frames.next();
    if (step.done) {
      end = step.value;
      break;
    }
    for (const chunk of step.value.chunks()) fold.add(chunk);
  }
  return { whole: fold.done(), end, remembered };
}

describe('geminiFrames', () => {
  it('keeps thoughts apart from the answer and counts them as output', async () => {
    const { whole, end } = await read(
      wire(
        parts({ text: 'hm', thought: true }),
        parts({ text: 'Hello' }),
        stop('STOP', { text: '.', thoughtSignature: 's' }),
      ),
    );
    expect(end).toBe('complete');
    expect(whole.choices[0]).toMatchObject({
      message: {
        content: 'Hello.',
        reasoning_content: 'hm',
        provider_specific_fields: { gemini: { thought_signature: 's' } },
      },
      finish_reason: 'stop',
    });
    expect(whole.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 });
  });

  it('gives calls ids of their own, signatures with them, and says that there were calls', async () => {
    const call = { functionCall: { name: 'weather', args: { city: 'Paris' } }, thoughtSignature: 'sig' };
    const { whole, remembered } = await read(
      wire(stop('STOP', call, { functionCall: { name: 'time', id: 'own' } })),
    );
    expect(whole.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: null,
        tool_calls: [
          {
            id: 'call_0',
            function: { name: 'weather', arguments: '{"city":"Paris"}' },
            extra_content: { google: { thought_signature: 'sig' } },
          },
          { id: 'own', function: { name: 'time', arguments: '{}' } },
        ],
      },
    });
    expect(remembered).toEqual([['call_0', 'sig']]);
  });

  it('unwraps what a free-form tool is given', async () => {
    const { whole } = await read(
      wire(stop('STOP', { functionCall: { name: 'code', args: { input: 'print()' } } })),
    );
    expect(whole.choices[0]?.message.tool_calls).toEqual([
      { id: 'call_0', type: 'custom', custom: { name: 'code', input: 'print()' } },
    ]);
  });

  it.each([
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['PROHIBITED_CONTENT', 'content_filter'],
    ['OTHER', 'stop'],
    ['constructor', 'stop'],
  ])('reads %s as %s, also without any part', async (reason, expected) => {
    const { whole, end } = await read(wire({ candidates: [{ finishReason: reason }] }));
    expect([end, whole.choices[0]?.finish_reason]).toEqual(['complete', expected]);
  });

  it('answers a blocked prompt with a refusal', async () => {
    const { whole, end } = await read(wire({ promptFeedback: { blockReason: 'SAFETY' } }));
    expect(end).toBe('complete');
    expect(whole.choices[0]).toMatchObject({
      finish_reason: 'content_filter',
      message: { refusal: expect.stringContaining('SAFETY') },
    });
  });

  it('fails where a call could not be made, before anything was said', async () => {
    await expect(
      read(wire({ candidates: [{ finishReason: 'MALFORMED_FUNCTION_CALL' }] })),
    ).rejects.toMatchObject({
      class: 'malformed',
    });
  });

  it('fails with an error among the events, in a list or not, and ends cut without a reason', async () => {
    const error = { error: { code: 503, status: 'UNAVAILABLE', message: 'busy' } };
    await expect(read(wire(error))).rejects.toMatchObject({ class: 'overloaded' });
    await expect(read(wire([error]))).rejects.toMatchObject({ class: 'overloaded' });
    expect((await read(wire(parts({ text: 'Hel' })))).end).toBe('cut');
  });

  it.each([
    [
      'no part',
      { candidates: [{ content: { parts: [null, 1, { functionCall: 7 }] }, finishReason: 'STOP' }] },
    ],
    [
      'odd paths',
      stop('STOP', {
        functionCall: {
          name: 'f',
          partialArgs: [
            { jsonPath: '$.a[99999999]', stringValue: 'x' },
            { jsonPath: 'a', stringValue: 'x' },
            { jsonPath: '$.__proto__.x', stringValue: 'x' },
            3,
          ],
        },
      }),
    ],
    ['odd counts', { ...stop('STOP'), usageMetadata: { promptTokenCount: -1, totalTokenCount: 'x' } }],
  ])('survives %s', async (_, event) => {
    expect((await read(wire(event))).end).toBe('complete');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});

describe.skipIf(!have)(
  `recorded streams whose calls come in pieces${have ? '' : ' (skipped: no recorded answers)'}`,
  () => {
    const recorded = (name: string) =>
      Buffer.from(
        readFileSync(join(FIXTURES, 'google-native', name), 'utf8')
          .split('\n')
          .filter((line) => line.trim() !== '')
          .map((line) => `data: ${line}\r\n\r\n`)
          .join(''),
      );

    it.each([
      [
        'google-stream-tool-call-arguments.chunks.txt',
        [
          ['getWeather', { location: 'Boston' }],
          ['getWeather', { location: 'San Francisco' }],
        ],
      ],
      [
        'google-stream-no-args-tool-call.chunks.txt',
        [
          ['read_theme', {}],
          ['read_screen', { id: 'A' }],
          ['read_screen', { id: 'B' }],
          ['read_screen', { id: 'C' }],
        ],
      ],
    ])('%s, however it is cut', async (name, expected) => {
      const bytes = recorded(name);
      const all = await Promise.all([bytes.length, 1, 7, 1_001].map((size) => read(bytes, size)));
      for (const { whole, end } of all) {
        expect(end).toBe('complete');
        expect(
          whole.choices[0]?.message.tool_calls?.map(({ function: fn }) => [
            fn?.name,
            JSON.parse(fn?.arguments ?? ''),
          ]),
        ).toEqual(expected);
        expect(whole).toEqual(all[0]?.whole);
      }
    });

    it('lists in arguments, without the event that ends the call', async () => {
      const { whole } = await read(
        recorded('google-stream-tool-call-array-arguments-missing-terminal-function-call.chunks.txt'),
      );
      const [call] = whole.choices[0]?.message.tool_calls ?? [];
      expect(call?.function?.name).toBe('writeItems');
      const { operations } = JSON.parse(call?.function?.arguments ?? '{}') as { operations: object[] };
      expect(operations.slice(0, 2)).toMatchObject([
        { action: 'add', description: 'Fresh red apple', itemid: 'apple_001', price: 0.5 },
        { action: 'add', description: 'Ripe yellow banana', itemid: 'banana_001' },
      ]);
    });
  },
);
