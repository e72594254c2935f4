import {
  type ChatAnswer,
  type ChatBody,
  type ChatChunk,
  type ChatCompletion,
  type ChatMessage,
  type ChatRequest,
  type ChatStream,
  type ChunkDelta,
  createFold,
  createHost,
  frameOf,
  type ProviderIO,
} from '@inferbridge/core';
import { virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { modernised, withLegacyFunctions } from './legacy.ts';

const F = { name: 'f', description: 'Does it.', parameters: { type: 'object', properties: {} } };
const hi: ChatRequest = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
const io: ProviderIO = {
  ...createHost({ transport: () => Promise.reject(new Error('nobody')), clock: virtualClock() }),
  signal: new AbortController().signal,
  dropped() {},
  credential: { id: 'c', secret: 's' },
  http: () => Promise.reject(new Error('nobody')),
};

describe('functions', () => {
  it.each<[object, object]>([
    [{ functions: [F] }, { tools: [{ type: 'function', function: F }], parallel_tool_calls: false }],
    [{ functions: [F], function_call: 'auto' }, { tool_choice: 'auto' }],
    [{ functions: [F], function_call: 'none' }, { tool_choice: 'none' }],
    [
      { functions: [F], function_call: { name: 'f' } },
      { tool_choice: { type: 'function', function: { name: 'f' } } },
    ],
  ])('%j become %j', (given, expected) => {
    const modern = modernised({ ...hi, ...given });
    expect(modern).toMatchObject(expected);
    expect(modern).not.toHaveProperty('functions');
    expect(modern).not.toHaveProperty('function_call');
  });

  it('that are null take nothing away', () => {
    const tools = [{ type: 'function', function: F }];
    const modern = { ...hi, tools, tool_choice: 'required', parallel_tool_calls: true };
    expect(modernised({ ...modern, functions: null, function_call: null })).toEqual(modern);
  });
});

describe('calls of functions in a history', () => {
  const call = (name: string, args = '{"a":1}') => ({
    role: 'assistant',
    content: null,
    function_call: { name, arguments: args },
  });
  const result = (name: string, content: string) => ({ role: 'function', name, content });
  const talk = (...messages: ChatMessage[]) =>
    modernised({ ...hi, messages: [...hi.messages, ...messages] }).messages;

  it('become calls of tools, and their results find them', () => {
    const [, asked, answered] = talk(call('f'), result('f', 'r'));
    expect(asked).toEqual({
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: expect.any(String), type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
      ],
    });
    expect(answered).toMatchObject({ role: 'tool', content: 'r', tool_call_id: asked?.tool_calls?.[0]?.id });
  });

  it('are kept apart, also of one function', () => {
    const seen = talk(call('f'), result('f', '1'), call('g'), result('g', '2'), call('f'), result('f', '3'));
    const used = seen.flatMap(({ tool_calls: calls }) => calls?.map(({ id }) => id) ?? []);
    expect(new Set(used).size).toBe(3);
    expect(seen.flatMap(({ tool_call_id: id }) => id ?? [])).toEqual(used);
  });

  it('may be of the wrong kind', () => {
    const junk = [5, 'x', [], {}, { name: {} }, { name: 'f', arguments: {} }, null];
    for (const function_call of junk)
      expect(() => talk({ role: 'assistant', content: null, function_call }, result('f', 'r'))).not.toThrow();
    expect(() => talk(result('nobody', 'r'))).not.toThrow();
  });
});

const CALL = { id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
const head = { id: 'x', created: 1, model: 'm' };
const completion = (message: object, finish_reason: string): ChatCompletion => ({
  ...head,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason }],
});
const chunk = (delta: ChunkDelta, finish_reason: string | null = null): ChatChunk => ({
  ...head,
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta, finish_reason }],
});
const CHUNKS = [
  chunk({ role: 'assistant', content: null }),
  chunk({ tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '' } }] }),
  chunk({ tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] }),
  chunk({ tool_calls: [{ index: 0, function: { arguments: '1}' } }] }),
  chunk({}, 'tool_calls'),
  { ...chunk({}), choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } },
];

/** A provider that knows tools, the request that it got, and what the caller sees. */
function asked(answer: () => ChatAnswer, request: ChatRequest) {
  const got: ChatRequest[] = [];
  const provider = withLegacyFunctions({
    chat(given) {
      got.push(given);
      return answer();
    },
  });
  return { answer: provider.chat(request, io), got };
}
const whole = (json: ChatCompletion) => async (): Promise<ChatBody> => ({
  kind: 'completion',
  bytes: Buffer.from(''),
  json: () => json,
});
async function* frames() {
  for (const one of CHUNKS) yield frameOf(one);
  return 'complete' as const;
}
const OLD = { ...hi, functions: [F] };
const CALLED = {
  finish_reason: 'function_call',
  message: { content: null, function_call: { name: 'f', arguments: '{"a":1}' } },
};

describe('an answer to functions', () => {
  it('is a call of a function', async () => {
    const { answer, got } = asked(
      whole(completion({ content: null, tool_calls: [CALL] }, 'tool_calls')),
      OLD,
    );
    const body = (await answer) as ChatBody; // what the provider above answers with
    expect(body.json().choices[0]).toMatchObject(CALLED);
    expect(body.json().choices[0]?.message).not.toHaveProperty('tool_calls');
    expect(JSON.parse(Buffer.from(body.bytes).toString())).toEqual(body.json());
    expect(got[0]).not.toHaveProperty('functions');
  });

  it('in text is text', async () => {
    const { answer } = asked(whole(completion({ content: 'No.' }, 'stop')), OLD);
    const body = (await answer) as ChatBody; // as above
    expect(body.json()).toEqual(completion({ content: 'No.' }, 'stop'));
  });

  it('in a stream of frames is a call of a function, and ends as it ended', async () => {
    const { answer } = asked(async () => ({ kind: 'stream', frames: frames() }), OLD);
    const reader = ((await answer) as ChatStream).frames[Symbol.asyncIterator](); // as above
    const fold = createFold();
    const seen: ChatChunk[] = [];
    for (let step = await reader.next(); ; step = await reader.next()) {
      if (step.done) {
        expect(step.value).toBe('complete');
        break;
      }
      seen.push(...step.value.chunks());
    }
    for (const one of seen) fold.add(one);
    expect(fold.done().choices[0]).toMatchObject(CALLED);
    expect(fold.done().usage).toMatchObject({ total_tokens: 3 });
    expect(JSON.stringify(seen)).not.toContain('tool_calls');
    expect(seen[1]?.choices[0]?.delta).toEqual({ function_call: { name: 'f', arguments: '' } });
    expect(seen[2]?.choices[0]?.delta).toEqual({ function_call: { arguments: '{"a":' } });
  });

  it('in a stream of chunks is one as well', async () => {
    async function* chunks() {
      yield* CHUNKS;
    }
    const fold = createFold();
    const { answer } = asked(chunks, OLD);
    for await (const one of answer as AsyncIterable<ChatChunk>) fold.add(one); // as above
    expect(fold.done().choices[0]).toMatchObject(CALLED);
  });

  it('is in the words of tools where tools were asked for, whatever the history holds', async () => {
    const history = [
      ...hi.messages,
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
    ];
    for (const request of [hi, { ...hi, messages: history, tools: [{ type: 'function', function: F }] }]) {
      const json = completion({ content: null, tool_calls: [CALL] }, 'tool_calls');
      const body = (await asked(whole(json), request).answer) as ChatBody; // as above
      expect(body.json()).toEqual(json);
    }
  });
});
