import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { completion, refusal, streamed } from '../support/answers.ts';
import { standard, vendors } from '../support/standard.ts';
import { asking } from './wire.ts';

const parts = standard({
  config: (url) => ({
    providers: vendors(url),
    tiers: {
      two: { targets: ['openai:gpt-test', 'groq:gpt-test'], retries: 0 },
      india: { targets: ['openai:gpt-test', 'sarvam:sarvam-105b', 'krutrim:Krutrim-spectre-v2'], retries: 0 },
      trial: { strategy: ['ab', { weights: [1, 1], by: 'session' }], targets: ['openai:a', 'groq:b'] },
    },
  }),
});
const HELLO = { whole: completion('Hello.'), stream: streamed('Hello.') };

interface Body {
  readonly inferbridge: Record<string, unknown>;
  readonly error: { type: string; message: string; param: string | null };
}

async function ask(headers: Record<string, string>, body: object = {}, held = ['openai', 'groq', 'sarvam']) {
  const user = await account(parts.gateway, held);
  for (const provider of held) parts.upstream.script(provider, HELLO);
  const response = await user.chat({ model: 'two', ...body }, headers);
  return { user, status: response.status, body: (await response.json()) as Body };
}

describe.each(['X-InferBridge', 'X-Agni'])('%s', (prefix) => {
  it('-Override-Model skips the tier: its mode is override, and nobody else is called', async () => {
    const headers = { [`${prefix}-Override-Model`]: 'groq:any/model:at-all' };
    const { body } = await ask(headers);
    expect(body.inferbridge).toMatchObject({ mode: 'override', provider: 'groq', model: 'any/model:at-all' });
    const user = await account(parts.gateway, ['openai', 'groq']);
    parts.upstream.script('groq', refusal(503, { message: 'groq is busy' }));
    await parts.upstream.clear();
    const failed = await user.chat({ model: 'two' }, headers);
    expect(failed.status).toBe(503);
    expect(await failed.json()).toMatchObject({ error: { message: 'groq is busy', code: null } });
    expect((await parts.upstream.seen()).map(({ vendor }) => vendor)).toEqual(['groq']);
    expect((await ask({ [`${prefix}-Override-Model`]: 'groq' })).status).toBe(422);
  });

  it('-Residency holds to its bucket, or is a 422', async () => {
    expect(
      (await ask({ [`${prefix}-Residency`]: 'india' }, { model: 'india' })).body.inferbridge,
    ).toMatchObject({
      provider: 'sarvam',
      residency_actual: 'india',
    });
    const { status, body } = await ask({ [`${prefix}-Residency`]: 'eu' });
    expect([status, body.error.type]).toEqual([422, 'residency_error']);
  });

  it('-Timeout bounds each attempt, and is at least a second', async () => {
    const user = await account(parts.gateway, ['openai', 'groq']);
    parts.upstream.script('openai', { hang: true });
    parts.upstream.script('groq', HELLO);
    for (const stream of [false, true]) {
      const at = performance.now();
      const response = await user.chat({ model: 'two', stream }, { [`${prefix}-Timeout`]: '0.01' });
      expect(await response.text()).toContain('"provider":"groq"');
      expect(performance.now() - at).toBeGreaterThan(950);
      expect(performance.now() - at).toBeLessThan(10_000); // the machine may be busy; without the header it is thirty
    }
    parts.upstream.script('groq', { hang: true });
    const failed = await user.chat({ model: 'two' }, { [`${prefix}-Timeout`]: '1' });
    expect(failed.status).toBe(504);
    expect((await ask({ [`${prefix}-Timeout`]: 'soon' })).status).toBe(422);
  });

  it('-Cache opts in, and nothing but true does', async () => {
    const user = await account(parts.gateway, ['openai']);
    parts.upstream.script('openai', HELLO);
    const hit = async (value: string | null) => {
      const response = await user.chat(
        { model: 'two' },
        value === null ? {} : { [`${prefix}-Cache`]: value },
      );
      return ((await response.json()) as Body).inferbridge['cache_hit'];
    };
    expect([await hit(null), await hit('false'), await hit('true')]).toEqual([false, false, false]);
    expect([await hit('true'), await hit(null), await hit('false')]).toEqual([true, false, false]);
  });

  it('-Cache-TTL that is no number is a 422', async () => {
    expect((await ask({ [`${prefix}-Cache`]: 'true', [`${prefix}-Cache-TTL`]: 'an hour' })).status).toBe(422);
    expect((await ask({ [`${prefix}-Cache`]: 'true', [`${prefix}-Cache-TTL`]: '5' })).status).toBe(200);
  });
});

it('where a header comes under both names the new one wins', async () => {
  const { body } = await ask({
    'x-agni-override-model': 'openai:old',
    'x-inferbridge-override-model': 'groq:new',
    'x-agni-residency': 'eu',
    'x-inferbridge-residency': 'global',
    'x-agni-timeout': 'junk',
    'x-inferbridge-timeout': '30',
  });
  expect(body.inferbridge).toMatchObject({ provider: 'groq', model: 'new' });
});

describe('residency', () => {
  it('is never left for another bucket, also when all in it fail', async () => {
    const user = await account(parts.gateway, ['openai', 'sarvam', 'krutrim']);
    for (const one of ['sarvam', 'krutrim']) parts.upstream.script(one, refusal(500));
    parts.upstream.script('openai', HELLO);
    await parts.upstream.clear();
    expect((await user.chat({ model: 'india' }, { 'x-inferbridge-residency': 'india' })).status).toBe(502);
    expect(await parts.upstream.seen('openai')).toEqual([]);
  });

  it.each([
    ['an override', {}, { 'x-inferbridge-override-model': 'openai:gpt-test' }],
    ['a direct name', { model: 'openai:gpt-test' }, {}],
    ['a bare name', { model: 'gpt-6-luna' }, {}],
    ['a chain', { models: ['openai:gpt-test', 'groq:gpt-test'] }, {}],
    ['a stream', { stream: true }, {}],
  ])('holds for %s as well', async (_, asked, headers) => {
    await parts.upstream.clear();
    const { status, body } = await ask({ 'x-inferbridge-residency': 'eu', ...headers }, asked);
    expect([status, body.error.type]).toEqual([422, 'residency_error']);
    expect((await parts.upstream.seen()).filter(({ path }) => path.includes('completions'))).toEqual([]);
  });
});

describe('X-Request-ID', () => {
  it.each([
    ['GET', '/live', 200],
    ['GET', '/health', 200],
    ['GET', '/nowhere', 404],
    ['GET', '/v1/chat/completions', 405],
    ['GET', '/v1/keys', 200],
    ['GET', '/v1/logs?limit=x', 422],
    ['POST', '/v1/chat/completions', 400],
    ['POST', '/v1/embeddings', 422],
    ['POST', '/v1/messages', 400],
  ])('comes back on %s %s, which answers %i', async (method, path, status) => {
    const { key } = await account(parts.gateway);
    const id = `Mine-_${'x'.repeat(122)}`;
    const body = method === 'GET' ? undefined : path.endsWith('completions') ? '{' : {};
    const answer = await asking(() => parts.gateway, key)(method, path, body, { 'x-request-id': id });
    expect([answer.status, answer.headers.get('x-request-id')]).toEqual([status, id]);
    const bare = await asking(() => parts.gateway)(method, path, body, { 'x-request-id': id });
    expect(bare.headers.get('x-request-id')).toBe(id);
  });

  it('is stored on the log row, in the block and on streams, and a bad one is replaced by a UUID everywhere', async () => {
    const user = await account(parts.gateway, ['openai']);
    parts.upstream.script('openai', HELLO);
    for (const [given, stream] of [
      ['mine_1', false],
      ['mine_2', true],
      ['x'.repeat(129), false],
      ['a.b', true],
    ] as const) {
      const response = await user.chat({ model: 'two', stream }, { 'x-request-id': given });
      const told = response.headers.get('x-request-id') ?? '';
      expect(told).toMatch(given.startsWith('mine') ? new RegExp(`^${given}$`) : /^[0-9a-f-]{36}$/);
      expect(await response.text()).toContain(`"request_id":"${told}"`);
      expect((await user.logs())[0]).toMatchObject({ request_id: told });
    }
  });
});

it('X-InferBridge-Session keeps a caller on an arm', async () => {
  const user = await account(parts.gateway, ['openai', 'groq']);
  for (const one of ['openai', 'groq']) parts.upstream.script(one, HELLO);
  const served = new Map<string, Set<unknown>>();
  for (const session of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
    for (let again = 0; again < 3; again++) {
      const response = await user.chat({ model: 'trial' }, { 'x-inferbridge-session': session });
      const { provider } = ((await response.json()) as Body).inferbridge;
      served.set(session, (served.get(session) ?? new Set()).add(provider));
    }
  expect([...served.values()].map(({ size }) => size)).toEqual(Array(8).fill(1));
  expect(new Set([...served.values()].flatMap((one) => [...one])).size).toBe(2);
});
