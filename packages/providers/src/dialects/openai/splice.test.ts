import type { ChatRequest } from '@inferbridge/core';
import { seededRandom } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { members, splicedBody } from './splice.ts';

/** The body of a client, and what it is to become. */
const spliced = (text: string, change: Record<string, unknown> = {}, without: readonly string[] = []) => {
  const request = JSON.parse(text) as ChatRequest;
  const body: Record<string, unknown> = { ...request, model: 'new', ...change };
  for (const field of without) delete body[field];
  return splicedBody(Buffer.from(text), { ...request, model: 'new' }, body)?.toString() ?? null;
};

describe('a spliced body', () => {
  it('has another model, and every other byte as it was', () => {
    const text =
      '{ "seed": 12345678901234567890 ,\n "model"  : "old", "messages": [{"role":"user","content":"a \\"model\\": {} \\u00fc"}], "x": 1e2 }';
    expect(spliced(text)).toBe(
      '{ "seed": 12345678901234567890 ,\n "model"  : "new", "messages": [{"role":"user","content":"a \\"model\\": {} \\u00fc"}], "x": 1e2 }',
    );
    expect(spliced(text, { seed: 7, added: 'ü' })).toBe(
      '{ "seed": 7 ,\n "model"  : "new", "messages": [{"role":"user","content":"a \\"model\\": {} \\u00fc"}], "x": 1e2 ,"added":"ü"}',
    );
  });

  it('leaves out, changes and adds fields', () => {
    expect(
      spliced(
        '{"temperature":1,"model":"old","max_tokens":5,"stream":true}',
        { stream_options: { a: 1 }, stream: false, most: 5 },
        ['temperature', 'max_tokens'],
      ),
    ).toBe('{"model":"new","stream":false,"stream_options":{"a":1},"most":5}');
  });

  it('keeps fields whose names are no ASCII', () => {
    expect(JSON.parse(spliced('{"model":"old","größe":1}') ?? '')).toEqual({ model: 'new', größe: 1 });
  });

  it('writes nothing that is undefined', () => {
    expect(spliced('{"model":"old","a":1}', { a: undefined, b: undefined })).toBe('{"model":"new"}');
  });

  it.each([
    ['a key twice', '{"model":"a","model":"b"}'],
    ['an escape in a key', '{"mod\\u0065l":"a"}'],
  ])('is not made of a body with %s', (_, text) => {
    expect(spliced(text)).toBeNull();
  });
});

describe('members', () => {
  const random = seededRandom(7);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const value = (depth: number): unknown => {
    const kind = Math.floor(random() * (depth > 3 ? 4 : 6));
    if (kind === 0) return pick(['', 'plain', 'a"b', 'back\\slash\\', 'ü☃🚀', '}],{', '\n\t']);
    if (kind === 1) return pick([0, -1.5, 1e21, 42]);
    if (kind === 2) return pick([true, false, null]);
    if (kind === 3) return 'x'.repeat(Math.floor(random() * 40));
    if (kind === 4) return Array.from({ length: Math.floor(random() * 4) }, () => value(depth + 1));
    return Object.fromEntries(
      Array.from({ length: Math.floor(random() * 4) }, (_, i) => [
        `${pick(['k', 'ü', '}{'])}${i}`,
        value(depth + 1),
      ]),
    );
  };

  it('are found exactly, in a thousand random objects, whatever the blanks', () => {
    for (let i = 0; i < 1_000; i++) {
      const object = Object.fromEntries(
        Array.from({ length: 1 + Math.floor(random() * 6) }, (_, k) => [`key${k}`, value(0)]),
      );
      const body = Buffer.from(JSON.stringify(object, null, pick([0, 1, 4])));
      const found = members(body);
      const read = Object.fromEntries(
        [...(found?.members ?? [])].map(([key, { start, end }]) => [
          key,
          JSON.parse(body.subarray(start, end).toString()),
        ]),
      );
      expect(read).toEqual(object);
      expect(body[found?.close ?? 0]).toBe(0x7d);
    }
  });
});
