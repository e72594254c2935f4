import { describe, expect, it } from 'vitest';
import { parseExact } from '../../json-exact.ts';
import { geminiSchema } from './schema.ts';

describe('a schema for Gemini', () => {
  it.each(['5', '"a"', '9007199254740993'])('has the constant %s as a list of one', (value) => {
    const schema = geminiSchema(parseExact(`{"properties":{"a":{"const":${value}}}}`));
    expect(JSON.stringify(schema)).toBe(`{"properties":{"a":{"enum":[${value}]}}}`);
  });
});
