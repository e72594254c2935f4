import { describe, expect, it } from 'vitest';
import { type Account, account } from '../support/account.ts';
import { completion, limited, refusal } from '../support/answers.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { standard, vendors } from '../support/standard.ts';

const TIERS = { quick: { targets: ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b'] } };
const parts = standard({ config: (url) => ({ providers: vendors(url), tiers: TIERS }) });

interface Health {
  readonly provider: string;
  readonly model: string;
  readonly state: string;
  readonly until: string | null;
  readonly why?: string;
  readonly last_5_minutes: Window;
  readonly last_hour: Window;
  readonly last_day: Window;
}
interface Window {
  readonly requests: number;
  readonly success_rate: number | null;
  readonly errors: Record<string, number>;
  readonly first_content_ms: { p50: number | null; p95: number | null };
  readonly total_ms: { p50: number | null; p95: number | null };
}

async function healthOf(gateway: TestGateway, user: Account, model: string): Promise<Health | undefined> {
  const response = await gateway.fetch('/v1/providers/health', { key: user.key });
  expect(response.status).toBe(200);
  const { data } = (await response.json()) as { data: Health[] };
  return data.find((one) => `${one.provider}:${one.model}` === model);
}

describe('GET /v1/providers/health', () => {
  it('tells how each one did for this caller, and for nobody else', async () => {
    const [user, other] = [
      await account(parts.gateway, ['openai', 'groq']),
      await account(parts.gateway, ['openai']),
    ];
    parts.upstream.script(
      'openai',
      { ...completion('a'), afterMs: 60 } as never,
      refusal(500),
      refusal(400, { message: 'bad' }),
    );
    parts.upstream.script('groq', completion('b'));
    for (let i = 0; i < 3; i++) await user.chat({ model: 'quick' });
    const openai = await healthOf(parts.gateway, user, 'openai:gpt-6-luna');
    expect(openai).toMatchObject({ state: 'ok', until: null });
    for (const window of [openai?.last_5_minutes, openai?.last_hour, openai?.last_day]) {
      expect(window).toMatchObject({
        requests: 3,
        success_rate: 0.5,
        errors: { server_error: 1, invalid_request: 1 },
      });
      expect(window?.total_ms.p50).toBeGreaterThanOrEqual(50);
      expect(window?.total_ms.p50).toBeLessThan(400);
      expect(window?.first_content_ms.p95).toBeGreaterThanOrEqual(50);
    }
    expect((await healthOf(parts.gateway, user, 'groq:openai/gpt-oss-20b'))?.last_hour).toMatchObject({
      requests: 1,
      success_rate: 1,
    });
    expect((await healthOf(parts.gateway, other, 'openai:gpt-6-luna'))?.last_day).toEqual({
      requests: 0,
      success_rate: null,
      errors: {},
      first_content_ms: { p50: null, p95: null },
      total_ms: { p50: null, p95: null },
    });
    expect(await healthOf(parts.gateway, other, 'groq:openai/gpt-oss-20b')).toBeUndefined();
  });

  it('says who cools down and whose breaker is open, and until when', async () => {
    const user = await account(parts.gateway, ['openai', 'groq']);
    parts.upstream.script('openai', limited('40'));
    parts.upstream.script('groq', refusal(500));
    for (let i = 0; i < 5; i++) await user.chat({ model: 'groq:openai/gpt-oss-20b' });
    await user.chat({ model: 'openai:gpt-6-luna' });
    const openai = await healthOf(parts.gateway, user, 'openai:gpt-6-luna');
    expect(openai).toMatchObject({ state: 'cooling', why: 'cooling down after a rate limit' });
    expect(Date.parse(openai?.until ?? '')).toBeGreaterThan(Date.now() + 30_000);
    expect(await healthOf(parts.gateway, user, 'groq:openai/gpt-oss-20b')).toMatchObject({
      state: 'open',
      until: expect.any(String),
    });
  });

  it('remembers over a restart', async () => {
    const first = await startGateway({ config: { providers: vendors(parts.upstream.url), tiers: TIERS } });
    const user = await account(first, ['openai']);
    parts.upstream.script('openai', completion('a'));
    await user.chat({ model: 'quick' });
    await first.stop();
    const second = await startGateway({
      dir: first.dir,
      config: { providers: vendors(parts.upstream.url), tiers: TIERS },
    });
    await fetch(`${second.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${user.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'quick', messages: [{ role: 'user', content: 'hi' }] }),
    });
    expect((await healthOf(second, user, 'openai:gpt-6-luna'))?.last_hour.requests).toBe(2);
    await second.close();
  });
});

describe('active health checks', () => {
  it('keep requests from a provider of the operator’s that is down, and let them back when it is up', async () => {
    const { upstream } = parts;
    const gateway = await startGateway({
      config: {
        providers: {
          lab: { use: 'vllm', baseUrl: `${upstream.url}/lab/v1`, healthCheckSeconds: 1 },
          spare: { use: 'vllm', baseUrl: `${upstream.url}/spare/v1`, healthCheckSeconds: 0 },
        },
        tiers: { own: { targets: ['lab:m', 'spare:m'] } },
      },
    });
    const user = await account(gateway);
    upstream.script('lab', completion('from the lab'));
    upstream.script('spare', completion('from the spare'));
    const served = async () =>
      ((await (await user.chat({ model: 'own' })).json()) as { inferbridge: { provider: string } })
        .inferbridge.provider;
    expect(await served()).toBe('lab');
    upstream.script('lab', refusal(503));
    const state = async () => (await healthOf(gateway, user, 'lab:m'))?.state;
    await expect.poll(state, { timeout: 10_000, interval: 100 }).toBe('open');
    await upstream.clear();
    expect(await served()).toBe('spare');
    expect((await upstream.seen('lab')).filter(({ path }) => path.includes('chat'))).toEqual([]);
    upstream.script('lab', completion('from the lab'));
    await expect.poll(state, { timeout: 10_000, interval: 100 }).toBe('ok');
    expect(await served()).toBe('lab');
    expect((await upstream.seen('spare')).filter(({ path }) => !path.includes('chat'))).toEqual([]);
    await gateway.close();
  });
});

describe('several keys of the operator', () => {
  it('take turns, and stand in for each other', async () => {
    const { upstream } = parts;
    const gateway = await startGateway({
      config: {
        providers: {
          ...vendors(upstream.url),
          openai: { baseUrl: `${upstream.url}/openai/v1`, apiKeys: ['sk-one', 'sk-two'] },
        },
        tiers: { quick: { targets: ['openai:gpt-6-luna'] } },
      },
    });
    const user = await account(gateway);
    await upstream.clear();
    upstream.script('openai', completion('hi'));
    for (let i = 0; i < 20; i++) await user.chat({ model: i % 2 ? 'quick' : 'openai:gpt-6-luna' });
    for (let i = 0; i < 20; i++) await user.chat({}, { 'x-inferbridge-override-model': 'openai:gpt-6-luna' });
    const keys = (await upstream.seen('openai')).map(({ headers }) => headers['authorization']);
    for (const key of ['Bearer sk-one', 'Bearer sk-two'])
      expect(keys.filter((one) => one === key).length).toBeGreaterThan(8);
    upstream.script('openai', refusal(401), completion('hi'));
    expect((await user.chat({ model: 'quick' })).status).toBe(200);
    await gateway.close();
  });
});
