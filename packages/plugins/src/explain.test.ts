import type { Blocked, Candidate, Facts, Plan } from '@inferbridge/core';
import { choicesOf, contextOf } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { explain } from './explain.ts';

const AT = Date.UTC(2026, 10, 21, 12);
const blocked = (
  kind: Blocked['blocked'],
  forMs: number | null,
  more: Partial<Blocked> = {},
): Partial<Facts> => ({
  blocked: { blocked: kind, why: `it is ${kind}`, forMs, ...more },
});

/** Leaves named a, b, c … with these facts. */
function leavesOf(...facts: Partial<Facts>[]): readonly { attempt: Candidate; why: string }[] {
  const named = Object.fromEntries(facts.map((about, i) => [`${'abcd'[i]}:m`, about]));
  return choicesOf(named).flatMap(({ candidates: [attempt] }, i) =>
    attempt ? [{ attempt, why: `target ${i + 1}` }] : [],
  );
}
const explained = (plan: Plan, strategy = 'own') =>
  explain({
    name: 't',
    tier: { strategy: () => plan, targets: [] },
    strategy,
    plan,
    request: contextOf().request,
    plannedAt: AT,
    leftOut: [{ provider: 'x', model: 'm', why: 'no key for x' }],
  });
const starts = (plan: Plan) => explained(plan).steps.map(({ provider, start }) => `${provider} ${start}`);

describe('explain', () => {
  it('reads nested plans from left to right: now, on failure, or so long after', () => {
    const [a, b, c, d] = leavesOf({}, {}, {}, {});
    if (!a || !b || !c || !d) throw new Error('four leaves');
    expect(starts({ inOrder: [{ together: [a, b] }, { staggered: [c, d], afterMs: 50 }] })).toEqual([
      'a now',
      'b now',
      'c on_failure',
      'd on_failure',
    ]);
    expect(starts({ staggered: [a, { staggered: [b, c], afterMs: 20 }, d], afterMs: 100 })).toEqual([
      'a now',
      'b after_ms:100',
      'c after_ms:120',
      'd after_ms:200',
    ]);
  });

  it('begins with whoever can be called, and says of the others why and until when', () => {
    const [a, b] = leavesOf(blocked('open', 30_000), {});
    if (!a || !b) throw new Error('two leaves');
    expect(explained({ inOrder: [a, b] })).toMatchObject({
      plan: { in_order: [{ attempt: 'a:m', blocked: 'it is open' }, { attempt: 'b:m' }] },
      steps: [{ provider: 'b', start: 'now', why: 'target 2' }],
      left_out: [{ provider: 'x' }, { provider: 'a', why: 'it is open', until: '2026-11-21T12:00:30.000Z' }],
    });
  });

  it('waits for a short cool-down, and insists where breakers are all there is', () => {
    expect(starts({ inOrder: leavesOf(blocked('cooling', 4_000), blocked('cooling', 900)) })).toEqual([
      'b after_ms:900',
    ]);
    const insist = () => ({ settle() {} });
    const open = {
      inOrder: leavesOf(
        blocked('open', 9_000, { failedAt: 7, insist }),
        blocked('open', 9_000, { failedAt: 3, insist }),
      ),
    };
    expect(explained(open).steps).toMatchObject([
      { provider: 'b', start: 'now', why: 'nobody else can be called: it failed longest ago' },
    ]);
    expect(starts({ inOrder: leavesOf(blocked('cooling', 60_000)) })).toEqual([]);
  });

  it('expects the cost of all that begin at once, and none where a price is unknown', () => {
    const [a, b, c] = leavesOf({ price: () => 0.25 }, { price: () => 0.5 }, {});
    if (!a || !b || !c) throw new Error('three leaves');
    const cost = (plan: Plan) => explained(plan).expected_cost_usd;
    expect(cost({ together: [a, b] })).toBe('0.750000');
    expect(cost({ inOrder: [a, b] })).toBe('0.250000');
    expect(cost({ together: [a, c] })).toBeNull();
  });
});
