import { createCall } from '../pipeline.ts';
import { type Choice, leaves, type Plan, type PlanContext, type RequestFacts } from '../plan.ts';
import { seededRandom } from '../random.ts';
import type { Facts } from '../target.ts';
import { virtualClock } from '../virtual-clock.ts';
import { scripted } from './scripted.ts';

/** Choices for a strategy under test: `{ 'a:m': { ewmaMs: 100 }, 'b:m': {} }`, in this order. */
export function choicesOf(facts: Readonly<Record<string, Partial<Facts>>>): readonly Choice[] {
  const clock = virtualClock();
  const call = createCall({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }, { clock });
  return Object.entries(facts).map(([id, about], index) => {
    const target = scripted(id, [{ say: 'hi' }], { clock });
    const candidate = { target, facts: { ...target.facts(call), ...about } };
    return { index, plan: { attempt: candidate, why: '' }, candidates: [candidate] };
  });
}

/** What a strategy under test is told; `request` may be told in part. */
export function contextOf(
  about: Partial<Omit<PlanContext, 'request'>> & { readonly request?: Partial<RequestFacts> } = {},
): PlanContext {
  const { request, ...rest } = about;
  return {
    now: 1_000,
    wall: Date.UTC(2026, 0, 1),
    random: seededRandom(1),
    targets: 0,
    place: '',
    user: 'user',
    session: null,
    ...rest,
    request: {
      inputTokens: 10,
      maxOutputTokens: null,
      tools: false,
      images: false,
      stream: false,
      tags: {},
      ...request,
    },
  };
}

/** The targets' ids in a plan, read from left to right. */
export const idsOf = (plan: Plan): readonly string[] => leaves(plan).map(({ target }) => target.id);
