import type { ChatRequest } from '@inferbridge/core';
import { isRecord } from '../openai/errors.ts';
import type { Abilities } from './models.ts';

/*
 * How much a model should think before it answers.
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking and …/effort (read 2026-11-20).
 */

/** What a request says about thinking. */
export interface Thinking {
  readonly thinking?: Record<string, unknown>;
  readonly effort?: string;
  /** Will it think? Then it takes no sampling parameters. */
  readonly thinks: boolean;
  /** The parameter that could not be honoured. */
  readonly dropped?: string;
}

export interface ThinkingLimits {
  readonly maxTokens: number;
  /** A tool is forced, an answer is begun, or the last tool call came without its thinking: no budget then. */
  readonly noBudget: boolean;
}

const QUIET: Thinking = { thinks: false };
const LEAST_BUDGET = 1_024;
/** Of the limit on the answer; the rest is for saying something. */
const MOST_SHARE = 0.8;
const BUDGETS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    minimal: 1_024,
    low: 1_024,
    medium: 4_096,
    high: 16_384,
    xhigh: 32_000,
    max: 32_000,
  }),
);
/** An effort as every model here spells it. */
const LADDER = ['low', 'medium', 'high', 'xhigh', 'max'];

export function thinkingOf(request: ChatRequest, abilities: Abilities, limits: ThinkingLimits): Thinking {
  const asked = askedFor(request);
  if (!asked) return QUIET;
  if (abilities.thinking === 'none')
    return { ...QUIET, ...(asked.effort !== 'none' && { dropped: asked.param }) };
  return abilities.thinking === 'budget' ? budgeted(asked, limits) : adaptive(asked, abilities);
}

interface Asked {
  readonly param: string;
  /** none, minimal, low … max; `null` where only the kind of thinking is said. */
  readonly effort: string | null;
  readonly budget: number | null;
  /** Anthropic's own object, as the caller wrote it. */
  readonly own: Record<string, unknown> | null;
}

/** Says OpenAI's `reasoning_effort`, OpenRouter's `reasoning`, or Anthropic's own `thinking` and `output_config`. */
function askedFor(request: ChatRequest): Asked | null {
  const { thinking, reasoning, output_config: config } = request;
  const word = (value: unknown) => (typeof value === 'string' ? value : null);
  const effort =
    word(request['reasoning_effort']) ??
    (isRecord(reasoning) ? word(reasoning['effort']) : null) ??
    (isRecord(config) ? word(config['effort']) : null);
  if (isRecord(thinking)) {
    const tokens = thinking['budget_tokens'];
    const budget = typeof tokens === 'number' && Number.isFinite(tokens) ? tokens : null;
    const off = thinking['type'] === 'disabled';
    return { param: 'thinking', effort: off ? 'none' : effort, budget, own: thinking };
  }
  const most = isRecord(reasoning) ? reasoning['max_tokens'] : null;
  if (effort === null && typeof most === 'number')
    return { param: 'reasoning', effort, budget: most, own: null };
  return effort === null ? null : { param: 'reasoning_effort', effort, budget: null, own: null };
}

function budgeted({ param, effort, budget, own }: Asked, { maxTokens, noBudget }: ThinkingLimits): Thinking {
  if (effort === 'none') return QUIET;
  const wanted =
    budget === null
      ? Math.min(
          BUDGETS.get(effort ?? 'medium') ?? 4_096,
          Math.max(LEAST_BUDGET, Math.floor(maxTokens * MOST_SHARE)),
          maxTokens - 1,
        )
      : Math.min(budget, maxTokens - 1);
  if (noBudget || wanted < LEAST_BUDGET) return { ...QUIET, dropped: param };
  return { thinking: { ...kept(own), type: 'enabled', budget_tokens: wanted }, thinks: true };
}

function adaptive({ effort, budget, own }: Asked, { off, efforts }: Abilities): Thinking {
  if (own && own['type'] === off && off !== 'disabled') return { ...QUIET, thinking: own };
  if (effort === 'none')
    return off === null ? { thinks: true, effort: 'low' } : { ...QUIET, thinking: { type: off } };
  const said = effort ?? (budget === null ? null : byBudget(budget));
  const level = said === null ? null : nearestEffort(said, efforts);
  return {
    thinking: { display: 'summarized', ...kept(own), type: 'adaptive' },
    ...(level !== null && { effort: level }),
    thinks: true,
  };
}

/** What the caller's own object says besides the kind and the number of tokens. */
function kept(own: Record<string, unknown> | null): Record<string, unknown> {
  const { type: _, budget_tokens: __, ...rest } = own ?? {};
  return rest;
}

const byBudget = (tokens: number): string => (tokens < 4_096 ? 'low' : tokens < 16_384 ? 'medium' : 'high');

/** The strongest effort that the model takes and that is no stronger than what was asked for. */
function nearestEffort(effort: string, efforts: readonly string[]): string {
  const at = LADDER.indexOf(effort);
  return LADDER.slice(0, at + 1).findLast((name) => efforts.includes(name)) ?? efforts[0] ?? 'low';
}
