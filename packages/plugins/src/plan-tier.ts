import {
  type Call,
  type Candidate,
  type Choice,
  GatewayError,
  leaves,
  type Plan,
  type PlanContext,
  type Target,
  type Tier,
  type TierTarget,
} from '@inferbridge/core';

/** A target that can never serve the request at hand, and why. */
export interface Unfit {
  readonly target: Target;
  readonly error: GatewayError;
}

/** A candidate that a strategy was offered and has no place for in its plan. */
export interface Passed {
  readonly target: Target;
  /** The strategy's name, where it has one. */
  readonly by: string;
}

/** What was noticed while a plan was made. */
export interface Notes {
  readonly unfit: Unfit[];
  readonly passed: Passed[];
  /** Offer those as well whose window seems too small. */
  anyWindow?: boolean;
}

/**
 * Asks a tier's strategy, innermost tiers first, about targets with their present facts; `null` where none are left.
 * Targets that can never serve the request are left out and noted, and so are those that a strategy passes over.
 */
export function planTier(
  tier: Tier,
  call: Call,
  context: PlanContext,
  notes: Notes = { unfit: [], passed: [] },
  place?: string,
): Pick<Choice, 'plan' | 'candidates'> | null {
  const choices: Choice[] = [];
  for (const [index, target] of tier.targets.entries()) {
    const choice = choiceOf(target, index, placeOf(tier, index, place), call, context, notes);
    if (choice) choices.push(choice);
  }
  if (choices.length === 0) return null;
  const plan = tier.strategy(choices, {
    ...context,
    targets: tier.targets.length,
    place: tier.id ?? place ?? '',
  });
  const offered = choices.length === 1 ? choices[0]?.candidates : choices.flatMap((one) => one.candidates);
  const planned = leaves(plan);
  if (planned.length < (offered?.length ?? 0)) {
    const kept = new Set(planned);
    for (const candidate of offered ?? [])
      if (!kept.has(candidate))
        notes.passed.push({ target: candidate.target, by: tier.by ?? 'the strategy' });
  }
  return planned.length > 0 ? { plan, candidates: planned } : null;
}

function choiceOf(
  target: TierTarget,
  index: number,
  place: string,
  call: Call,
  context: PlanContext,
  notes: Notes,
): Choice | null {
  if (!isTarget(target)) {
    const inner = planTier(target, call, context, notes, place);
    return inner && { index, ...inner };
  }
  const candidate: Candidate = { target, facts: target.facts(call) };
  const error = candidate.facts.unfit ?? (notes.anyWindow ? null : tooLong(candidate, context));
  if (error) {
    notes.unfit.push({ target, error });
    return null;
  }
  const plan: Plan = { attempt: candidate, why: place };
  return { index, plan, candidates: [candidate] };
}

/** An estimate that is this far above a window is above it. */
const SURELY = 1.25;

function tooLong({ facts: { window } }: Candidate, { request }: PlanContext): GatewayError | null {
  if (window === null || request.inputTokens <= window * SURELY) return null;
  return new GatewayError(
    'context_length',
    `the prompt has about ${request.inputTokens} tokens, its window holds ${window}`,
  );
}

/** `target 2 of fast`; within a tier inside it `target 2 of fast, its target 1`. */
const placeOf = ({ each = 'target', name }: Tier, index: number, outer?: string): string =>
  outer === undefined
    ? `${each} ${index + 1}${name ? ` of ${name}` : ''}`
    : `${outer}, its ${each} ${index + 1}`;

const isTarget = (target: TierTarget): target is Target => 'handle' in target;
