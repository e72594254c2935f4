import { describe, expect, it } from 'vitest';
import { withOneRoot } from './root.ts';

const string = { type: 'string' };
const object = (properties: object, required: string[] = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
});

describe('a choice at the root of a tool’s parameters', () => {
  it('is not looked for where there is none', () => {
    const schema = object({ a: { anyOf: [string, { type: 'null' }] } });
    expect(withOneRoot(schema)).toEqual({ schema, words: null });
    expect(withOneRoot(schema).schema).toBe(schema);
  });

  it.each(['anyOf', 'oneOf'])('of %s has all properties, and requires what all require', (kind) => {
    const { schema, words } = withOneRoot({
      type: 'object',
      [kind]: [object({ id: string, a: string }), object({ id: string, b: { type: 'number' } })],
    });
    expect(schema).toEqual({
      type: 'object',
      properties: { id: string, a: string, b: { type: 'number' } },
      required: ['id'],
    });
    expect(words).toContain(kind === 'oneOf' ? 'exactly one' : 'at least one');
    expect(words).toContain('"required":["id","b"]');
  });

  it('keeps the root’s own properties beside rules about them', () => {
    const { schema } = withOneRoot({
      ...object({ a: string, b: string }, []),
      anyOf: [{ required: ['a'] }, { required: ['b'] }],
      description: 'One of both.',
    });
    expect(schema).toEqual({ ...object({ a: string, b: string }, []), description: 'One of both.' });
  });

  it('of allOf is the sum', () => {
    const { schema } = withOneRoot({ allOf: [object({ a: string }), object({ b: string })] });
    expect(schema).toEqual({ properties: { a: string, b: string }, required: ['a', 'b'] });
  });

  it('lets a property be what any alternative says', () => {
    const kind = (name: string) => object({ kind: { const: name } });
    const { schema } = withOneRoot({ anyOf: [kind('a'), kind('b'), kind('a')] });
    expect(schema['properties']).toEqual({ kind: { anyOf: [{ const: 'a' }, { const: 'b' }] } });
    expect(schema['required']).toEqual(['kind']);
  });

  it('says an alternative of a property once, also where it was one of several already', () => {
    const number = { type: 'number' };
    const a = (schema: object) => object({ a: schema });
    const { schema } = withOneRoot({
      properties: { a: { anyOf: [string, number] } },
      anyOf: [a({ anyOf: [string, number] }), a(number), a({ type: 'null' }), a({ anyOf: [string] })],
    });
    expect(schema['properties']).toEqual({ a: { anyOf: [string, number, { type: 'null' }] } });
  });

  it('leaves a property as it is where all alternatives say the same', () => {
    const same = object({ a: { anyOf: [string] } });
    expect(withOneRoot({ anyOf: [same, structuredClone(same)] }).schema['properties']).toEqual({
      a: { anyOf: [string] },
    });
  });

  it.each(['$defs', 'definitions'])('follows references into %s', (where) => {
    const { schema } = withOneRoot({
      anyOf: [{ $ref: `#/${where}/A` }, { $ref: '#/elsewhere' }, null, 5],
      [where]: { A: object({ a: string }) },
    });
    expect(schema['properties']).toEqual({ a: string });
    expect(schema[where]).toEqual({ A: object({ a: string }) });
  });
});
