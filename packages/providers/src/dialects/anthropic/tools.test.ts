import type { ChatRequest } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { messagesRequest } from './request.ts';

const FORCES = 'claude-sonnet-4-6';
const CANNOT = 'claude-sonnet-5-5';
const tool = (name: string, more: object = {}) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: {} }, ...more },
});
const F = tool('f');
const G = tool('g');

function sent(request: Partial<ChatRequest>, withoutGrammar = false) {
  const { body, reading } = messagesRequest(
    { model: FORCES, messages: [{ role: 'user', content: 'Hi' }], ...request },
    { dropped() {}, withoutGrammar },
  );
  return { body: JSON.parse(JSON.stringify(body)), reading };
}
const names = ({ tools = [] }: { tools?: { name: string }[] }) => tools.map(({ name }) => name);

describe('tools', () => {
  it.each([
    [undefined, { type: 'object', properties: {} }],
    [null, { type: 'object', properties: {} }],
    [{}, { type: 'object', properties: {} }],
    [{ type: 'object' }, { type: 'object', properties: {} }],
    [{ properties: { a: { type: 'string' } } }, { type: 'object', properties: { a: { type: 'string' } } }],
    [
      {
        $schema: 'http://json-schema.org/draft-07/schema#',
        type: 'object',
        properties: {},
        $defs: { a: {} },
      },
      { type: 'object', properties: {}, $defs: { a: {} } },
    ],
    [
      { type: 'object', properties: { a: { type: 'string', minLength: 3 } } },
      { type: 'object', properties: { a: { type: 'string', minLength: 3 } } },
    ],
  ])('with the parameters %j have the schema %j', (parameters, schema) => {
    expect(sent({ tools: [{ type: 'function', function: { name: 'f', parameters } }] }).body.tools).toEqual([
      { name: 'f', input_schema: schema },
    ]);
  });

  it('keep their description and their breakpoint', () => {
    const given = { ...tool('f', { description: 'Does it.' }), cache_control: { type: 'ephemeral' } };
    expect(sent({ tools: [given] }).body.tools[0]).toMatchObject({
      description: 'Does it.',
      cache_control: { type: 'ephemeral' },
    });
    expect(sent({ tools: [tool('f', { description: '' })] }).body.tools[0]).not.toHaveProperty('description');
  });

  it.each([true, false])('say in words what their schema cannot, strict: %s', (strict) => {
    const parameters = {
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'string' } },
      additionalProperties: false,
      required: [],
      anyOf: [{ required: ['a'] }, { required: ['b'] }],
    };
    const [wire] = sent({ tools: [tool('f', { description: 'Does it.', parameters, strict })] }).body.tools;
    const { anyOf: _, ...rest } = parameters;
    expect(wire.input_schema).toEqual(rest);
    expect(wire.description).toMatch(/^Does it\.\n\nThe input must fit at least one of these/);
    expect(wire).not.toHaveProperty('strict');
  });

  it.each([[[]], [null], [undefined]])('%j are none', (tools) => {
    const { body } = sent({ ...(tools !== undefined && { tools }), parallel_tool_calls: false });
    expect(body).not.toHaveProperty('tools');
    expect(body).not.toHaveProperty('tool_choice');
  });

  it('of the vendor’s own pass as they are', () => {
    const hosted = { type: 'web_search_20250305', name: 'web_search', max_uses: 3 };
    expect(sent({ tools: [hosted] }).body.tools).toEqual([hosted]);
  });

  it.each([
    [{ type: 'function' }],
    [{ type: 'function', function: { name: '' } }],
    [{ type: 'custom', custom: {} }],
  ])('without a name are refused with their place: %j', (given) => {
    expect(() => sent({ tools: [F, given] })).toThrow(/^tools\[1\].*name/);
  });

  it('of free form have one text, which is unwrapped on the way back', () => {
    const format = { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "x"' } };
    const { body, reading } = sent({ tools: [{ type: 'custom', custom: { name: 'code', format } }] });
    expect(body.tools[0]).toMatchObject({
      name: 'code',
      input_schema: { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] },
    });
    expect(JSON.stringify(body.tools)).toContain('lark');
    expect([...reading.custom]).toEqual(['code']);
  });
});

describe('names', () => {
  it.each([['get_weather'], ['a-B_9'], ['x'.repeat(64)]])('that are taken stay: %s', (name) => {
    expect(names(sent({ tools: [tool(name)] }).body)).toEqual([name]);
  });

  it.each([['a.b'], ['mcp/server:tool'], ['größe'], ['x'.repeat(65)], ['日本'], [' ']])(
    'that are not are rewritten and found again: %s',
    (name) => {
      const { body, reading } = sent({ tools: [tool(name)] });
      const [wire = ''] = names(body);
      expect(wire).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
      expect(reading.names.own(wire)).toBe(name);
    },
  );

  it('stay different where their plain letters are the same', () => {
    const long = 'x'.repeat(70);
    const given = ['a.b', 'a:b', 'a_b', `${long}1`, `${long}2`];
    expect(new Set(names(sent({ tools: given.map((name) => tool(name)) }).body)).size).toBe(5);
  });

  it('are the same in the history, the tools and the choice', () => {
    const { body } = sent({
      tools: [tool('a.b')],
      tool_choice: { type: 'function', function: { name: 'a.b' } },
      messages: [
        { role: 'user', content: 'Hi' },
        {
          role: 'assistant',
          tool_calls: [{ id: 'c', type: 'function', function: { name: 'a.b', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'c', content: 'r' },
      ],
    });
    const [wire] = names(body);
    expect(body.tool_choice.name).toBe(wire);
    expect(body.messages[1].content[0].name).toBe(wire);
  });
});

describe('the choice among tools', () => {
  const allowed = (mode: string, ...only: string[]) => ({
    type: 'allowed_tools',
    allowed_tools: { mode, tools: only.map((name) => ({ type: 'function', function: { name } })) },
  });
  const named = { type: 'function', function: { name: 'g' } };
  const ALONE = { disable_parallel_tool_use: true };

  it.each<[unknown, boolean | undefined, unknown, string[]]>([
    [undefined, undefined, undefined, ['f', 'g']],
    [null, undefined, undefined, ['f', 'g']],
    ['auto', undefined, { type: 'auto' }, ['f', 'g']],
    ['none', undefined, { type: 'none' }, ['f', 'g']],
    ['required', undefined, { type: 'any' }, ['f', 'g']],
    [named, undefined, { type: 'tool', name: 'g' }, ['f', 'g']],
    [{ type: 'function', name: 'g' }, undefined, { type: 'tool', name: 'g' }, ['f', 'g']],
    [allowed('auto', 'g'), undefined, { type: 'auto' }, ['g']],
    [allowed('required', 'g'), undefined, { type: 'any' }, ['g']],
    [{ type: 'allowed_tools', mode: 'auto', tools: [{ name: 'f' }] }, undefined, { type: 'auto' }, ['f']],
    [undefined, true, undefined, ['f', 'g']],
    [undefined, false, { type: 'auto', ...ALONE }, ['f', 'g']],
    ['auto', false, { type: 'auto', ...ALONE }, ['f', 'g']],
    ['required', false, { type: 'any', ...ALONE }, ['f', 'g']],
    [named, false, { type: 'tool', name: 'g', ...ALONE }, ['f', 'g']],
    ['none', false, { type: 'none' }, ['f', 'g']],
  ])('%j with parallel %s is %j of %j', (choice, parallel, expected, offered) => {
    const { body } = sent({
      tools: [F, G],
      ...(choice !== undefined && { tool_choice: choice }),
      ...(parallel !== undefined && { parallel_tool_calls: parallel }),
    });
    expect(body.tool_choice).toEqual(expected);
    expect(names(body)).toEqual(offered);
  });

  it.each([
    ['claude-fable-5-1'],
    ['claude-fable-5-2'],
    [CANNOT],
    ['claude-opus-5-5'],
    ['claude-not-yet-known'],
  ])('cannot be forced on %s: it is asked for in words, and checked', (model) => {
    for (const choice of ['required', named]) {
      const { body, reading } = sent({ model, tools: [F, G], tool_choice: choice });
      expect(body.tool_choice).toEqual({ type: 'auto' });
      expect(body.system).toMatch(/call/);
      expect(reading.mustCall).toBe(true);
    }
    expect(names(sent({ model, tools: [F, G], tool_choice: named }).body)).toEqual(['g']);
  });

  it.each([
    ['claude-3-haiku'],
    ['claude-opus-4-1'],
    ['claude-sonnet-4-5'],
    ['claude-opus-4-7'],
    ['claude-fable-5'],
    ['claude-haiku-5-5'],
  ])('can be forced on %s', (model) => {
    const { body, reading } = sent({ model, tools: [F], tool_choice: 'required' });
    expect(body.tool_choice).toEqual({ type: 'any' });
    expect(reading.mustCall).toBe(false);
  });

  it('goes with adaptive thinking, and before a budget for it', () => {
    const asked = { tools: [F], tool_choice: 'required', reasoning_effort: 'high' };
    expect(sent(asked).body).toMatchObject({ tool_choice: { type: 'any' }, thinking: { type: 'adaptive' } });
    const { body } = sent({ ...asked, model: 'claude-sonnet-4-5' });
    expect([body.tool_choice.type === 'any', 'thinking' in body]).toSatisfy(
      ([any, thinks]) => any !== thinks,
    );
  });

  it.each([[{ type: 'function', function: { name: 'nobody' } }], [{}], ['sometimes'], [5], [[]]])(
    'is refused where it names nothing: %j',
    (choice) => {
      expect(() => sent({ tools: [F], tool_choice: choice })).toThrow(
        expect.objectContaining({ class: 'invalid_request', details: { param: 'tool_choice' } }),
      );
    },
  );
});
