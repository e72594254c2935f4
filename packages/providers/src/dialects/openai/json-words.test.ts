import { describe, expect, it } from 'vitest';
import { exchange, made } from '../../../../../test/support/exchange.ts';
import { deepseek, zhipu } from '../../index.ts';
import { sayJson, schemaInWords } from './json-words.ts';

const HI = { role: 'user', content: 'Hi' };
const SYSTEM = { role: 'system', content: 'Be brief.' };
const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] };
const FORMAT = { type: 'json_schema', json_schema: { name: 'n', schema, strict: true } };

const adapted = (body: Record<string, unknown>) => {
  schemaInWords(body);
  sayJson(body);
  return body as { messages: { role: string; content: string }[]; response_format?: unknown }; // as given
};

describe('a schema in words', () => {
  it('is JSON mode, and the schema behind the instructions that are there', () => {
    const { messages, response_format } = adapted({ messages: [SYSTEM, HI], response_format: FORMAT });
    expect(response_format).toEqual({ type: 'json_object' });
    expect(messages.map(({ role }) => role)).toEqual(['system', 'system', 'user']);
    expect(messages[1]?.content).toContain(JSON.stringify(schema));
  });

  it('is said although there is nothing else but instructions', () => {
    expect(adapted({ messages: [SYSTEM], response_format: FORMAT }).messages).toHaveLength(2);
  });

  it.each([null, 7, {}, { json_schema: null }, { json_schema: { schema: 7 } }])(
    'crashes on nothing: %j',
    (odd) => {
      const format = odd && typeof odd === 'object' ? { type: 'json_schema', ...odd } : odd;
      expect(() => adapted({ messages: [HI], response_format: format })).not.toThrow();
    },
  );

  it('leaves the messages of the request alone', () => {
    const messages = [HI];
    adapted({ messages, response_format: FORMAT });
    expect(messages).toEqual([HI]);
  });
});

describe('JSON mode', () => {
  it('says the word where nobody has', () => {
    const { messages } = adapted({ messages: [SYSTEM, HI], response_format: { type: 'json_object' } });
    expect(messages.map(({ role }) => role)).toEqual(['system', 'system', 'user']);
    expect(messages[1]?.content).toMatch(/JSON/);
  });

  it.each(['Reply in JSON.', 'reply as json'])('says nothing where it was said: %s', (content) => {
    const { messages } = adapted({
      messages: [{ role: 'user', content }],
      response_format: { type: 'json_object' },
    });
    expect(messages).toHaveLength(1);
  });

  it.each([undefined, null, { type: 'text' }])('is not asked for by %j', (response_format) => {
    expect(adapted({ messages: [HI], response_format }).messages).toEqual([HI]);
  });

  it.each([deepseek, zhipu].map((plugin) => [plugin] as const))(
    'with a schema that cannot be written is the caller’s mistake at %o',
    async (plugin) => {
      // some engines write any depth, none a circle
      const circle: Record<string, unknown> = {};
      circle['a'] = circle;
      const response_format = { type: 'json_schema', json_schema: { name: 'n', schema: circle } };
      const { error } = await exchange(made(plugin), { response_format });
      expect(error?.class).toBe('invalid_request');
    },
  );
});
