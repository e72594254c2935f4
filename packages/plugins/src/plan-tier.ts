import type {
  Call,
  Candidate,
  Choice,
  GatewayError,
  Plan,
  PlanContext,
  Target,
  Tier,
  TierTarget,
} from '@inferbridge/core';

/** A target that can never serve the request at hand, and why. */
export interface Unfit {
  readonly target: Target;
  readonly error: GatewayError;
}

/**
 * Asks a tier's strategy, innermost tiers first, about targets with their present facts; `null` where none are left.
 * Targets that can never serve the request are left out and noted in `unfit`.
 */
export function planTier(tier: Tier, call: Call, context: PlanContext, unfit: Unfit[] = []): Choice | null {
  const choices = tier.targets.flatMap(
    (target, index) => choiceOf(target, `target ${index + 1}${of(tier)}`, call, context, unfit) ?? [],
  );
  if (choices.length === 0) return null;
  const plan = tier.strategy(choices, context);
  return { plan, candidates: choices.flatMap((choice) => choice.candidates) };
}

const of = ({ name }: Tier): string => (name ? ` of ${name}` : '');

function choiceOf(
  target: TierTarget,
  why: string,
  call: Call,
  context: PlanContext,
  unfit: Unfit[],
): Choice | null {
  if (!isTarget(target)) return planTier(target, call, context, unfit);
  const candidate: Candidate = { target, facts: target.facts(call) };
  if (candidate.facts.unfit) {
    unfit.push({ target, error: candidate.facts.unfit });
    return null;
  }
  const plan: Plan = { attempt: candidate, why };
  return { plan, candidates: [candidate] };
}

const isTarget = (target: TierTarget): target is Target => 'handle' in target;
