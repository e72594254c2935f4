import { describe, expect, it } from 'vitest';
import { isNative, nativeSchema } from './schema.ts';

const object = (properties: object, required: readonly string[] = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
});
const closed = (properties: object) => ({ ...object(properties), additionalProperties: false });
const string = { type: 'string' };

describe('nativeSchema', () => {
  it.each([
    ['minimum', 3],
    ['maximum', 3],
    ['exclusiveMinimum', 3],
    ['exclusiveMaximum', 3],
    ['multipleOf', 3],
    ['minLength', 3],
    ['maxLength', 3],
    ['pattern', '^a'],
    ['minItems', 2],
    ['maxItems', 3],
    ['uniqueItems', true],
    ['minProperties', 1],
    ['maxProperties', 3],
    ['not', { type: 'null' }],
    ['format', 'color'],
  ])('tells %s in words', (rule, value) => {
    const seen = nativeSchema(object({ a: { description: 'Short.', [rule]: value } }));
    const words = typeof value === 'object' ? JSON.stringify(value) : `${value}`;
    expect(seen).toEqual(closed({ a: { description: expect.stringContaining('Short.') } }));
    expect(JSON.stringify(seen)).toContain(rule);
    expect(JSON.stringify(seen)).toContain(JSON.stringify(words).slice(1, -1));
  });

  it.each([
    ['format', 'date-time'],
    ['format', 'uuid'],
    ['minItems', 1],
    ['minItems', 0],
    ['enum', ['a', 'b']],
    ['const', 'a'],
    ['default', { minimum: 1 }],
    ['anyOf', [string, { type: 'null' }]],
    ['$ref', '#/$defs/a'],
  ])('leaves %s %j alone', (rule, value) => {
    expect(nativeSchema(object({ a: { [rule]: value } }))).toEqual(closed({ a: { [rule]: value } }));
  });

  it('closes every object, wherever it stands', () => {
    const inner = object({ a: string });
    const seen = nativeSchema({
      ...object({ list: { type: 'array', items: inner }, either: { oneOf: [inner, { type: 'null' }] } }),
      $schema: 'http://json-schema.org/draft-07/schema#',
      $defs: { d: { ...inner, additionalProperties: true } },
    });
    expect(seen).toEqual({
      ...closed({
        list: { type: 'array', items: closed({ a: string }) },
        either: { anyOf: [closed({ a: string }), { type: 'null' }] },
      }),
      $defs: { d: closed({ a: string }) },
    });
  });

  it('takes properties for what they are, whatever they are called', () => {
    const named = object({
      minimum: string,
      format: string,
      not: string,
      properties: string,
      required: string,
    });
    expect(nativeSchema(named)).toEqual({ ...named, additionalProperties: false });
  });

  it('loses neither of two kinds of alternatives', () => {
    const seen = nativeSchema({ anyOf: [{ title: 'first' }], oneOf: [{ title: 'second' }] });
    expect(JSON.stringify(seen)).toMatch(/first.*second|second.*first/);
  });

  it('does not change what it was given', () => {
    const given = object({ a: { type: 'string', minLength: 3 } });
    const before = structuredClone(given);
    nativeSchema(given);
    expect(given).toEqual(before);
  });
});

describe('isNative', () => {
  const optional = (count: number) =>
    object(Object.fromEntries(Array.from({ length: count }, (_, at) => [`p${at}`, string])), []);
  const node = { type: 'object', properties: { next: { $ref: '#/$defs/node' } }, required: ['next'] };

  it.each<[string, Record<string, unknown>, boolean]>([
    ['of plain properties', object({ a: string }), true],
    ['that is empty', {}, true],
    ['with a reference', { ...object({ a: { $ref: '#/$defs/s' } }), $defs: { s: string } }, true],
    [
      'with one reference used twice',
      { ...object({ a: { $ref: '#/$defs/s' }, b: { $ref: '#/$defs/s' } }), $defs: { s: string } },
      true,
    ],
    ['that refers to itself', object({ a: { $ref: '#' } }), false],
    [
      'with a definition that refers to itself',
      { ...object({ a: { $ref: '#/$defs/node' } }), $defs: { node } },
      false,
    ],
    [
      'with definitions that refer to each other',
      {
        ...object({ a: { $ref: '#/$defs/x' } }),
        $defs: { x: object({ y: { $ref: '#/$defs/y' } }), y: object({ x: { $ref: '#/$defs/x' } }) },
      },
      false,
    ],
    ['that is a map', { type: 'object', additionalProperties: string }, false],
    ['with a map inside', object({ m: { type: 'object', additionalProperties: { type: 'number' } } }), false],
    ['that takes anything', { type: 'object', additionalProperties: true }, false],
    ['that is a map by pattern', { type: 'object', patternProperties: { '^x': string } }, false],
    ['with ten optional properties', optional(10), true],
    ['with fourteen optional properties', optional(14), false],
    ['with optional properties in many places', object({ a: optional(6), b: optional(6) }), false],
    ['with properties called like rules', object({ additionalProperties: string, $ref: string }), true],
  ])('knows a schema %s', (_, schema, expected) => {
    expect(isNative(schema)).toBe(expected);
  });

  /** A definition that refers to the next, and so on. */
  const chain = (length: number) => ({
    ...object({ a: { $ref: '#/$defs/d0' } }),
    $defs: Object.fromEntries(
      Array.from({ length }, (_, at) => [`d${at}`, object({ next: { $ref: `#/$defs/d${at + 1}` } })]),
    ),
  });

  it('comes to an end with long chains of references', () => {
    expect(() => isNative(chain(20_000))).not.toThrow();
  });

  it('needs no more than a moment for many references', () => {
    const started = performance.now();
    isNative(chain(2_000));
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
