import {
  branches,
  type Candidate,
  expectedCost,
  LONGEST_WAIT_MS,
  leaves,
  type Money,
  type Plan,
} from '@inferbridge/core';
import type { LeftOut, Planned } from './router.ts';

/** When a step begins: with the request, when what stands before it has failed, or so many milliseconds after that. */
export type Start = 'now' | 'on_failure' | `after_ms:${number}`;

export interface Step {
  readonly provider: string;
  readonly model: string;
  readonly start: Start;
  readonly why: string;
}

export interface LeftOutStep {
  readonly provider: string;
  readonly model: string;
  readonly why: string;
  /** ISO 8601, where that is known. */
  readonly until?: string;
}

/** A plan as data that can be sent: leaves are `provider:model`. */
export type PlanTree =
  | { readonly attempt: string; readonly blocked?: string }
  | { readonly in_order: readonly PlanTree[]; readonly arm?: string }
  | { readonly together: readonly PlanTree[] }
  | { readonly staggered: readonly PlanTree[]; readonly after_ms: number };

/** Where a request goes and why, in the shape in which it is answered and kept. */
export interface Explanation {
  readonly tier: string;
  readonly strategy: string;
  readonly plan: PlanTree;
  readonly steps: readonly Step[];
  readonly left_out: readonly LeftOutStep[];
  /** Of those that begin at once, US dollars with six decimals; `null` where a price is unknown. */
  readonly expected_cost_usd: string | null;
}

/** Reads a plan from left to right: who would be called, when and why, and who would not, why and until when. */
export function explain(planned: Planned): Explanation {
  const { plan, request, plannedAt, name, strategy = 'priority' } = planned;
  const told = anyBlocked(plan) ? tell(planned) : toldBefore(planned);
  const costs = told.first.map((candidate) => expectedCost(candidate, { request, wall: plannedAt }));
  const { plan: tree, steps, left_out } = told.parts;
  const expected = sum(costs);
  return {
    tier: name,
    strategy,
    plan: tree,
    steps,
    left_out,
    expected_cost_usd: expected === null ? null : expected.toFixed(6),
  };
}

function anyBlocked(plan: Plan): boolean {
  return 'attempt' in plan ? plan.attempt.facts.blocked !== null : branches(plan).some(anyBlocked);
}

/** What is told of a plan, and those who would be called at once. */
interface Told {
  readonly parts: Pick<Explanation, 'plan' | 'steps' | 'left_out'>;
  readonly first: readonly Candidate[];
}

function tell({ plan, plannedAt, leftOut = [], run }: Planned): Told {
  const ready = pruned(plan);
  const steps = ready ? stepsOf(ready, 'now') : waiting(plan, run?.retries !== 0);
  const blocked = leaves(plan).flatMap(({ target, facts }) =>
    facts.blocked
      ? [
          {
            provider: target.provider,
            model: target.model,
            why: facts.blocked.why,
            ...(facts.blocked.forMs !== null && {
              until: new Date(plannedAt + facts.blocked.forMs).toISOString(),
            }),
          },
        ]
      : [],
  );
  return {
    parts: {
      plan: treeOf(plan),
      steps: steps.map(({ candidate: { target }, start, why }) => ({
        provider: target.provider,
        model: target.model,
        start,
        why,
      })),
      left_out: [...leftOut, ...blocked],
    },
    first: steps.filter(({ start }) => start === 'now').map(({ candidate }) => candidate),
  };
}

/** What was told of plans that left out the same ones, which is the same list for most requests; the latest first. */
const before = new WeakMap<object, { readonly plan: Plan; readonly parts: Told['parts'] }[]>();
const NOBODY: readonly LeftOut[] = [];
const MOST_TOLD = 12;

/** Most requests go the way of the one before: it is told once, and only those who would be called are looked for. */
function toldBefore(planned: Planned): Told {
  const { plan, leftOut = NOBODY } = planned;
  const known = before.get(leftOut) ?? [];
  if (known.length === 0) before.set(leftOut, known);
  const index = known.findIndex((one) => sameWay(one.plan, plan));
  const found = known[index];
  if (found) {
    if (index > 0) known.unshift(...known.splice(index, 1));
    return { parts: found.parts, first: atOnce(plan) };
  }
  const told = tell(planned);
  if (known.length >= MOST_TOLD) known.pop();
  known.unshift({ plan: shapeOf(plan), parts: told.parts });
  return told;
}

/** Would the same be told of both, where nobody is blocked? */
function sameWay(one: Plan, other: Plan): boolean {
  if ('attempt' in one)
    return 'attempt' in other && one.attempt.target === other.attempt.target && one.why === other.why;
  if ('attempt' in other) return false;
  if ('inOrder' in one !== 'inOrder' in other || 'together' in one !== 'together' in other) return false;
  if ('inOrder' in one && 'inOrder' in other && one.arm !== other.arm) return false;
  if ('staggered' in one && 'staggered' in other && one.afterMs !== other.afterMs) return false;
  const [own, others] = [branches(one), branches(other)];
  return own.length === others.length && own.every((plan, at) => sameWay(plan, others[at] as Plan)); // as many
}

/** The plan without what only one request is told. */
function shapeOf(plan: Plan): Plan {
  if ('attempt' in plan) {
    const { target, facts } = plan.attempt;
    return { attempt: { target, facts: { ...facts, blocked: null, unfit: null } }, why: plan.why };
  }
  const inner = branches(plan).map(shapeOf);
  if ('inOrder' in plan) return { inOrder: inner, ...(plan.arm !== undefined && { arm: plan.arm }) };
  return 'together' in plan ? { together: inner } : { staggered: inner, afterMs: plan.afterMs };
}

function atOnce(plan: Plan): readonly Candidate[] {
  if ('attempt' in plan) return [plan.attempt];
  const [first] = branches(plan);
  if ('together' in plan) return branches(plan).flatMap(atOnce);
  return first ? atOnce(first) : [];
}

interface Planning {
  readonly candidate: Candidate;
  readonly start: Start;
  readonly why: string;
}

/** The plan without those who cannot be called now, as the engine passes over them; `null` where nobody is left. */
function pruned(plan: Plan): Plan | null {
  if ('attempt' in plan) return plan.attempt.facts.blocked ? null : plan;
  const inner = branches(plan).flatMap((branch) => pruned(branch) ?? []);
  if (inner.length === 0) return null;
  if ('inOrder' in plan) return { ...plan, inOrder: inner };
  return 'together' in plan ? { together: inner } : { ...plan, staggered: inner };
}

function stepsOf(plan: Plan, start: Start): readonly Planning[] {
  if ('attempt' in plan) return [{ candidate: plan.attempt, start, why: plan.why }];
  if ('together' in plan) return plan.together.flatMap((branch) => stepsOf(branch, start));
  if ('inOrder' in plan)
    return plan.inOrder.flatMap((branch, place) => stepsOf(branch, place === 0 ? start : 'on_failure'));
  return plan.staggered.flatMap((branch, place) =>
    stepsOf(branch, start === 'on_failure' || place === 0 ? start : later(start, place * plan.afterMs)),
  );
}

function later(start: Start, ms: number): Start {
  const before = start.startsWith('after_ms:') ? Number(start.slice('after_ms:'.length)) : 0;
  return `after_ms:${Math.round(before + ms)}`;
}

/** Nobody can be called now: a short cool-down is waited for, else the breaker that opened first is tried. */
function waiting(plan: Plan, patient: boolean): readonly Planning[] {
  const held = leaves(plan).flatMap((candidate) => {
    const { blocked } = candidate.facts;
    return blocked ? [{ candidate, ...blocked }] : [];
  });
  const cooling = held
    .filter(({ blocked, forMs }) => blocked === 'cooling' && forMs !== null && forMs <= LONGEST_WAIT_MS)
    .sort((a, b) => (a.forMs ?? 0) - (b.forMs ?? 0));
  const [soonest] = cooling;
  if (soonest && patient)
    return [
      {
        candidate: soonest.candidate,
        start: `after_ms:${Math.ceil(soonest.forMs ?? 0)}`,
        why: 'waits for its cool-down: nobody else can be called',
      },
    ];
  const [oldest] = held.filter(({ insist }) => insist).sort((a, b) => (a.failedAt ?? 0) - (b.failedAt ?? 0));
  if (!oldest) return [];
  return [
    { candidate: oldest.candidate, start: 'now', why: 'nobody else can be called: it failed longest ago' },
  ];
}

function treeOf(plan: Plan): PlanTree {
  if ('attempt' in plan) {
    const { target, facts } = plan.attempt;
    return { attempt: target.id, ...(facts.blocked && { blocked: facts.blocked.why }) };
  }
  const inner = branches(plan).map(treeOf);
  if ('inOrder' in plan) return { in_order: inner, ...(plan.arm !== undefined && { arm: plan.arm }) };
  return 'together' in plan ? { together: inner } : { staggered: inner, after_ms: Math.round(plan.afterMs) };
}

const sum = (costs: readonly (Money | null)[]): Money | null =>
  costs.length === 0 || costs.includes(null) ? null : costs.reduce<number>((all, one) => all + (one ?? 0), 0);
