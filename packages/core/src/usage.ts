import type { WireUsage } from './chat.ts';

/** Tokens of one reply. Input includes cached and written ones, output includes reasoning, as OpenAI counts. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  /** Of those written, what is kept for an hour rather than minutes, at a price of its own; absent: nothing. */
  readonly hourWriteTokens?: number;
  readonly reasoningTokens: number;
}

/** US dollars. Unknown is `null`, never 0. */
export type Money = number;

/** Turns usage into money; `null` where the price of something that was used is unknown. */
export type Price = (usage: Usage, wallMs: number) => Money | null;

/** More than any model can read or write: beyond it a count is junk. */
const MOST_TOKENS = 1e9;

const count = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= MOST_TOKENS
    ? Math.round(value)
    : null;

/**
 * Usage as a provider reported it, or `null` where it is missing or absurd (negative, 1e308, a string).
 * A total above input + output means that reasoning was left out of the output (xAI, Gemini's compatible endpoint).
 */
export function readUsage(wire: WireUsage | null | undefined): Usage | null {
  if (typeof wire !== 'object' || wire === null) return null;
  const input = count(wire.prompt_tokens);
  const output = count(wire.completion_tokens) ?? (wire.completion_tokens === undefined ? 0 : null);
  if (input === null || output === null) return null;
  const total = count(wire.total_tokens) ?? 0;
  const written = Math.min(count(wire.prompt_tokens_details?.cache_write_tokens) ?? 0, input);
  const hour = Math.min(count(wire.cache_creation?.ephemeral_1h_input_tokens) ?? 0, written);
  return {
    inputTokens: input,
    outputTokens: total > input + output ? total - input : output,
    cachedTokens: Math.min(count(wire.prompt_tokens_details?.cached_tokens) ?? 0, input),
    cacheWriteTokens: written,
    ...(hour > 0 && { hourWriteTokens: hour }),
    reasoningTokens: count(wire.completion_tokens_details?.reasoning_tokens) ?? 0,
  };
}

/** The same, as the wire spells it. */
export function writeUsage(usage: Usage): WireUsage {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: {
      cached_tokens: usage.cachedTokens,
      ...(usage.cacheWriteTokens > 0 && { cache_write_tokens: usage.cacheWriteTokens }),
    },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  };
}
