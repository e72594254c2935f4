import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { completion, refusal } from '../support/answers.ts';
import { startGateway } from '../support/gateway.ts';
import { standard, vendors } from '../support/standard.ts';
import type { Act } from '../support/upstream.ts';
import { startTimed } from './clock.ts';
import { asking, fields, MICROS } from './wire.ts';

const TIERS = {
  one: { targets: ['openai:gpt-6-luna'], retries: 0 },
  eu: { targets: ['mistral:mistral-medium-latest'], retries: 0 },
};
const parts = standard({ config: (url) => ({ providers: vendors(url), tiers: TIERS }) });
const day = (from: number) => encodeURIComponent(new Date(Date.now() + from * 86_400_000).toISOString());

describe('GET /v1/stats', () => {
  it('sums what a user asked, with cache hits left out of the latency', async () => {
    const user = await account(parts.gateway, ['openai', 'mistral']);
    parts.upstream.script('openai', { ...(completion('Hello.') as object), afterMs: 200 } as Act);
    parts.upstream.script('mistral', refusal(500));
    const cached = { 'x-inferbridge-cache': 'true' };
    for (let i = 0; i < 4; i++) await user.chat({ model: 'one' }, cached);
    await user.chat({ model: 'eu' });
    const { status, body } = await asking(() => parts.gateway, user.key)('GET', '/v1/stats');
    expect(status).toBe(200);
    expect(fields(body)).toEqual([
      'by_mode',
      'by_provider',
      'by_residency',
      'by_status',
      'pricing',
      'range',
      'totals',
    ]);
    const rows = await user.logs();
    const called = rows.filter(({ cache_hit: hit }) => !hit);
    expect(body.totals).toMatchObject({
      requests: 5,
      cost_usd: rows.reduce((sum, row) => sum + Number(row.cost_usd), 0).toFixed(6),
      input_tokens: rows.reduce((sum, row) => sum + (row.input_tokens ?? 0), 0),
      output_tokens: rows.reduce((sum, row) => sum + (row.output_tokens ?? 0), 0),
      cache_hits: 3,
      cache_hit_rate: 0.6,
    });
    const average = called.reduce((sum, row) => sum + Number(row['latency_ms']), 0) / called.length;
    expect(Math.abs(body.totals.avg_latency_ms - average)).toBeLessThanOrEqual(1);
    expect(body.totals.avg_latency_ms).toBeGreaterThanOrEqual(100);
    const counts = (by: Record<string, { requests: number }>) =>
      Object.fromEntries(Object.entries(by).map(([name, { requests }]) => [name, requests]));
    expect(counts(body.by_mode)).toEqual({ one: 4, eu: 1 });
    expect(counts(body.by_provider)).toMatchObject({ openai: 1, cache: 3 });
    expect(fields(body.by_residency)).toContain('global');
    expect(counts(body.by_status)).toEqual({ success: 1, cache_hit: 3, error: 1 });
    expect(Number.isNaN(Date.parse(body.pricing.last_updated))).toBe(false);
  });

  it('covers the last seven days unless told otherwise', async () => {
    const config = { providers: vendors(parts.upstream.url), tiers: TIERS };
    const old = await startTimed({ config, aheadSeconds: -7.5 * 86_400 });
    const user = await account(old, ['openai']);
    parts.upstream.script('openai', completion('Hello.'));
    await user.chat({ model: 'one' });
    await old.ahead(-6.5 * 86_400);
    await user.chat({ model: 'one' });
    await user.logs();
    await old.stop();
    const now = await startGateway({ dir: old.dir, config });
    const call = asking(() => now, user.key);
    const { range, totals } = (await call('GET', '/v1/stats')).body;
    expect([range.since, range.until].every((time) => MICROS.test(time))).toBe(true);
    expect(Math.round((Date.parse(range.until) - Date.parse(range.since)) / 1000)).toBe(7 * 86_400);
    expect(totals.requests).toBe(1);
    const asked = async (query: string) => (await call('GET', `/v1/stats?${query}`)).body.totals.requests;
    expect(await asked(`since=${day(-8)}`)).toBe(2);
    expect(await asked(`since=${day(-8)}&until=${day(-7)}`)).toBe(1);
    await now.close();
  });

  it.each([
    [`since=${day(-89.9)}`, 200],
    [`since=${day(-90.1)}`, 422],
    [`since=${day(-1)}&until=${day(-1)}`, 422],
    [`since=${day(1)}`, 422],
    ['since=2026-01-01', 422],
    ['until=2026-01-01T00:00:00', 422],
  ])('for %s answers %i', async (query, status) => {
    const { key } = await account(parts.gateway);
    const answer = await asking(() => parts.gateway, key)('GET', `/v1/stats?${query}`);
    expect(answer.status).toBe(status);
    if (status === 422) expect(answer.body.error.code).toBe('validation_error');
  });

  it('is empty, not broken, for who has asked nothing', async () => {
    const { key } = await account(parts.gateway);
    const { body } = await asking(() => parts.gateway, key)('GET', '/v1/stats');
    expect(body.totals).toMatchObject({
      requests: 0,
      cost_usd: '0.000000',
      cache_hit_rate: 0,
      avg_latency_ms: 0,
    });
    expect(body.by_mode).toEqual({});
  });
});
