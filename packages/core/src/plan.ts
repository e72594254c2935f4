import type { Request } from './call.ts';
import type { ChatRequest } from './chat.ts';
import type { EmbeddingsInput } from './embeddings.ts';
import type { Candidate } from './target.ts';
import type { Money, Usage } from './usage.ts';

/** Bounds the copies of a staggered plan. Times are `Clock.now()`. */
export interface Allowance {
  /** A request that might want a copy has begun. */
  note(now: number): void;
  /** Asked when this copy would start: may it? A yes takes what it is expected to cost. */
  take(copy: Plan, now: number): boolean;
}

/**
 * A plan is data: whom to try, in which arrangement. One engine runs it; explaining prints it. `arm` names the side of
 * an experiment that a request was put on.
 */
export type Plan =
  | { readonly attempt: Candidate; readonly why: string }
  | { readonly inOrder: readonly Plan[]; readonly arm?: string }
  | { readonly together: readonly Plan[] }
  | { readonly staggered: readonly Plan[]; readonly afterMs: number; readonly cap?: Allowance };

/** One target of a tier, or a nested strategy's whole plan. */
export interface Choice {
  /** Its place in the tier as it is written, from 0: a target that cannot serve this request leaves a gap. */
  readonly index: number;
  readonly plan: Plan;
  readonly candidates: readonly Candidate[];
}

/** What a strategy may know of the request, and all that a log row keeps of it. */
export interface RequestFacts {
  /** Estimated tokens of the prompt (characters / 4). */
  readonly inputTokens: number;
  /** Tokens that the caller allows for the answer, where it says so. */
  readonly maxOutputTokens: number | null;
  readonly tools: boolean;
  readonly images: boolean;
  readonly stream: boolean;
  readonly tags: Readonly<Record<string, string>>;
}

export interface PlanContext {
  /** On `Clock.now()`. */
  readonly now: number;
  /** Milliseconds since 1970; prices depend on it. */
  readonly wall: number;
  random(): number;
  /** How many targets the tier has as it is written. */
  readonly targets: number;
  /** The tier's id, else where it stands within the outermost one; empty for that itself. */
  readonly place: string;
  readonly user: string | null;
  readonly session: string | null;
  readonly request: RequestFacts;
}

/**
 * Pure: the same choices and context give the same plan. Never called with no choices; a plan without any candidate
 * says that none of them is meant for this request.
 */
export type Strategy = (choices: readonly Choice[], context: PlanContext) => Plan;

/** The plan's candidates, read from left to right. */
export function leaves(plan: Plan): readonly Candidate[] {
  const found: Candidate[] = [];
  gather(plan, found);
  return found;
}

function gather(plan: Plan, found: Candidate[]): void {
  if ('attempt' in plan) found.push(plan.attempt);
  else for (const branch of branches(plan)) gather(branch, found);
}

/** The plans below a node that is not a leaf. */
export function branches(plan: Exclude<Plan, { readonly attempt: Candidate }>): readonly Plan[] {
  if ('inOrder' in plan) return plan.inOrder;
  return 'together' in plan ? plan.together : plan.staggered;
}

/** The same plan, its reasons led by one more. */
export function because(plan: Plan, why: string): Plan {
  if ('attempt' in plan) return { ...plan, why: plan.why ? `${why}; ${plan.why}` : why };
  const inner = branches(plan).map((branch) => because(branch, why));
  if ('inOrder' in plan) return { ...plan, inOrder: inner };
  return 'together' in plan ? { together: inner } : { ...plan, staggered: inner };
}

/** The arms that a plan's experiments have chosen, outermost first, joined by `/`; `null` where there are none. */
export function armOf(plan: Plan): string | null {
  if ('attempt' in plan) return null;
  let arms = 'inOrder' in plan ? (plan.arm ?? null) : null;
  for (const branch of branches(plan)) {
    const inner = armOf(branch);
    if (inner !== null) arms = arms === null ? inner : `${arms}/${inner}`;
  }
  return arms;
}

/** Tokens that an answer is taken to have where nothing says that it will be shorter. */
const USUAL_OUTPUT_TOKENS = 500;

/** What a request is expected to use, before anybody has answered it. */
export const expectedUsage = ({ inputTokens, maxOutputTokens }: RequestFacts): Usage => ({
  inputTokens,
  outputTokens: Math.min(maxOutputTokens ?? USUAL_OUTPUT_TOKENS, USUAL_OUTPUT_TOKENS),
  cachedTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
});

/** What one attempt is expected to cost; `null` where its price is unknown. */
export const expectedCost = (
  { facts }: Candidate,
  { request, wall }: Pick<PlanContext, 'request' | 'wall'>,
): Money | null => facts.price?.(expectedUsage(request), wall) ?? null;

/** Facts of a request, read once. */
export function requestFacts(request: Request, tags: Readonly<Record<string, string>> = {}): RequestFacts {
  if (request.operation === 'chat') return chatFacts(request.value, tags);
  return {
    inputTokens: Math.ceil(tokensIn(request.value.input)),
    maxOutputTokens: 0,
    tools: false,
    images: false,
    stream: false,
    tags,
  };
}

/** Characters / 4; tokens count as themselves. */
function tokensIn(input: EmbeddingsInput): number {
  if (typeof input === 'string') return input.length / 4;
  let tokens = 0;
  for (const one of input) tokens += typeof one === 'number' ? 1 : tokensIn(one);
  return tokens;
}

function chatFacts(request: ChatRequest, tags: Readonly<Record<string, string>>): RequestFacts {
  let characters = 0;
  let images = false;
  for (const message of request.messages) {
    if (typeof message.content === 'string') characters += message.content.length;
    else if (Array.isArray(message.content))
      for (const part of message.content) {
        if (typeof part?.text === 'string') characters += part.text.length;
        else if (part?.type === 'image_url') images = true;
      }
  }
  return {
    inputTokens: Math.ceil(characters / 4),
    maxOutputTokens: request.max_completion_tokens ?? request.max_tokens ?? null,
    tools: Array.isArray(request.tools) && request.tools.length > 0,
    images,
    stream: request.stream === true,
    tags,
  };
}
