import type { ChatRequest } from '@inferbridge/core';
import { isRecord } from '../openai/errors.ts';
import { type Abilities, LEVELS, type Level, type Thinks } from './models.ts';

/*
 * How much a model should think before it answers.
 * Source: https://ai.google.dev/gemini-api/docs/thinking and …/openai#thinking (read 2026-11-20).
 */

const BUDGETS: Readonly<Record<string, number>> = {
  minimal: 1_024,
  low: 1_024,
  medium: 8_192,
  high: 24_576,
};
/** The budget from which on an effort is at least this. */
const FROM: readonly [tokens: number, level: Level][] = [
  [16_385, 'high'],
  [4_096, 'medium'],
  [1, 'low'],
];

/** `thinkingConfig`, or `null` where nothing is asked for or the model cannot be told; then its name is `dropped`. */
export function thinkingOf(
  request: ChatRequest,
  { thinks }: Abilities,
  dropped: (param: string) => void,
): Record<string, unknown> | null {
  const asked = askedFor(request);
  if (!asked) return null;
  if (!thinks) {
    if (asked.effort !== 'none') dropped(asked.param);
    return null;
  }
  const shown = asked.effort === 'none' ? null : { includeThoughts: true };
  return { ...(thinks.by === 'level' ? levelOf(asked, thinks) : budgetOf(asked, thinks)), ...shown };
}

interface Asked {
  readonly param: string;
  /** none, minimal, low … max; `null` where only a budget is given, or nothing but that it should think. */
  readonly effort: string | null;
  readonly budget: number | null;
}

/** Says OpenAI's `reasoning_effort`, OpenRouter's `reasoning`, or Anthropic's `thinking` and `output_config`. */
function askedFor(request: ChatRequest): Asked | null {
  const { thinking, reasoning, output_config: config } = request;
  const word = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null);
  const effort =
    word(request['reasoning_effort']) ??
    (isRecord(reasoning) ? word(reasoning['effort']) : null) ??
    (isRecord(config) ? word(config['effort']) : null);
  if (isRecord(thinking)) {
    const tokens = thinking['budget_tokens'];
    const budget = typeof tokens === 'number' && Number.isFinite(tokens) ? Math.round(tokens) : null;
    return { param: 'thinking', effort: thinking['type'] === 'disabled' ? 'none' : effort, budget };
  }
  return effort === null ? null : { param: 'reasoning_effort', effort, budget: null };
}

type ByLevel = Extract<Thinks, { by: 'level' }>;
type ByBudget = Extract<Thinks, { by: 'budget' }>;

/** The weakest level that is no weaker than what is asked for; the strongest where none is. */
function levelOf({ effort, budget }: Asked, { levels }: ByLevel): Record<string, unknown> {
  const wanted =
    effort ?? (budget === null ? null : (FROM.find(([tokens]) => budget >= tokens)?.[1] ?? 'none'));
  if (wanted === null) return {};
  const rank = wanted === 'none' ? 0 : LEVELS.indexOf(wanted as Level); // -1 for what is none

  const strength = rank < 0 ? LEVELS.length : rank; // beyond `high` there is nothing here
  return { thinkingLevel: levels.find((level) => LEVELS.indexOf(level) >= strength) ?? levels.at(-1) };
}

function budgetOf({ effort, budget }: Asked, { least, most, off }: ByBudget): Record<string, unknown> {
  if (effort === 'none') return { thinkingBudget: off ? 0 : least };
  if (effort === null && budget === null) return {};
  const wanted = budget ?? BUDGETS[effort ?? ''] ?? most;
  return { thinkingBudget: Math.min(most, Math.max(least, wanted)) };
}
