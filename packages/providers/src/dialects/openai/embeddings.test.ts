import type { EmbeddingsRequest } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { type EmbeddingsTraits, embeddingsBody, encoded, readEmbeddings } from './embeddings.ts';

const ASK: EmbeddingsRequest = { model: 'e', input: 'Hi' };
const NUMBERS = [0, 1, -0.5, 0.25];
const BASE64 = Buffer.from(new Float32Array(NUMBERS).buffer).toString('base64');

function body(request: Partial<EmbeddingsRequest>, traits: EmbeddingsTraits = {}) {
  const dropped: string[] = [];
  return { sent: embeddingsBody({ ...ASK, ...request }, traits, (param) => dropped.push(param)), dropped };
}
const answer = (...vectors: unknown[]) => ({
  object: 'list',
  model: 'e-1',
  data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
  usage: { prompt_tokens: 2, total_tokens: 2 },
});
function read(given: unknown, input: EmbeddingsRequest['input'] = 'Hi') {
  const value = readEmbeddings(given, { ...ASK, input });
  if (!value) throw new Error('no embeddings');
  return value;
}

describe('a request for embeddings', () => {
  it.each(['Hi', ['a', 'b'], [1, 2], [[1], [2, 3]]])('passes the input %j as it is', (input) => {
    expect(body({ input }).sent).toEqual({ model: 'e', input });
  });

  it.each([null, undefined])('never sends an encoding of %s', (encoding_format) => {
    const request = encoding_format === undefined ? {} : { encoding_format };
    expect(body(request).sent).not.toHaveProperty('encoding_format');
  });

  it.each(['float', 'base64'] as const)('sends the encoding %s to those who know it alone', (format) => {
    expect(body({ encoding_format: format }).sent).toMatchObject({ encoding_format: format });
    expect(body({ encoding_format: format }, { encodingFormat: false }).sent).not.toHaveProperty(
      'encoding_format',
    );
  });

  it('sends a size to those who know it, and is refused by the others', () => {
    expect(body({ dimensions: 256 }).sent).toMatchObject({ dimensions: 256 });
    expect(body({ dimensions: null }, { dimensions: false }).sent).not.toHaveProperty('dimensions');
    expect(() => body({ dimensions: 256 }, { dimensions: false })).toThrow(
      expect.objectContaining({
        class: 'unsupported',
        details: expect.objectContaining({ param: 'dimensions' }),
      }),
    );
  });

  it('never sends what steers the gateway', () => {
    expect(body({ models: ['a'], stream: false }).sent).toEqual(ASK);
  });
});

describe('an answer with embeddings', () => {
  it.each([
    ['float', answer(NUMBERS), NUMBERS],
    ['float', answer(BASE64), NUMBERS],
    ['base64', answer(NUMBERS), BASE64],
    ['base64', answer(BASE64), BASE64],
  ] as const)('comes as %s whatever the upstream chose', (format, given, expected) => {
    expect(encoded(read(given), format).data[0]?.embedding).toEqual(expected);
  });

  it('survives the way there and back', () => {
    const there = encoded(read(answer(NUMBERS, [1e-3, 3.5]), ['a', 'b']), 'base64');
    const back = encoded(there, 'float').data.map(({ embedding }) => embedding as number[]); // asked for as such
    expect(back[0]).toEqual(NUMBERS);
    expect(back[1]?.[0]).toBeCloseTo(1e-3, 8);
  });

  it('converts where some are numbers and some are not', () => {
    const mixed = encoded(read(answer(NUMBERS, BASE64), [[1], [2, 3]]), 'float');
    expect(mixed.data.map(({ embedding }) => embedding)).toEqual([NUMBERS, NUMBERS]);
  });

  it('is in the order of the input', () => {
    const given = answer([1], [2], [3]);
    const shuffled = { ...given, data: [given.data[2], given.data[0], given.data[1]] };
    expect(read(shuffled, ['a', 'b', 'c']).data.map(({ embedding }) => embedding)).toEqual([[1], [2], [3]]);
  });

  it('is complete although an upstream leaves out what can be known', () => {
    expect(read({ data: [{ embedding: [1] }] })).toMatchObject({
      object: 'list',
      model: 'e',
      data: [{ object: 'embedding', index: 0, embedding: [1] }],
    });
  });

  it.each([
    null,
    [],
    {},
    { data: [] },
    { data: 'x' },
    { data: [null] },
    { data: [{}] },
    { data: [{ embedding: {} }] },
    { data: [{ embedding: [1, 'x'] }] },
    { data: [{ embedding: [1] }, { embedding: null }] },
    { data: [{ embedding: [1] }, null] },
  ])('is none in %j', (given) => {
    expect(readEmbeddings(given, ASK)).toBeNull();
  });

  it.each([
    ['a', 2],
    [['a', 'b'], 1],
    [['a', 'b'], 3],
    [[1, 2, 3], 3],
    [[[1], [2]], 1],
  ] as const)('for %j is none of %i vectors', (input, count) => {
    const vectors = Array.from({ length: count }, () => [1]);
    expect(
      readEmbeddings(answer(...vectors), { ...ASK, input: input as EmbeddingsRequest['input'] }),
    ).toBeNull(); // read-only
  });

  it('is none where two vectors claim one place', () => {
    const data = [0, 0].map((index) => ({ index, embedding: [1] }));
    expect(readEmbeddings({ data }, { ...ASK, input: ['a', 'b'] })).toBeNull();
  });
});
