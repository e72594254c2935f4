import type { ChatRequest } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { messagesRequest } from './request.ts';

const NATIVE = 'claude-sonnet-4-5';
const OLD = 'claude-3-haiku';
const CANNOT = 'claude-sonnet-5-5';
const schema = { type: 'object', properties: { city: { type: 'string', minLength: 2 } }, required: ['city'] };
const map = { type: 'object', additionalProperties: { type: 'number' } };
const tree = {
  type: 'object',
  properties: { kids: { type: 'array', items: { $ref: '#' } } },
  required: ['kids'],
};
const answering = (given: unknown, more: object = {}) => ({
  response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: given, ...more } },
});
const tool = (name: string) => ({ type: 'function', function: { name } });

function sent(model: string, request: Partial<ChatRequest>, withoutGrammar = false) {
  const { body, reading } = messagesRequest(
    { model, messages: [{ role: 'user', content: 'Hi' }], ...request },
    { dropped() {}, withoutGrammar },
  );
  return { body: JSON.parse(JSON.stringify(body)), json: reading.json, reading };
}
const names = ({ tools = [] }: { tools?: { name: string }[] }) => tools.map(({ name }) => name);

describe('any JSON', () => {
  it.each([[NATIVE], [OLD], [CANNOT]])(
    'is asked for in words, and never begun for the model: %s',
    (model) => {
      const { body, json } = sent(model, { response_format: { type: 'json_object' } });
      expect(body.system).toMatch(/JSON object/);
      expect(body.messages).toEqual([{ role: 'user', content: 'Hi' }]);
      expect(json).toBe('words');
    },
  );

  it('is asked for behind the caller’s own instructions', () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ];
    const { system } = sent(NATIVE, { messages, response_format: { type: 'json_object' } }).body;
    expect(system).toMatchObject([{ text: 'Be brief.' }, { text: expect.stringMatching(/JSON/) }]);
  });

  it.each([[{ type: 'text' }], [null], [undefined]])('is not what %j asks for', (response_format) => {
    const { body, json } = sent(NATIVE, { response_format });
    expect(body).not.toHaveProperty('system');
    expect(body).not.toHaveProperty('output_config');
    expect(json).toBeNull();
  });
});

describe('JSON of a schema', () => {
  it.each([
    [NATIVE],
    ['claude-opus-4-6'],
    ['claude-sonnet-5'],
    ['claude-fable-5-2'],
    [CANNOT],
    ['claude-opus-5-5'],
  ])('is held to it by %s itself', (model) => {
    const { body, json } = sent(model, answering(schema, { strict: true }));
    expect(body.output_config).toEqual({
      format: {
        type: 'json_schema',
        schema: {
          ...schema,
          properties: { city: { type: 'string', description: 'minLength: 2' } },
          additionalProperties: false,
        },
      },
    });
    expect(body).not.toHaveProperty('tools');
    expect(body).not.toHaveProperty('system');
    expect(json).toBeNull();
  });

  it('goes together with an effort', () => {
    expect(
      sent('claude-opus-5', { ...answering(schema), reasoning_effort: 'high' }).body.output_config,
    ).toMatchObject({
      effort: 'high',
      format: { type: 'json_schema' },
    });
  });

  it('goes together with tools', () => {
    const { body } = sent(NATIVE, { ...answering(schema), tools: [tool('f')] });
    expect(names(body)).toEqual(['f']);
    expect(body).not.toHaveProperty('tool_choice');
    expect(body.output_config.format.type).toBe('json_schema');
  });

  it.each<[string, unknown, boolean]>([
    [OLD, schema, false],
    ['claude-sonnet-4-0', schema, false],
    [NATIVE, map, false],
    [NATIVE, tree, false],
    [NATIVE, schema, true],
  ])('is a forced tool’s arguments elsewhere: %s %j', (model, given, withoutGrammar) => {
    const { body, json } = sent(model, answering(given, { description: 'A place.' }), withoutGrammar);
    expect(body).not.toHaveProperty('output_config');
    expect(body.tools).toEqual([{ name: 'json', description: 'A place.', input_schema: given }]);
    expect(body.tool_choice).toEqual({ type: 'tool', name: 'json', disable_parallel_tool_use: true });
    expect(json).toBe('tool');
  });

  it.each<[string, unknown]>([
    [CANNOT, map],
    ['claude-fable-5-1', tree],
    ['claude-opus-5-5', tree],
    [NATIVE, { type: 'array', items: { type: 'string' } }],
  ])('is asked for in words where no tool can be forced: %s %j', (model, given) => {
    const { body, json } = sent(model, answering(given));
    expect(body).not.toHaveProperty('tools');
    expect(body.system).toContain(JSON.stringify(given));
    expect(json).toBe('words');
  });

  it('takes precedence over a budget for thinking', () => {
    const { body } = sent('claude-sonnet-4-0', { ...answering(schema), reasoning_effort: 'high' });
    expect(body).not.toHaveProperty('thinking');
    expect(body.tool_choice).toMatchObject({ type: 'tool' });
  });
});

describe('the tool for JSON beside the caller’s own', () => {
  const asked = { ...answering(schema), tools: [tool('f')] };

  it('lets the model choose, but not answer in text', () => {
    const { body } = sent(OLD, asked);
    expect(names(body)).toEqual(['f', 'json']);
    expect(body.tool_choice).toEqual({ type: 'any', disable_parallel_tool_use: true });
  });

  it('steps back where a call is wanted', () => {
    for (const choice of ['required', { type: 'function', function: { name: 'f' } }]) {
      const { body, json } = sent(OLD, { ...asked, tool_choice: choice });
      expect(names(body)).toEqual(['f']);
      expect(json).toBeNull();
    }
  });

  it('is the only one where no call is wanted', () => {
    const { body, json } = sent(OLD, { ...asked, tool_choice: 'none' });
    expect(body.tool_choice).toMatchObject({ type: 'tool', name: 'json' });
    expect(names(body)).toContain('f');
    expect(json).toBe('tool');
  });

  it('is not mistaken for one of the same name', () => {
    const { body } = sent(OLD, { ...answering(schema), tools: [tool('json')] });
    expect(new Set(names(body)).size).toBe(2);
  });
});
