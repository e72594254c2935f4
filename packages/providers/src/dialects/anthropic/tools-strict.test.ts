import type { ChatRequest } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { messagesRequest } from './request.ts';

const FORCES = 'claude-sonnet-4-6';
const tool = (name: string, more: object = {}) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: {} }, ...more },
});

function sent(request: Partial<ChatRequest>, withoutGrammar = false) {
  const { body } = messagesRequest(
    { model: FORCES, messages: [{ role: 'user', content: 'Hi' }], ...request },
    { dropped() {}, withoutGrammar },
  );
  return { body: JSON.parse(JSON.stringify(body)) };
}

describe('strict tools', () => {
  const strict = (parameters: object, name = 'f') => tool(name, { strict: true, parameters });
  const plain = { type: 'object', properties: { a: { type: 'string', minLength: 3 } }, required: ['a'] };

  it('are held to a schema that the vendor takes', () => {
    const [seen] = sent({ tools: [strict(plain)] }).body.tools;
    expect(seen).toMatchObject({ strict: true, input_schema: { additionalProperties: false } });
    expect(seen.input_schema.properties.a).toEqual({ type: 'string', description: 'minLength: 3' });
  });

  it.each([
    ['claude-3-haiku', 1, false],
    ['claude-sonnet-4-0', 1, false],
    [FORCES, 20, false],
    [FORCES, 21, false],
    [FORCES, 1, true],
  ])('on %s, %i of them, after a refusal: %s', (model, count, withoutGrammar) => {
    const tools = Array.from({ length: count }, (_, at) => strict(plain, `f${at}`));
    const seen = sent({ model, tools }, withoutGrammar).body.tools;
    const held = model === FORCES && count <= 20 && !withoutGrammar;
    for (const one of seen) {
      expect(one.strict).toBe(held ? true : undefined);
      if (!held) expect(one.input_schema).toEqual(plain);
    }
  });

  it('are not strict where a grammar cannot say the schema', () => {
    const tree = {
      type: 'object',
      properties: { children: { type: 'array', items: { $ref: '#' } } },
      required: ['children'],
    };
    const map = {
      type: 'object',
      properties: { m: { type: 'object', additionalProperties: { type: 'string' } } },
      required: ['m'],
    };
    for (const parameters of [tree, map])
      expect(sent({ tools: [strict(parameters)] }).body.tools[0]).toEqual({
        name: 'f',
        input_schema: parameters,
      });
  });
});
