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
  if (tier.targets.length === 0) return null; // the place of somebody for whom there is no key
  const choices: Choice[] = [];
  const places = placesIn(tier, place);
  for (const [index, target] of tier.targets.entries()) {
    const choice = choiceOf(target, index, places[index] ?? '', call, context, notes);
    if (choice) choices.push(choice);
  }
  if (choices.length === 0) return null;
  const plan = tier.strategy(choices, {
    ...context,
    targets: tier.targets.length,
    place: tier.id ?? place ?? '',
  });
  const planned = leaves(plan);
  const offered = choices.reduce((count, { candidates }) => count + candidates.length, 0);
  if (planned.length < offered) {
    const kept = new Set(planned);
    for (const candidate of choices.flatMap(({ candidates }) => candidates))
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

/** Tiers are the same for many requests, and so are the names of their places. */
const outermost = new WeakMap<Tier, readonly string[]>();

function placesIn(tier: Tier, outer?: string): readonly string[] {
  const known = outer === undefined ? outermost.get(tier) : undefined;
  if (known?.length === tier.targets.length) return known;
  const places = tier.targets.map((_, index) => placeOf(tier, index, outer));
  if (outer === undefined) outermost.set(tier, places);
  return places;
}

/** `target 2 of fast`; within a tier inside it `target 2 of fast, its target 1`. */
const placeOf = ({ each = 'target', name }: Tier, index: number, outer?: string): string =>
  outer === undefined
    ? `${each} ${index + 1}${name ? ` of ${name}` : ''}`
    : `${outer}, its ${each} ${index + 1}`;

const isTarget = (target: TierTarget): target is Target => 'handle' in target;
