import type { ChatMessage, ProviderPlugin } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { exchange, made, WHOLE } from '../../../test/support/exchange.ts';
import {
  azure,
  cerebras,
  cohere,
  deepseek,
  fireworks,
  groq,
  krutrim,
  mistral,
  moonshot,
  ollama,
  openai,
  openrouter,
  qwen,
  sarvam,
  together,
  vllm,
  xai,
  zhipu,
} from './index.ts';

const OPTIONS: Record<string, object> = { azure: { resource: 'r' } };
const OTHERS = [
  cerebras,
  cohere,
  deepseek,
  fireworks,
  groq,
  krutrim,
  mistral,
  moonshot,
  ollama,
  openrouter,
  qwen,
  sarvam,
  together,
  vllm,
  xai,
  zhipu,
];
const each = (plugins: readonly ProviderPlugin[]) => plugins.map((plugin) => ({ name: plugin.name, plugin }));

// biome-ignore lint/suspicious/noExplicitAny: what went over the wire is looked at field by field
type Any = any;

async function sentTo(plugin: ProviderPlugin, messages: object[]): Promise<Any[]> {
  const given = messages as ChatMessage[]; // some are hostile on purpose
  const { sent, error } = await exchange(made(plugin, OPTIONS[plugin.name]), { messages: given });
  if (error) throw error;
  return sent[0]?.body['messages'] as Any[]; // every vendor takes messages
}

const call = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } });
const text = (...texts: string[]) => texts.map((one) => ({ type: 'text', text: one }));
const HI = { role: 'user', content: 'Hi' };
const IMAGE = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } };

describe('a developer', () => {
  const KNOWING = [openai, azure, groq, cohere];
  it.each(each(KNOWING))('stays one at $name', async ({ plugin }) => {
    expect((await sentTo(plugin, [{ role: 'developer', content: 'x' }, HI]))[0]?.role).toBe('developer');
  });

  it.each(each(OTHERS.filter((plugin) => !KNOWING.includes(plugin as typeof groq))))(
    'is the system at $name',
    async ({ plugin }) => {
      const [first] = await sentTo(plugin, [{ role: 'developer', content: 'x' }, HI]);
      expect(first).toEqual({ role: 'system', content: 'x' });
    },
  );
});

describe('content in parts', () => {
  const PARTS = [
    { role: 'system', content: text('a', 'b') },
    { role: 'user', content: text('a', 'b') },
    { role: 'assistant', content: text('a', 'b'), tool_calls: [call('abcdefghi')] },
    { role: 'tool', tool_call_id: 'abcdefghi', content: text('a', 'b') },
    HI,
  ];

  it.each(each([deepseek, sarvam]))('is one string in every role at $name', async ({ plugin }) => {
    const contents = (await sentTo(plugin, PARTS)).map(({ content }) => content);
    expect(contents.slice(0, 4)).toEqual(['a\nb', 'a\nb', 'a\nb', 'a\nb']);
  });

  it('is one string in instructions at Groq, a developer’s too', async () => {
    const sent = await sentTo(groq, [{ role: 'developer', content: text('c') }, ...PARTS]);
    expect(sent.slice(0, 3).map(({ content }) => content)).toEqual(['c', 'a\nb', text('a', 'b')]);
  });

  it.each(each(OTHERS))('that is junk crashes nobody: $name', async ({ plugin }) => {
    const junk = [null, 7, 'x', [], { type: 'text' }, { type: 'text', text: 7 }];
    for (const role of ['system', 'user', 'assistant', 'tool'])
      for (const content of [junk, [null, { ...text('a')[0], cache_control: { type: 'ephemeral' } }]])
        await sentTo(plugin, [{ role, content, tool_call_id: 'x' }, HI]).catch((error: unknown) =>
          expect(error).toMatchObject({ class: 'invalid_request' }),
        );
  });

  it.each(each([deepseek, sarvam]))('that is a refusal is text at $name', async ({ plugin }) => {
    const sent = await sentTo(plugin, [
      HI,
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
      HI,
    ]);
    expect(sent[1]?.content).toBe('No.');
  });
});

describe('an earlier thought', () => {
  const thought = {
    role: 'assistant',
    content: 'x',
    reasoning_content: 'hm',
    reasoning_details: [{ type: 'reasoning.text', text: 'hm' }],
    thinking_blocks: [{ type: 'thinking', thinking: 'hm', signature: 's' }],
    provider_specific_fields: { anthropic: {} },
  };
  const OURS = [
    'reasoning_content',
    'reasoning',
    'reasoning_details',
    'thinking_blocks',
    'provider_specific_fields',
  ];
  const KEPT: Record<string, string[]> = {
    groq: ['reasoning'],
    together: ['reasoning'],
    ollama: ['reasoning'],
    vllm: ['reasoning'],
    deepseek: ['reasoning_content'],
    zhipu: ['reasoning_content'],
    moonshot: ['reasoning_content'],
    fireworks: ['reasoning_content'],
    openrouter: ['reasoning', 'reasoning_details'],
  };

  it.each(each([openai, azure, ...OTHERS]))(
    'goes back to $name under its own name or not at all',
    async ({ plugin }) => {
      for (const given of [thought, { ...thought, reasoning_content: undefined, reasoning: 'hm' }]) {
        const [, said] = await sentTo(plugin, [HI, given, HI]);
        const there = OURS.filter((field) => said[field] !== undefined);
        expect(there.sort()).toEqual([...(KEPT[plugin.name] ?? [])].sort());
        for (const field of there) if (field !== 'reasoning_details') expect(said[field]).toBe('hm');
      }
    },
  );

  it('is wanted by DeepSeek on every message of the assistant, be it empty', async () => {
    const sent = await sentTo(deepseek, [
      HI,
      { role: 'assistant', content: 'x' },
      HI,
      { role: 'assistant', content: null, tool_calls: [call('a')], reasoning_content: null },
      { role: 'tool', tool_call_id: 'a', content: '1' },
    ]);
    expect(sent.map((message) => message.reasoning_content)).toEqual([
      undefined,
      '',
      undefined,
      '',
      undefined,
    ]);
  });
});

describe('an answer of ours that the client sends back as it came', () => {
  // Mistral's and Groq's messages are closed: a field that they do not know is refused
  it.each(each([mistral, groq, deepseek, cerebras]))(
    'has nothing in it that $name refuses',
    async ({ plugin }) => {
      const body = {
        ...WHOLE,
        choices: [{ ...WHOLE.choices[0], message: { ...WHOLE.choices[0]?.message, annotations: [] } }],
      };
      const { completion } = await exchange(made(plugin), {}, [{ body }]);
      const [, said] = await sentTo(plugin, [HI, { ...completion?.choices[0]?.message }, HI]);
      for (const field of ['refusal', 'annotations', 'audio', 'function_call'])
        expect(said).not.toHaveProperty(field);
      expect(said).toMatchObject({ role: 'assistant', content: 'Hello' });
    },
  );
});

describe('calls', () => {
  it.each(each([openai, azure, ...OTHERS]))('that are none are left out for $name', async ({ plugin }) => {
    for (const tool_calls of [[], null])
      expect(
        (await sentTo(plugin, [HI, { role: 'assistant', content: 'x', tool_calls }, HI]))[1],
      ).not.toHaveProperty('tool_calls');
  });

  it.each(each(OTHERS))('lose what only others understand, for $name', async ({ plugin }) => {
    const own = { ...call('abcdefghi'), index: 0, extra_content: { google: { thought_signature: 's' } } };
    const sent = await sentTo(plugin, [
      HI,
      { role: 'assistant', tool_calls: [own] },
      { role: 'tool', tool_call_id: 'abcdefghi', content: '' },
    ]);
    expect(sent[1]?.tool_calls).toEqual([call('abcdefghi')]);
  });

  it.each([
    { name: 'mistral', plugin: mistral, pattern: /^[a-zA-Z0-9]{9}$/ },
    { name: 'openai', plugin: openai, pattern: /^.{1,40}$/ },
    { name: 'azure', plugin: azure, pattern: /^.{1,40}$/ },
  ])('have ids that $name takes, the same one for call and result', async ({ plugin, pattern }) => {
    const ids = [`toolu_${'x'.repeat(60)}1`, `toolu_${'x'.repeat(60)}2`, 'call_ok'];
    const sent = await sentTo(plugin, [
      HI,
      { role: 'assistant', content: null, tool_calls: ids.map(call) },
      ...ids.map((id) => ({ role: 'tool', tool_call_id: id, content: id })),
    ]);
    const called = sent[1]?.tool_calls.map(({ id }: { id: string }) => id);
    expect(new Set(called).size).toBe(3);
    for (const id of called) expect(id).toMatch(pattern);
    expect(sent.slice(2).map((message) => message.tool_call_id)).toEqual(called);
  });
});

describe('pictures in a tool’s result', () => {
  it.each(each([openai, azure]))('stay there at $name', async ({ plugin }) => {
    const result = { role: 'tool', tool_call_id: 'a', content: [...text('see'), IMAGE] };
    const asks = { role: 'assistant', content: null, tool_calls: [call('a')] };
    expect((await sentTo(plugin, [HI, asks, result])).at(-1)).toEqual(result);
  });

  it.each(each([groq, together, mistral, vllm, xai, openrouter]))(
    'follow all results, for $name',
    async ({ plugin }) => {
      const id = (at: number) => `aaaaaaaa${at}`;
      const sent = await sentTo(plugin, [
        HI,
        { role: 'assistant', content: null, tool_calls: [call(id(1)), call(id(2))] },
        { role: 'tool', tool_call_id: id(1), content: [...text('see'), IMAGE] },
        { role: 'tool', tool_call_id: id(2), content: [IMAGE] },
        HI,
      ]);
      expect(sent.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'tool', 'user', 'user']);
      expect(sent[2]?.content).toEqual(text('see'));
      expect(sent[3]?.content).toBeTypeOf('string');
      expect(sent[4]?.content).toEqual([IMAGE, IMAGE]);
    },
  );

  it('and no calls leave a message with a text', async () => {
    const bare = { role: 'assistant', content: null, tool_calls: [] };
    const [, sent] = await sentTo(groq, [HI, bare, HI]);
    expect(sent).toEqual({ role: 'assistant', content: '' });
  });

  it('follow also where the last result is a bare text', async () => {
    const sent = await sentTo(groq, [
      HI,
      { role: 'assistant', content: null, tool_calls: [call('a'), call('')] },
      { role: 'tool', tool_call_id: 'a', content: [IMAGE] },
      { role: 'tool', content: 'bare' },
    ]);
    expect(sent.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'tool', 'user']);
    expect(sent.at(-1)?.content).toEqual([IMAGE]);
  });
});
