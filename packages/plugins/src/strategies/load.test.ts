import { choicesOf, contextOf, idsOf, seededRandom, strategyContract } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { cheapest } from './cheapest.ts';
import { latency } from './latency.ts';
import { leastBusy } from './least-busy.ts';

const OPEN = { blocked: { blocked: 'open', why: 'its breaker is open', forMs: 5_000 } } as const;
const perToken = (rate: number) => ({
  price: ({ inputTokens = 0, outputTokens = 0 }) => (inputTokens + 4 * outputTokens) * rate,
});

describe('cheapest', () => {
  for (const { name, run } of strategyContract(cheapest)) it(name, run);

  it('sorts by what the request is expected to cost, unknown prices last', () => {
    const choices = choicesOf({ 'a:m': {}, 'b:m': perToken(3e-6), 'c:m': perToken(1e-6) });
    const plan = cheapest([]).strategy(
      choices,
      contextOf({ request: { inputTokens: 1_000, maxOutputTokens: 50 } }),
    );
    expect(idsOf(plan)).toEqual(['c:m', 'b:m', 'a:m']);
    expect(plan).toMatchObject({
      inOrder: [{ why: 'about $0.001200' }, { why: 'about $0.003600' }, { why: 'no known price' }],
    });
  });

  it('weighs input against output: who is cheaper depends on the request', () => {
    const choices = choicesOf({
      'reads:m': { price: ({ inputTokens, outputTokens }) => inputTokens * 1e-7 + outputTokens * 1e-5 },
      'writes:m': { price: ({ inputTokens, outputTokens }) => inputTokens * 1e-6 + outputTokens * 1e-6 },
    });
    const first = (inputTokens: number) =>
      idsOf(cheapest([]).strategy(choices, contextOf({ request: { inputTokens } })))[0];
    expect([first(100), first(100_000)]).toEqual(['writes:m', 'reads:m']);
  });
});

describe('least-busy', () => {
  for (const { name, run } of strategyContract(leastBusy)) it(name, run);

  it('puts the fewest in flight first, the blocked last, and lets chance decide among equals', () => {
    const choices = choicesOf({
      'a:m': { inFlight: 3 },
      'b:m': { ...OPEN, inFlight: 0 },
      'c:m': { inFlight: 1 },
      'd:m': { inFlight: 1 },
    });
    const orders = new Set<string>();
    for (let seed = 1; seed < 30; seed++)
      orders.add(idsOf(leastBusy([]).strategy(choices, contextOf({ random: seededRandom(seed) }))).join(' '));
    expect([...orders].sort()).toEqual(['c:m d:m a:m b:m', 'd:m c:m a:m b:m']);
  });
});

describe('latency', () => {
  for (const { name, run } of strategyContract(latency)) it(name, run);
  const first = (facts: Parameters<typeof choicesOf>[0]) =>
    idsOf(latency([]).strategy(choicesOf(facts), contextOf()))[0];

  it.each([
    ['the faster one', { 'a:m': { ewmaMs: 900 }, 'b:m': { ewmaMs: 300 } }, 'b:m'],
    [
      'the slower one where the faster is busy',
      { 'a:m': { ewmaMs: 900 }, 'b:m': { ewmaMs: 300, inFlight: 4 } },
      'a:m',
    ],
    [
      'the slower one where the faster fails',
      { 'a:m': { ewmaMs: 900 }, 'b:m': { ewmaMs: 300, errorRate: 0.8 } },
      'a:m',
    ],
    ['the unknown one, to know it', { 'a:m': { ewmaMs: 1 }, 'b:m': { inFlight: 0 } }, 'b:m'],
    [
      'the known one while the unknown is being tried',
      { 'a:m': { ewmaMs: 900 }, 'b:m': { inFlight: 1 } },
      'a:m',
    ],
    [
      'the slow one where the other has only failed',
      { 'a:m': { ewmaMs: 9_000 }, 'b:m': { errorRate: 0.1 } },
      'a:m',
    ],
    ['the one that can be called', { 'a:m': { ewmaMs: 1, ...OPEN }, 'b:m': { ewmaMs: 900 } }, 'b:m'],
  ])('takes %s', (_, facts, expected) => {
    expect(first(facts)).toBe(expected);
  });

  it('draws two, so that the fastest of many does not get everything, and the slowest nothing', () => {
    const random = seededRandom(3);
    const choices = choicesOf({ 'a:m': { ewmaMs: 100 }, 'b:m': { ewmaMs: 200 }, 'c:m': { ewmaMs: 300 } });
    const counts: Record<string, number> = {};
    for (let i = 0; i < 3_000; i++) {
      const [id = ''] = idsOf(latency([]).strategy(choices, contextOf({ random })));
      counts[id] = (counts[id] ?? 0) + 1;
    }
    expect(Object.keys(counts).sort()).toEqual(['a:m', 'b:m']);
    expect((counts['a:m'] ?? 0) / 3_000).toBeCloseTo(2 / 3, 1);
  });
});
