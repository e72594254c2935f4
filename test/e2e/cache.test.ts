import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Account, account, events } from '../support/account.ts';
import { broken, completion, refusal, streamed } from '../support/answers.ts';
import { standard, vendors } from '../support/standard.ts';
import type { Act } from '../support/upstream.ts';

const parts = standard({
  config: (url) => ({
    providers: vendors(url),
    tiers: {
      one: { targets: ['openai:gpt-6-luna'] },
      two: { targets: ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b'], timeouts: { firstContentMs: 2_000 } },
      kept: { targets: ['openai:gpt-6-luna'], cache: true },
      never: { targets: ['openai:gpt-6-luna'], cache: false },
      global: { targets: ['openai:gpt-6-luna', 'mistral:mistral-medium-latest'] },
    },
  }),
});
const CACHE = { 'x-inferbridge-cache': 'true' };
const HELLO = { whole: completion('Hello from it.'), stream: streamed('Hello from it.') };

interface Body {
  readonly id: string;
  readonly choices: readonly { message: { content: string } }[];
  readonly usage: object;
  readonly inferbridge: Record<string, unknown>;
}
const ask = async (user: Account, body: object = {}, headers: Record<string, string> = CACHE) => {
  const response = await user.chat({ model: 'one', ...body }, headers);
  return { response, body: (await response.json()) as Body };
};
const setUp = async (...acts: Act[]) => {
  const user = await account(parts.gateway, ['openai', 'groq']);
  parts.upstream.script('openai', ...(acts.length > 0 ? acts : [HELLO]));
  const { length: before } = await parts.upstream.seen('openai');
  return { user, calls: async () => (await parts.upstream.seen('openai')).length - before };
};

describe('the cache', () => {
  it('answers what it was asked before, and costs nothing', async () => {
    const { user, calls } = await setUp();
    const first = await ask(user);
    expect(first.body.inferbridge).toMatchObject({ cache_hit: false, provider: 'openai' });
    const again = await ask(user);
    expect(await calls()).toBe(1);
    expect(again.body.inferbridge).toMatchObject({
      cache_hit: true,
      provider: 'cache',
      model: 'openai:gpt-6-luna',
      cost_usd: '0.000000',
      residency_actual: 'cache',
    });
    for (const field of ['id', 'choices', 'usage'] as const)
      expect(again.body[field]).toEqual(first.body[field]);
    const [hit, miss] = await user.logs();
    expect(miss).toMatchObject({ status: 'success', cache_hit: false });
    expect(hit).toMatchObject({
      status: 'cache_hit',
      cache_hit: true,
      provider: 'cache',
      cost_usd: '0.000000',
    });
  });

  it('serves whoever streams and whoever does not from one entry, whichever came first', async () => {
    for (const first of [true, false]) {
      const { user, calls } = await setUp();
      const texts: string[] = [];
      for (const stream of [first, !first, first]) {
        const response = await user.chat({ model: 'one', stream, seed: Number(first) }, CACHE);
        if (stream) {
          const told = await events(response);
          expect(told.at(-1)).toBe('[DONE]');
          texts.push(textIn(told));
          const block = blockIn(told);
          expect(block['cache_hit']).toBe(texts.length > 1);
          expect(told.some((event) => event !== '[DONE]' && (event['choices'] as []).length === 0)).toBe(
            false,
          );
        } else {
          const body = (await response.json()) as Body;
          texts.push(body.choices[0]?.message.content ?? '');
          expect(body.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 5 });
        }
      }
      expect(texts).toEqual(Array(3).fill('Hello from it.'));
      expect(await calls()).toBe(1);
    }
  });

  it('asks anew for whatever may change the answer, and not for what cannot', async () => {
    const { user, calls } = await setUp();
    const base = { temperature: 0.5, max_tokens: 10 };
    await ask(user, base);
    const text = JSON.stringify({
      max_tokens: 1e1,
      messages: [{ content: 'Say hello.', role: 'user' }],
      temperature: 0.5,
    });
    const same = await parts.gateway.fetch('/v1/chat/completions', {
      method: 'POST',
      key: user.key,
      headers: CACHE,
      body: `{ "model" : "one",\n "user": "somebody", "metadata": {"a": "b"}, ${text.slice(1).replace('0.5', '5E-1')}`,
    });
    expect(((await same.json()) as Body).inferbridge).toMatchObject({ cache_hit: true });
    const others = [
      { temperature: 0.6 },
      { max_tokens: 11 },
      { n: 2 },
      { seed: 1 },
      { seed: 9007199254740993n },
      { seed: 9007199254740992n },
      { tools: [] },
      { whatever: 1 },
    ];
    let expected = 1;
    for (const other of others) {
      const body = JSON.stringify(
        { model: 'one', messages: [{ role: 'user', content: 'Say hello.' }], ...base, ...other },
        (_, value) => (typeof value === 'bigint' ? `big${value}` : value),
      ).replace(/"big(\d+)"/, '$1');
      await (
        await parts.gateway.fetch('/v1/chat/completions', {
          method: 'POST',
          key: user.key,
          headers: CACHE,
          body,
        })
      ).text();
      expect(await calls()).toBe(++expected);
    }
  });

  it('is asked for: by header, for a tier, never for another', async () => {
    const { user, calls } = await setUp();
    for (const [model, headers, made] of [
      ['one', {}, 2],
      ['kept', {}, 1],
      ['kept', { 'x-inferbridge-cache': 'false' }, 2],
      ['never', CACHE, 2],
      ['one', { 'x-agni-cache': 'true' }, 0],
    ] as const) {
      const before = await calls();
      for (let i = 0; i < 2; i++) await ask(user, { model }, headers);
      expect([model, headers, (await calls()) - before]).toEqual([model, headers, made]);
    }
  });

  it('keeps users apart', async () => {
    const { user, calls } = await setUp();
    const other = await account(parts.gateway, ['openai']);
    await ask(user);
    expect((await ask(other)).body.inferbridge).toMatchObject({ cache_hit: false });
    expect(await calls()).toBe(2);
  });

  it.each(['no-cache', 'max-age=0'])(
    'Cache-Control: %s passes over what is there, and stores',
    async (control) => {
      const { user, calls } = await setUp();
      await ask(user);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect((await ask(user, {}, { ...CACHE, 'cache-control': control })).body.inferbridge).toMatchObject({
        cache_hit: false,
      });
      expect((await ask(user)).body.inferbridge).toMatchObject({ cache_hit: true });
      expect(await calls()).toBe(2);
    },
  );

  it('Cache-Control: no-store does neither', async () => {
    const { user, calls } = await setUp();
    await ask(user, {}, { ...CACHE, 'cache-control': 'no-store' });
    await ask(user);
    await ask(user, {}, { ...CACHE, 'cache-control': 'no-store' });
    expect(await calls()).toBe(3);
  });

  it('keeps an answer under whoever gave it: the next request tries the first again', async () => {
    const { user, calls } = await setUp(refusal(500), HELLO);
    parts.upstream.script('groq', HELLO);
    expect((await ask(user, { model: 'two' })).body.inferbridge).toMatchObject({
      provider: 'groq',
      cache_hit: false,
    });
    expect((await ask(user, { model: 'two' })).body.inferbridge).toMatchObject({
      provider: 'openai',
      cache_hit: false,
    });
    expect((await ask(user, { model: 'two' })).body.inferbridge).toMatchObject({
      model: 'openai:gpt-6-luna',
      cache_hit: true,
    });
    expect(await calls()).toBe(2);
  });

  it('gives a fresh answer of one who is cooling down', async () => {
    const { user } = await setUp(HELLO, refusal(429, {}, { 'retry-after': '60' }));
    parts.upstream.script('groq', HELLO);
    await ask(user, { model: 'two', seed: 1 });
    await ask(user, { model: 'two', seed: 2 });
    expect((await ask(user, { model: 'two', seed: 1 })).body.inferbridge).toMatchObject({
      model: 'openai:gpt-6-luna',
      cache_hit: true,
    });
  });

  it('stores no error, no stream that broke, and none that its client left', async () => {
    const { user, calls } = await setUp(
      refusal(400, { message: 'bad' }),
      broken('one two', 'reset'),
      { ...streamed('one two three', 100) } as Act,
      HELLO,
    );
    expect((await ask(user)).response.status).toBe(400);
    expect(await (await user.chat({ model: 'one', stream: true }, CACHE)).text()).toContain('"error"');
    const leaving = new AbortController();
    const left = await user.chat({ model: 'one', stream: true }, CACHE, leaving.signal);
    await left.body?.getReader().read();
    leaving.abort();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await ask(user)).body.inferbridge).toMatchObject({ cache_hit: false });
    expect(await calls()).toBe(4);
  });

  it.each(['soon', '', 'NaN', '1e999'])('refuses %j for a time to live', async (ttl) => {
    const { user } = await setUp();
    const { response, body } = await ask(user, {}, { ...CACHE, 'x-inferbridge-cache-ttl': ttl });
    expect(response.status).toBe(422);
    expect(body).toMatchObject({ error: { code: 'validation_error', param: 'X-InferBridge-Cache-TTL' } });
  });

  it('replays a stream at its own pace for those who ask', async () => {
    const { user } = await setUp(streamed('one two three four', 60));
    const timed = async (headers: Record<string, string>) => {
      const at = performance.now();
      await (await user.chat({ model: 'one', stream: true }, { ...CACHE, ...headers })).text();
      return performance.now() - at;
    };
    await timed({});
    expect(await timed({})).toBeLessThan(150);
    expect(await timed({ 'x-inferbridge-cache-pace': 'true' })).toBeGreaterThan(200);
  });
});

const textIn = (told: Awaited<ReturnType<typeof events>>): string =>
  told
    .map((event) => (event === '[DONE]' ? '' : ((event as unknown as Chunk).choices[0]?.delta.content ?? '')))
    .join('');
interface Chunk {
  readonly choices: readonly { delta: { content?: string; inferbridge?: Record<string, unknown> } }[];
}
const blockIn = (told: Awaited<ReturnType<typeof events>>): Record<string, unknown> =>
  told
    .map((event) =>
      event === '[DONE]' ? undefined : (event as unknown as Chunk).choices[0]?.delta.inferbridge,
    )
    .find((block) => block !== undefined) ?? {};

describe('requests that are on their way', () => {
  it.each([false, true])('share one call, streaming: %s', async (stream) => {
    const { user, calls } = await setUp({
      whole: { ...completion('shared words here'), afterMs: 300 } as Act,
      stream: { ...streamed('shared words here', 80), afterMs: 100 } as Act,
    });
    const texts = await Promise.all(
      [0, 60, 250].map(async (ms) => {
        await new Promise((resolve) => setTimeout(resolve, ms));
        return (await user.chat({ model: 'one', stream }, CACHE)).text();
      }),
    );
    expect(await calls()).toBe(1);
    for (const [index, text] of texts.entries()) {
      expect(text.includes('"coalesced":true')).toBe(index > 0);
      expect(text.includes('[DONE]')).toBe(stream);
      expect(text).toContain(stream ? 'words' : 'shared words here');
    }
    const rows = await user.logs();
    expect(rows.map(({ status }) => status).sort()).toEqual(['cache_hit', 'cache_hit', 'success']);
    expect(rows.filter(({ cost_usd: cost }) => cost !== '0.000000')).toHaveLength(1);
  });

  it.each([false, true])('go on when the one who began them leaves, streaming: %s', async (stream) => {
    const { user, calls } = await setUp({
      whole: { ...completion('still here'), afterMs: 400 } as Act,
      stream: { ...streamed('still here and there', 120), afterMs: 50 } as Act,
    });
    const leaving = new AbortController();
    const first = user.chat({ model: 'one', stream }, CACHE, leaving.signal).catch(() => null);
    await new Promise((resolve) => setTimeout(resolve, 60));
    const second = user.chat({ model: 'one', stream }, CACHE);
    await new Promise((resolve) => setTimeout(resolve, 150));
    leaving.abort();
    await first;
    const text = await (await second).text();
    expect(text).toContain(stream ? 'there' : 'still here');
    expect(text).not.toContain('"error"');
    expect(await calls()).toBe(1);
    const rows = await user.logs();
    expect(rows.map(({ status }) => status).sort()).toEqual(['cache_hit', 'error']);
    expect(rows.find(({ status }) => status === 'error')?.attempts).toMatchObject([{ outcome: 'ok' }]);
  });

  it('end upstream when the last of them has left', async () => {
    const { user } = await setUp({
      whole: { ...completion('x'), afterMs: 5_000 } as Act,
      stream: streamed('x'),
    });
    const leaving = [new AbortController(), new AbortController()];
    const asked = leaving.map(({ signal }) => user.chat({ model: 'one' }, CACHE, signal).catch(() => null));
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const one of leaving) one.abort();
    await Promise.all(asked);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect((await parts.upstream.seen('openai')).at(-1)?.closedEarlyAt).not.toBeNull();
  });
});

describe('a stale answer', () => {
  it('is refused where nobody allows it, and none is kept', async () => {
    const { user } = await setUp(HELLO, refusal(500));
    await ask(user);
    const { response } = await ask(user, {}, { ...CACHE, 'cache-control': 'no-cache' });
    expect(response.status).toBe(502);
  });

  it('stands in for a failure where the caller allows it', async () => {
    const { user } = await setUp(HELLO, refusal(500));
    const stale = { ...CACHE, 'x-inferbridge-stale': 'true' };
    await ask(user, {}, stale);
    for (const stream of [false, true]) {
      const response = await user.chat({ model: 'one', stream }, { ...stale, 'cache-control': 'no-cache' });
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('"stale":true');
    }
    const [row] = await user.logs();
    expect(row).toMatchObject({ status: 'cache_hit' });
    expect(row?.attempts[0]).toMatchObject({ outcome: 'server_error' });
  });

  it('never stands in for the caller’s own mistake', async () => {
    const { user } = await setUp(HELLO, refusal(400, { message: 'bad' }));
    const stale = { ...CACHE, 'x-inferbridge-stale': 'true' };
    await ask(user, {}, stale);
    expect((await ask(user, {}, { ...stale, 'cache-control': 'no-cache' })).response.status).toBe(400);
  });
});

describe('Idempotency-Key', () => {
  const KEY = { 'idempotency-key': 'order-17' };

  it('gives the same outcome again, without having asked for the cache', async () => {
    const { user, calls } = await setUp();
    const first = await ask(user, {}, KEY);
    const again = await ask(user, {}, KEY);
    expect(again.response.headers.get('idempotent-replayed')).toBe('true');
    expect(again.body.id).toBe(first.body.id);
    expect(await calls()).toBe(1);
    await ask(user, {}, { 'idempotency-key': 'order-18' });
    expect(await calls()).toBe(2);
  });

  it.each([false, true])('attaches to the call in flight, streaming: %s', async (stream) => {
    const { user, calls } = await setUp({
      whole: { ...completion('x y'), afterMs: 200 } as Act,
      stream: { ...streamed('x y', 40), afterMs: 100 } as Act,
    });
    const texts = await Promise.all(
      [1, 2].map(async () => (await user.chat({ model: 'one', stream }, KEY)).text()),
    );
    expect(await calls()).toBe(1);
    expect(texts.filter((text) => text.includes('coalesced'))).toHaveLength(1);
  });

  it('refuses another request under the same key, in flight and after', async () => {
    const { user } = await setUp({
      whole: { ...completion('x'), afterMs: 200 } as Act,
      stream: streamed('x'),
    });
    const first = ask(user, {}, KEY);
    await new Promise((resolve) => setTimeout(resolve, 60));
    const during = await ask(user, { temperature: 1 }, KEY);
    await first;
    const after = await ask(user, { temperature: 1 }, KEY);
    for (const { response, body } of [during, after]) {
      expect(response.status).toBe(422);
      expect(body).toMatchObject({ error: { code: 'idempotency_key_reused', param: 'Idempotency-Key' } });
    }
  });

  it.each([false, true])('goes on for a client that leaves and asks again, streaming: %s', async (stream) => {
    const { user, calls } = await setUp({
      whole: { ...completion('x y'), afterMs: 600 } as Act,
      stream: { ...streamed('x y', 150), afterMs: 100 } as Act,
    });
    const leave = new AbortController();
    const first = user.chat({ model: 'one', stream }, KEY, leave.signal).then((response) => response.text());
    setTimeout(() => leave.abort(), 300);
    await expect(first).rejects.toThrow();
    const during = await (await user.chat({ model: 'one', stream }, KEY)).text();
    const after = await user.chat({ model: 'one', stream }, KEY);
    expect(after.headers.get('idempotent-replayed')).toBe('true');
    for (const text of [during, await after.text()]) expect(text).toMatch(/x/);
    expect(await calls()).toBe(1);
    const rows = await user.logs();
    expect(rows).toHaveLength(3);
    expect(rows.flatMap(({ attempts }) => attempts).map(({ outcome }) => outcome)).toEqual(['ok']);
  });

  it('is one call for a client that wants it whole and then as a stream', async () => {
    const { user, calls } = await setUp({
      whole: { ...completion('x y'), afterMs: 300 } as Act,
      stream: streamed('x y'),
    });
    const first = ask(user, {}, KEY);
    await new Promise((resolve) => setTimeout(resolve, 60));
    const told = await (await user.chat({ model: 'one', stream: true }, KEY)).text();
    expect((await first).response.status).toBe(200);
    expect(told).toContain('x y');
    expect(told).toContain('[DONE]');
    expect(await calls()).toBe(1);
  });

  it('holds for requests that are too large to be cached', async () => {
    const { user, calls } = await setUp(HELLO);
    const messages = [{ role: 'user', content: 'x'.repeat(5_000_000) }];
    expect((await ask(user, { messages }, KEY)).response.status).toBe(200);
    expect((await ask(user, { messages }, KEY)).response.headers.get('idempotent-replayed')).toBe('true');
    expect((await ask(user, { messages, temperature: 1 }, KEY)).response.status).toBe(422);
    expect(await calls()).toBe(1);
  });

  it('tries a failure anew, and is each user’s own', async () => {
    const { user, calls } = await setUp(refusal(400, { message: 'bad' }), HELLO);
    expect((await ask(user, {}, KEY)).response.status).toBe(400);
    expect((await ask(user, {}, KEY)).response.status).toBe(200);
    const other = await account(parts.gateway, ['openai']);
    expect((await ask(other, {}, KEY)).response.headers.get('idempotent-replayed')).toBeNull();
    expect(await calls()).toBe(3);
  });
});

describe('what is asked elsewhere', () => {
  it.each([
    ['a bucket', { 'x-inferbridge-residency': 'eu' }],
    ['an override', { 'x-inferbridge-override-model': 'mistral:mistral-medium-latest' }],
  ])('in %s is another request under an Idempotency-Key', async (_, headers) => {
    const user = await account(parts.gateway, ['openai', 'mistral']);
    parts.upstream.script('openai', HELLO);
    parts.upstream.script('mistral', HELLO);
    const key = { 'idempotency-key': 'k1' };
    expect((await ask(user, { model: 'global' }, key)).response.status).toBe(200);
    expect((await ask(user, { model: 'global' }, { ...key, ...headers })).response.status).toBe(422);
    expect((await ask(user, { model: 'global' }, key)).response.headers.get('idempotent-replayed')).toBe(
      'true',
    );
    expect((await user.logs())[0]).toMatchObject({ mode: 'global', status: 'cache_hit' });
  });

  it('in another order is not answered by the call in flight', async () => {
    const user = await account(parts.gateway, ['openai', 'groq']);
    const slow = (text: string): Act => ({
      whole: { ...completion(text), afterMs: 200 } as Act,
      stream: streamed(text),
    });
    parts.upstream.script('openai', slow('from openai'));
    parts.upstream.script('groq', slow('from groq'));
    const chains = [
      ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b'],
      ['groq:openai/gpt-oss-20b', 'openai:gpt-6-luna'],
    ];
    const told = await Promise.all(chains.map((models) => ask(user, { models })));
    expect(told.map(({ body }) => body.choices[0]?.message.content)).toEqual(['from openai', 'from groq']);
  });

  it('keeps no old answer under an Idempotency-Key', async () => {
    const { user } = await setUp(HELLO, refusal(500));
    const stale = { ...CACHE, 'x-inferbridge-stale': 'true' };
    await ask(user, {}, stale);
    const again = { ...stale, 'cache-control': 'no-cache', 'idempotency-key': 's1' };
    expect((await ask(user, {}, again)).body.inferbridge).toMatchObject({ stale: true });
    parts.upstream.script('openai', HELLO);
    const { response } = await ask(user, {}, { ...again, 'x-inferbridge-stale': 'false' });
    expect(response.headers.get('idempotent-replayed')).toBeNull();
  });
});

describe('what is kept', () => {
  it('is in the cache alone, for those who asked for it', async () => {
    const { user } = await setUp(
      { whole: completion('sentinel-kept-7431'), stream: streamed('x') },
      { whole: completion('sentinel-not-kept-9912'), stream: streamed('x') },
    );
    await ask(user, { messages: [{ role: 'user', content: 'sentinel-prompt-5520' }] });
    await ask(user, { messages: [{ role: 'user', content: 'sentinel-prompt-5520' }] }, {});
    await user.logs();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const dir = join(parts.gateway.dir, 'data');
    const holding = (word: string) =>
      readdirSync(dir)
        .filter((name) => readFileSync(join(dir, name)).includes(word))
        .map((name) => name.replace(/-(wal|shm)$/, ''));
    expect(new Set(holding('sentinel-kept-7431'))).toEqual(new Set(['cache.sqlite']));
    expect(holding('sentinel-not-kept-9912')).toEqual([]);
    expect(holding('sentinel-prompt-5520')).toEqual([]);
  });
});
