import type { Call, Candidate, Choice, Plan, PlanContext, Target, Tier, TierTarget } from '@inferbridge/core';

/** Asks a tier's strategy, innermost tiers first, about targets with their present facts; `null` where none are left. */
export function planTier(tier: Tier, call: Call, context: PlanContext): Choice | null {
  const choices = tier.targets.flatMap((target, index) => choiceOf(target, index, tier, call, context) ?? []);
  if (choices.length === 0) return null;
  const plan = tier.strategy(choices, context);
  return { plan, candidates: choices.flatMap((choice) => choice.candidates) };
}

function choiceOf(
  target: TierTarget,
  index: number,
  tier: Tier,
  call: Call,
  context: PlanContext,
): Choice | null {
  if (!isTarget(target)) return planTier(target, call, context);
  const candidate: Candidate = { target, facts: target.facts(call) };
  const plan: Plan = { attempt: candidate, why: `target ${index + 1}${tier.name ? ` of ${tier.name}` : ''}` };
  return { plan, candidates: [candidate] };
}

const isTarget = (target: TierTarget): target is Target => 'handle' in target;
