import type { EmbeddingsRequest } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { events, exchange, made, scriptedIO } from '../../../test/support/exchange.ts';
import { gemini } from './gemini.ts';

const vendor = made(gemini);
const said = (...parts: object[]) => ({
  responseId: 'r',
  modelVersion: 'gemini-m',
  candidates: [{ content: { parts }, finishReason: 'STOP' }],
});

describe('the name of a model', () => {
  it.each([
    ['gemini-3', 'models/gemini-3'],
    ['models/gemini-3', 'models/gemini-3'],
    ['tunedModels/mine', 'tunedModels/mine'],
    ['../../v1/x', 'models/..%2F..%2Fv1%2Fx'],
    ['models/../../v1/x', 'models/..%2F..%2Fv1%2Fx'],
    ['x?key=y#z', 'models/x%3Fkey%3Dy%23z'],
    ['x:countTokens', 'models/x%3AcountTokens'],
    ['\ud800', 'models/%EF%BF%BD'],
  ])('%j stays where a model stands in the address', async (model, path) => {
    const { sent } = await exchange(vendor, { model }, [{ body: said({ text: 'Hi' }) }]);
    expect(sent[0]?.url).toBe(`https://generativelanguage.googleapis.com/v1beta/${path}:generateContent`);
  });
});

describe('an answer', () => {
  it('is named once, whatever later events call it', async () => {
    const [first, second] = [{ candidates: [{ content: { parts: [{ text: 'a' }] } }] }, said({ text: 'b' })];
    const { chunks } = await exchange(vendor, { stream: true }, [{ pieces: events(first, second) }]);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(new Set(chunks.map(({ model }) => model)).size).toBe(1);
  });

  it('gives every call an id of its own', async () => {
    const call = { functionCall: { id: 'same', name: 'f', args: {} } };
    const bare = { functionCall: { name: 'f', args: {} } };
    const { completion } = await exchange(vendor, {}, [{ body: said(call, call, bare, bare) }]);
    const ids = completion?.choices[0]?.message.tool_calls?.map(({ id }) => id) ?? [];
    expect(ids[0]).toBe('same');
    expect(new Set(ids).size).toBe(4);
  });
});

describe('a refusal', () => {
  const refused = async (status: number, error: object) =>
    (await exchange(vendor, {}, [{ status, body: { error: { code: status, ...error } } }])).error;
  const violating = (...ids: string[]) => ({
    status: 'RESOURCE_EXHAUSTED',
    message: 'You exceeded your current quota.',
    details: [{ violations: ids.map((quotaId) => ({ quotaId })) }, { retryDelay: '20s' }],
  });

  it('for the day outweighs one for the minute', async () => {
    expect(await refused(429, violating('RequestsPerMinute', 'RequestsPerDay-FreeTier'))).toMatchObject({
      class: 'quota_exhausted',
    });
    expect(await refused(429, violating('RequestsPerMinute'))).toMatchObject({
      class: 'rate_limited',
      details: { retryAfterMs: 20_000, upstream: { code: 'RESOURCE_EXHAUSTED' } },
    });
  });

  it('of what this one model cannot do leaves the others a chance', async () => {
    const message = 'Code execution is not enabled for this model.';
    expect(await refused(400, { status: 'INVALID_ARGUMENT', message })).toMatchObject({
      class: 'unsupported',
    });
  });
});

describe('embeddings', () => {
  const embed = async (request: object, body: object) => {
    const { io, sent, dropped } = scriptedIO([{ body }]);
    const asked = { model: 'gemini-embedding-001', input: 'a', ...request } as EmbeddingsRequest; // hostile on purpose
    const answer = vendor.embed?.(asked, io).then(({ json }) => json());
    return { sent, dropped, answer };
  };

  it.each([5, null, {}, [5], [[1, 2]], [null], undefined])('refuse %j as input', async (input) => {
    const { answer } = await embed({ input }, {});
    await expect(answer).rejects.toMatchObject({
      class: expect.stringMatching(/^(invalid_request|unsupported)$/),
    });
  });

  it.each([
    { embeddings: [{ values: [1] }] },
    { embeddings: [{ values: [1] }, { values: [] }] },
    { embeddings: [{ values: [1] }, { values: ['x'] }] },
    { embeddings: {} },
    {},
  ])('that are not one vector for each text are none: %j', async (body) => {
    const { answer } = await embed({ input: ['a', 'b'] }, body);
    await expect(answer).rejects.toMatchObject({ class: 'malformed' });
  });

  it('are counted where the vendor counts, and name what was left out', async () => {
    const body = { embeddings: [{ values: [1] }], usageMetadata: { promptTokenCount: 7 } };
    const { answer, dropped } = await embed({ user: 'me', truncate: 'end' }, body);
    await expect(answer).resolves.toMatchObject({ usage: { prompt_tokens: 7, total_tokens: 7 } });
    expect(dropped).toEqual(['user', 'truncate']);
  });

  it('that were cut short have the length one, as OpenAI\u2019s have', async () => {
    const { answer } = await embed({ dimensions: 2 }, { embeddings: [{ values: [3, 4] }] });
    await expect(answer).resolves.toMatchObject({ data: [{ embedding: [0.6, 0.8] }] });
  });
});
