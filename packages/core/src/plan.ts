import type { Request } from './call.ts';
import type { ChatRequest } from './chat.ts';
import type { EmbeddingsInput } from './embeddings.ts';
import type { Candidate } from './target.ts';

/** Says whether one more copy may be started now; asked when it would start. */
export interface Allowance {
  take(): boolean;
}

/** A plan is data: whom to try, in which arrangement. One engine runs it; explaining prints it. */
export type Plan =
  | { readonly attempt: Candidate; readonly why: string }
  | { readonly inOrder: readonly Plan[] }
  | { readonly together: readonly Plan[] }
  | { readonly staggered: readonly Plan[]; readonly afterMs: number; readonly cap?: Allowance };

/** One target of a tier, or a nested strategy's whole plan. */
export interface Choice {
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
  readonly now: number;
  random(): number;
  readonly user: string | null;
  readonly session: string | null;
  readonly request: RequestFacts;
}

/** Pure: the same choices and context give the same plan. Never called with no choices. */
export type Strategy = (choices: readonly Choice[], context: PlanContext) => Plan;

/** The plan's candidates, read from left to right. */
export function leaves(plan: Plan): readonly Candidate[] {
  if ('attempt' in plan) return [plan.attempt];
  return branches(plan).flatMap(leaves);
}

/** The plans below a node that is not a leaf. */
export function branches(plan: Exclude<Plan, { readonly attempt: Candidate }>): readonly Plan[] {
  if ('inOrder' in plan) return plan.inOrder;
  return 'together' in plan ? plan.together : plan.staggered;
}

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
