import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { refusal } from '../support/answers.ts';
import { haveFixtures, recordedBody, WITHOUT } from '../support/fixtures.ts';
import { standard, vendors } from '../support/standard.ts';
import type { Act } from '../support/upstream.ts';

const parts = standard({
  config: (url) => ({
    providers: {
      ...vendors(url),
      mirror: { use: 'openai-compatible', baseUrl: `${url}/mirror/v1`, apiKey: 'operator' },
    },
    tiers: {
      'my/vectors': {
        targets: [
          'openai:text-embedding-3-small',
          'mistral:mistral-embed',
          'mirror:openai/text-embedding-3-small',
        ],
      },
    },
  }),
});

const vectors = (...embeddings: (number[] | string)[]): Act => ({
  status: 200,
  body: JSON.stringify({
    object: 'list',
    data: embeddings.map((embedding, index) => ({ object: 'embedding', index, embedding })),
    model: 'text-embedding-3-small',
    usage: { prompt_tokens: 4, total_tokens: 4 },
  }),
});
const embed = (key: string, body: object, headers: Record<string, string> = {}) =>
  parts.gateway.fetch('/v1/embeddings', { method: 'POST', key, body: JSON.stringify(body), headers });
const sent = async (vendor: string) => JSON.parse((await parts.upstream.seen(vendor)).at(-1)?.body ?? '{}');

describe('POST /v1/embeddings', () => {
  it('answers in OpenAI’s shape with the block, and logs tokens and cost', async () => {
    const user = await account(parts.gateway, ['openai']);
    parts.upstream.script('openai', vectors([0.5, 1], [0.25, -1]));
    const response = await embed(user.key, { model: 'ib/embed', input: ['a', 'b'] });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      object: 'list',
      data: [
        { object: 'embedding', index: 0, embedding: [0.5, 1] },
        { object: 'embedding', index: 1, embedding: [0.25, -1] },
      ],
      usage: { prompt_tokens: 4, total_tokens: 4 },
      inferbridge: { provider: 'openai', model: 'text-embedding-3-small', mode: 'ib/embed' },
    });
    const [row] = await user.logs();
    expect(row).toMatchObject({ mode: 'ib/embed', status: 'success', input_tokens: 4, output_tokens: 0 });
  });

  it('goes to the default tier without a model', async () => {
    const user = await account(parts.gateway, ['openai']);
    parts.upstream.script('openai', vectors([1]));
    expect((await embed(user.key, { input: 'a' })).status).toBe(200);
    expect(await sent('openai')).toMatchObject({ model: 'text-embedding-3-small', input: 'a' });
  });

  it.each<[unknown[], number]>([
    [['a', 'b'], 2],
    [[1, 2, 3], 1],
    [[[1, 2], [3]], 2],
  ])('takes %j as input', async (input, count) => {
    const user = await account(parts.gateway, ['openai']);
    parts.upstream.script('openai', vectors(...Array.from({ length: count }, () => [1])));
    expect((await embed(user.key, { model: 'openai:text-embedding-3-small', input })).status).toBe(200);
    expect((await sent('openai')).input).toEqual(input);
  });

  it('gives base64 where it is asked for and the vendor has only floats', async () => {
    const user = await account(parts.gateway, ['mistral']);
    parts.upstream.script('mistral', vectors([0.5, -2]));
    const response = await embed(user.key, {
      model: 'mistral:mistral-embed',
      input: 'a',
      encoding_format: 'base64',
    });
    const { data } = (await response.json()) as { data: { embedding: string }[] };
    const bytes = Buffer.from(data[0]?.embedding ?? '', 'base64');
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4)]).toEqual([0.5, -2]);
    expect(await sent('mistral')).not.toHaveProperty('encoding_format');
  });

  it('never sends a null format on', async () => {
    const user = await account(parts.gateway, ['openai']);
    parts.upstream.script('openai', vectors([1]));
    await embed(user.key, { model: 'openai:text-embedding-3-small', input: 'a', encoding_format: null });
    expect(await sent('openai')).not.toHaveProperty('encoding_format');
  });

  it('falls back to the same model elsewhere, and never to another one', async () => {
    const user = await account(parts.gateway, ['openai', 'mistral']);
    parts.upstream.script('openai', refusal(503));
    parts.upstream.script('mirror', vectors([1, 0]));
    const before = (await parts.upstream.seen('mistral')).length;
    const response = await embed(user.key, { model: 'my/vectors', input: 'a' });
    expect(await response.json()).toMatchObject({ inferbridge: { provider: 'mirror' } });
    expect((await parts.upstream.seen('mistral')).length).toBe(before);
    const [row] = await user.logs();
    expect(row?.status).toBe('fallback_success');
    expect(row?.attempts).toContainEqual(
      expect.objectContaining({
        provider: 'mistral',
        outcome: 'left_out',
        why: expect.stringContaining('cannot be compared'),
      }),
    );
  });

  it('never changes its model because the caller lacks a key for the first one', async () => {
    const user = await account(parts.gateway, ['mistral']);
    parts.upstream.script('mirror', vectors([1, 0]));
    const response = await embed(user.key, { model: 'my/vectors', input: 'a' });
    expect(await response.json()).toMatchObject({ inferbridge: { provider: 'mirror' } });
  });

  it.each([
    [{ model: 'ib/embed' }, 'input'],
    [{ model: 'ib/embed', input: '' }, 'input'],
    [{ model: 'ib/embed', input: [] }, 'input'],
    [{ model: 'ib/embed', input: 'a', encoding_format: 'hex' }, 'encoding_format'],
    [{ model: 'ib/embed', input: 'a', dimensions: 0 }, 'dimensions'],
  ])('refuses %j with 422 and the field', async (body, param) => {
    const user = await account(parts.gateway, ['openai']);
    const response = await embed(user.key, body);
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ error: { param, code: 'validation_error' } });
  });

  it('is a 400 at a vendor without embeddings', async () => {
    const user = await account(parts.gateway, ['groq']);
    const response = await embed(user.key, { model: 'groq:openai/gpt-oss-20b', input: 'a' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'unsupported_parameter' } });
  });

  it('wants a key', async () => {
    expect((await embed('ib_nobody', { input: 'a' })).status).toBe(401);
  });

  it.skipIf(!haveFixtures)(`gives a recorded answer back unchanged${WITHOUT}`, async () => {
    const user = await account(parts.gateway, ['openai']);
    const act = recordedBody('openai/other/openai-embedding.json');
    parts.upstream.script('openai', act);
    const response = await embed(user.key, { model: 'openai:text-embedding-3-large', input: ['a', 'b'] });
    const { inferbridge: _, ...body } = (await response.json()) as Record<string, unknown>;
    expect(body).toEqual(JSON.parse('body' in act ? act.body : ''));
  });
});
