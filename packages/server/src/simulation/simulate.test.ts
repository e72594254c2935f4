import { describe, expect, it } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import { chartSvg } from './chart.ts';
import { parseScenario } from './scenario.ts';
import { simulate } from './simulate.ts';
import { type Summary, summarise } from './summary.ts';
import { summaryText } from './table.ts';

const TARGETS = ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b', 'mistral:mistral-medium-latest'];
const configOf = (tier: object) => ({ config: parseConfig({ tiers: { t: tier } }, { env: {} }), base: '/' });
const STEADY = { default: { firstContent: { p50: '300ms', p95: '600ms' }, tokensPerSecond: 200, errors: 0 } };

async function run(tier: object, scenario: object, seed = 1): Promise<Summary> {
  const parsed = parseScenario({
    duration: '10m',
    requests: 1_000,
    traffic: [{ model: 't' }],
    providers: STEADY,
    ...scenario,
  });
  return summarise(await simulate(configOf(tier), parsed, seed));
}

describe('simulate', () => {
  it('gives the same run for the same seed, and another for another', async () => {
    const scenario = { events: [{ provider: 'openai', fault: 500, share: 0.3 }] };
    const first = await run({ targets: TARGETS }, scenario, 7);
    expect(await run({ targets: TARGETS }, scenario, 7)).toEqual(first);
    expect(await run({ targets: TARGETS }, scenario, 8)).not.toEqual(first);
  });

  it('serves everybody from the first while nothing happens', async () => {
    const summary = await run({ targets: TARGETS }, {});
    expect(summary).toMatchObject({
      requests: 1_000,
      outcomes: { ok: 1_000, cut: 0, error: 0, left: 0 },
      success_rate: 1,
      fallback_share: 0,
      providers: { openai: { attempts: 1_000, served: 1_000, failed: 0, aborted: 0 } },
    });
    expect(summary.first_content_ms.p50).toBeGreaterThan(200);
    expect(summary.cost_usd).toBeGreaterThan(0);
    expect(summary.over_time.reduce((sum, slice) => sum + slice.requests, 0)).toBe(1_000);
  });

  it('shows an outage where it was, who stood in, and that nobody noticed', async () => {
    const summary = await run(
      { targets: TARGETS },
      { events: [{ provider: 'openai', fault: 503, from: '2m', for: '3m' }] },
    );
    expect(summary.success_rate).toBe(1);
    const served = (minute: number) => summary.over_time[minute * 6 + 3]?.served ?? {};
    expect(served(0)['groq']).toBeUndefined();
    expect(served(3)['openai']).toBeUndefined();
    expect(served(3)['groq']).toBeGreaterThan(0);
    expect(served(8)['groq']).toBeUndefined();
    expect(summary.providers['openai']?.failed).toBeLessThan(40);
  });

  it('keeps to a limit for as long as it says', async () => {
    const summary = await run(
      { targets: TARGETS.slice(0, 1) },
      { events: [{ provider: 'openai', fault: 429, retryAfter: '60s', from: '2m', for: '90s' }] },
    );
    expect(summary.errors['rate_limited']).toBeGreaterThan(100);
    expect(summary.providers['openai']?.failed).toBeLessThan(20);
  });

  it('tells cut streams and impatient clients apart from errors', async () => {
    const cut = await run(
      { targets: TARGETS },
      { traffic: [{ model: 't', stream: 1 }], events: [{ provider: 'openai', fault: 'cut', share: 0.2 }] },
    );
    expect(cut.outcomes.cut).toBeGreaterThan(120);
    expect(cut.outcomes.error).toBe(0);
    const left = await run(
      { targets: TARGETS.slice(0, 1) },
      { traffic: [{ model: 't', patience: '200ms' }] },
    );
    expect(left.outcomes.left).toBeGreaterThan(500);
  });

  it('shows what a hedge gains and costs', async () => {
    const slow = {
      traffic: [{ model: 't', stream: 1 }],
      events: [{ provider: 'openai', firstContent: { p50: '300ms', p95: '9s' } }],
    };
    const plain = await run({ targets: TARGETS }, slow);
    const cap = { share: 0.5 };
    const hedged = await run({ strategy: ['hedge', { afterMs: 1_000, cap }], targets: TARGETS }, slow);
    expect(hedged.first_content_ms.p95).toBeLessThan((plain.first_content_ms.p95 ?? 0) / 2);
    expect(hedged.attempts_cost_usd).toBeGreaterThan(hedged.cost_usd);
    expect(hedged.providers['openai']?.aborted).toBeGreaterThan(50);
  });

  it('prices losers and pictures as the real engine does, whole answers and streams', async () => {
    for (const stream of [0, 1]) {
      const raced = await run(
        { strategy: 'race', targets: TARGETS },
        { requests: 50, traffic: [{ model: 't', stream }] },
      );
      expect(raced.attempts_cost_usd).toBeGreaterThan(raced.cost_usd);
    }
    const tokens = { model: 't', inputTokens: [5_000, 5_000], outputTokens: [10, 10] };
    const cost = async (images: number) =>
      (await run({ targets: TARGETS }, { requests: 50, traffic: [{ ...tokens, images }] })).cost_usd;
    expect((await cost(1)) / (await cost(0))).toBeCloseTo(1, 1);
  });

  it.each([408, 409, 425, 500, 503, 529])(
    'classes %i as the providers’ own files do: the next one answers',
    async (fault) => {
      const summary = await run(
        { targets: TARGETS },
        { requests: 20, events: [{ provider: 'openai', fault }] },
      );
      expect(summary.success_rate).toBe(1);
    },
  );

  it('forgives a target that failed before its first success', async () => {
    const slow = { groq: { firstContent: { p50: '900ms', p95: '1200ms' }, tokensPerSecond: 200, errors: 0 } };
    for (const seed of [1, 2, 3]) {
      const summary = await run(
        { strategy: 'latency', targets: TARGETS.slice(0, 2) },
        { providers: { ...STEADY, ...slow }, events: [{ provider: 'openai', fault: 500, for: '2s' }] },
        seed,
      );
      expect(summary.providers['openai']?.served).toBeGreaterThan(400);
    }
  });

  it('splits an experiment as it says', async () => {
    const { arms } = await run(
      { strategy: ['ab', { weights: [3, 1] }], targets: TARGETS.slice(0, 2) },
      { traffic: [{ model: 't', users: 5_000 }] },
    );
    expect((arms['A'] ?? 0) / 1_000).toBeCloseTo(0.75, 1);
  });

  it('runs with the keys that it is told, and stops at names that mean nothing', async () => {
    expect(Object.keys((await run({ targets: TARGETS }, { keys: ['mistral'] })).providers)).toEqual([
      'mistral',
    ]);
    await expect(run({ targets: TARGETS }, { keys: ['opnai'] })).rejects.toThrow(
      'keys: no provider named "opnai"',
    );
    await expect(run({ targets: TARGETS }, { traffic: [{ model: 'ib/nothing' }] })).rejects.toThrow(
      'traffic[0].model: no tier named "ib/nothing"',
    );
    await expect(run({ targets: TARGETS }, { traffic: [{ model: 'nope:x' }] })).rejects.toThrow(
      'no tier named "nope:x"',
    );
    await expect(
      run({ targets: TARGETS }, { events: [{ provider: 'openai', model: 'gpt-6-lun', fault: 500 }] }),
    ).rejects.toThrow('events[0].model: no tier and no traffic asks openai for "gpt-6-lun"');
    await expect(
      run({ targets: TARGETS }, { events: [{ provider: 'openai', fault: 500, from: '2h' }] }),
    ).rejects.toThrow('events[0].from: it begins when the traffic is over');
    await expect(run({ targets: TARGETS }, { events: [{ provider: 'opnai', fault: 500 }] })).rejects.toThrow(
      'events[0].provider: no provider named "opnai"',
    );
  });
});

describe('a scenario', () => {
  it.each([
    [{}, 'traffic: '],
    [
      { traffic: [{ model: 't' }], duration: '10 fortnights' },
      'duration: a duration is wanted: 500ms, 90s, 10m, 2h',
    ],
    [{ traffic: [{ model: 't' }], events: [{ provider: 'openai' }] }, 'events[0]: say what happens'],
    [
      { traffic: [{ model: 't' }], events: [{ provider: 'openai', fault: 200 }] },
      'events[0].fault: a status from 400 to 599',
    ],
    [{ traffic: [{ model: 't', inputTokens: [9, 3] }] }, 'traffic[0].inputTokens: the first number'],
    [
      { traffic: [{ model: 't' }], providers: { groq: { firstContent: { p50: '2s', p95: '1s' } } } },
      'providers.groq.firstContent: p95 must be',
    ],
    [{ traffic: [{ model: 't' }], evnts: [] }, 'Unrecognized key: "evnts"'],
  ])('is refused with its place: %j', (raw, why) => {
    expect(() => parseScenario(raw, 'outage.yaml')).toThrow(why);
  });
});

describe('what is printed', () => {
  it('is a table, and a chart whose bars add up', async () => {
    const summary = await run(
      { targets: TARGETS },
      { events: [{ provider: 'openai', fault: 503, from: '5m' }] },
    );
    const text = summaryText(summary);
    expect(text).toContain('success               100.00 %');
    expect(text).toMatch(/groq +\d+ +\d+ +0 +0/);
    const svg = chartSvg(summary);
    expect(svg).toMatch(/^<svg xmlns/);
    expect(svg.match(/<polyline/g)).toHaveLength(2);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });
});
