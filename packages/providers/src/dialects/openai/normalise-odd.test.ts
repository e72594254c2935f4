import type { ProviderPlugin } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { events, exchange, made, WHOLE } from '../../../../../test/support/exchange.ts';
import { faultsOf } from '../../../../../test/support/stream-contract.ts';
import { azure, generic, groq, mistral, ollama, together, vllm } from '../../index.ts';

const OPTIONS: Record<string, object> = {
  azure: { resource: 'r' },
  'openai-compatible': { baseUrl: 'https://llm.example/v1' },
};
const HEAD = { id: 'c-1', object: 'chat.completion.chunk', created: 5, model: 'm' };
const chunk = (delta: object, finish_reason: string | null = null, rest: object = {}) => ({
  ...HEAD,
  choices: [{ index: 0, delta, finish_reason }],
  ...rest,
});
const STOP = chunk({}, 'stop');
const stream = (plugin: ProviderPlugin, ...values: unknown[]) =>
  exchange(made(plugin, OPTIONS[plugin.name]), { stream: true }, [{ pieces: events(...values) }]);
const whole = async (
  plugin: ProviderPlugin,
  message: unknown,
  finish_reason: unknown = 'stop',
  rest: object = {},
) => {
  const body = { ...WHOLE, choices: [{ index: 0, message, finish_reason }], ...rest };
  return exchange(made(plugin, OPTIONS[plugin.name]), {}, [{ body }]);
};
const textOf = ({ chunks }: Awaited<ReturnType<typeof stream>>, field = 'content') =>
  chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta[field] ?? '')).join('');
const callsIn = ({ chunks }: Awaited<ReturnType<typeof stream>>) =>
  chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []));

describe('calls in an odd stream', () => {
  const one = (id: string, args: string) => ({
    index: 0,
    id,
    type: 'function',
    function: { name: 'f', arguments: args },
  });

  it('are two where two ids share one index, as Ollama sends them', async () => {
    const out = await stream(
      ollama,
      chunk({ role: 'assistant', content: '', tool_calls: [one('a', '{"x":1}')] }),
      chunk({ tool_calls: [one('b', '{"x":2}')] }),
      STOP,
    );
    expect(faultsOf(out.chunks)).toEqual([]);
    expect(callsIn(out).map(({ index, id, function: fn }) => [index, id, fn?.arguments])).toEqual([
      [0, 'a', '{"x":1}'],
      [1, 'b', '{"x":2}'],
    ]);
  });

  it('are one where index, id and name are repeated on every piece', async () => {
    const out = await stream(
      generic,
      chunk({ tool_calls: [one('a', '{"x"')] }),
      chunk({ tool_calls: [one('a', ':1}')] }),
      STOP,
    );
    expect(faultsOf(out.chunks)).toEqual([]);
    expect(
      callsIn(out)
        .map(({ function: fn }) => fn?.arguments)
        .join(''),
    ).toBe('{"x":1}');
  });

  it('may come in one delta, have no id, and end with "stop"', async () => {
    const bare = (name: string) => ({ function: { name, arguments: {} } });
    const out = await stream(generic, chunk({ tool_calls: [bare('f'), bare('g')] }), STOP);
    expect(faultsOf(out.chunks)).toEqual([]);
    expect(callsIn(out).map(({ index, function: fn }) => [index, fn?.name, fn?.arguments])).toEqual([
      [0, 'f', '{}'],
      [1, 'g', '{}'],
    ]);
  });

  it('of custom tools keep their name and input', async () => {
    const out = await stream(
      azure,
      chunk({
        role: 'assistant',
        content: null,
        tool_calls: [{ index: 0, id: 'a', type: 'custom', custom: { name: 'c', input: '' } }],
      }),
      chunk({ tool_calls: [{ index: 0, custom: { input: 'ls' } }] }),
      chunk({}, 'tool_calls'),
    );
    expect(callsIn(out)).toEqual([
      { index: 0, id: 'a', type: 'custom', custom: { name: 'c', input: '' } },
      { index: 0, custom: { input: 'ls' } },
    ]);
    const { completion } = await whole(azure, {
      content: null,
      tool_calls: [{ id: 'a', type: 'custom', custom: { name: 'c', input: 'ls' } }],
    });
    expect(completion?.choices[0]?.message.tool_calls).toEqual([
      { id: 'a', type: 'custom', custom: { name: 'c', input: 'ls' } },
    ]);
  });

  it('are not claimed where there are none', async () => {
    const out = await stream(generic, chunk({ content: 'a' }), chunk({}, 'tool_calls'));
    expect(out.chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    const { completion } = await whole(generic, { content: 'a' }, 'tool_calls');
    expect(completion?.choices[0]?.finish_reason).toBe('stop');
  });

  it('of old stay what they are, where that is how was asked', async () => {
    const functions = [{ name: 'f' }];
    const message = { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } };
    const body = { ...WHOLE, choices: [{ index: 0, message, finish_reason: 'function_call' }] };
    const told = await exchange(made(azure, OPTIONS['azure']), { functions }, [{ body }]);
    expect(told.completion?.choices[0]).toMatchObject({ message, finish_reason: 'function_call' });
    const pieces = events(chunk(message), chunk({}, 'function_call'));
    const { chunks } = await exchange(made(azure, OPTIONS['azure']), { functions, stream: true }, [
      { pieces },
    ]);
    expect(chunks[0]?.choices[0]?.delta).toMatchObject({ function_call: message.function_call });
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('function_call');
  });

  it('without arguments have arguments that can be parsed, in a whole reply', async () => {
    for (const args of ['', null, undefined, {}]) {
      const { completion } = await whole(generic, {
        content: null,
        tool_calls: [{ id: 'a', function: { name: 'f', arguments: args } }],
      });
      expect(JSON.parse(completion?.choices[0]?.message.tool_calls?.[0]?.function?.arguments ?? '')).toEqual(
        {},
      );
    }
  });
});

describe('text in an odd stream', () => {
  const vendors = [together, vllm, ollama, groq].map((plugin) => ({ name: plugin.name, plugin }));

  it.each(vendors)(
    'that may have been the beginning of a thought is not lost at $name',
    async ({ plugin }) => {
      for (const said of ['<', ' ', '<thin', '\n'])
        for (const last of [STOP, chunk({ content: null }, 'stop'), null]) {
          const out = await stream(
            plugin,
            chunk({ role: 'assistant', content: said }),
            ...(last ? [last] : []),
          );
          expect(textOf(out)).toBe(said);
          expect(faultsOf(out.chunks)).toEqual([]);
        }
    },
  );

  it.each(vendors)('of a thought that is cut short is not lost at $name', async ({ plugin }) => {
    const out = await stream(
      plugin,
      chunk({ content: '<think>a' }),
      chunk({ content: 'b</th' }),
      chunk({}, 'length'),
    );
    expect(textOf(out, 'reasoning_content')).toBe('ab</th');
    expect(textOf(out)).toBe('');
  });

  it.each(vendors)(
    'is split in one go though every piece has an empty reason, at $name',
    async ({ plugin }) => {
      const out = await stream(
        plugin,
        chunk({ content: '<thi' }, ''),
        chunk({ content: 'nk>a</think>b' }, ''),
        STOP,
      );
      expect(faultsOf(out.chunks)).toEqual([]);
      expect([textOf(out), textOf(out, 'reasoning_content')]).toEqual(['b', 'a']);
    },
  );

  it.each([generic, mistral, vllm].map((plugin) => ({ name: plugin.name, plugin })))(
    'in parts is one text at $name, its thinking apart',
    async ({ plugin }) => {
      const content = [
        { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ];
      const out = await stream(plugin, chunk({ role: 'assistant', content }), STOP);
      expect(faultsOf(out.chunks)).toEqual([]);
      expect([textOf(out), textOf(out, 'reasoning_content')]).toEqual(['ab', 'hm']);
      const { completion } = await whole(plugin, { content });
      expect(completion?.choices[0]?.message).toMatchObject({ content: 'ab', reasoning_content: 'hm' });
    },
  );
});

describe('usage in an odd stream', () => {
  const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };

  it('is found in an event that has no choices at all', async () => {
    const { chunks } = await stream(generic, chunk({ content: 'a' }), STOP, { ...HEAD, usage });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
    expect(faultsOf(chunks)).toEqual([]);
  });

  it('is not forgotten for a null behind it', async () => {
    const { chunks } = await stream(generic, chunk({ content: 'a' }), chunk({}, 'stop', { usage }), {
      ...HEAD,
      choices: [],
      usage: null,
    });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
  });

  it('is the last where every chunk has some', async () => {
    const early = { ...usage, completion_tokens: 1, total_tokens: 4 };
    const { chunks } = await stream(
      generic,
      chunk({ content: 'a' }, null, { usage: early }),
      chunk({}, 'stop', { usage }),
    );
    expect(chunks.filter((one) => one.usage)).toHaveLength(1);
    expect(chunks.at(-1)?.usage).toMatchObject(usage);
  });

  it.each(['x', 7, [], true, {}, { prompt_tokens: -1 }, { prompt_tokens: '3' }].map((junk) => [junk]))(
    'is left out where it is %j',
    async (junk) => {
      const { chunks } = await stream(generic, chunk({ content: 'a' }), chunk({}, 'stop', { usage: junk }));
      expect(chunks.filter((one) => one.usage)).toEqual([]);
      expect((await whole(generic, { content: 'a' }, 'stop', { usage: junk })).completion).not.toHaveProperty(
        'usage',
      );
    },
  );
});

describe('an answer without a model', () => {
  it('is of the one that was asked', async () => {
    const { model: _, ...rest } = chunk({ content: 'a' });
    expect((await stream(generic, rest, { ...STOP, model: undefined })).chunks[0]?.model).toBe('m');
    expect((await whole(generic, { content: 'a' }, 'stop', { model: undefined })).completion?.model).toBe(
      'm',
    );
  });
});
