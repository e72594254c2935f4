import { type Usage, type WireUsage, writeUsage } from '@inferbridge/core';
import { isRecord } from '../openai/errors.ts';

const COUNTS = [
  'input_tokens',
  'output_tokens',
  'cache_read_input_tokens',
  'cache_creation_input_tokens',
] as const;
type Count = (typeof COUNTS)[number] | 'thinking_tokens';

/**
 * Token counts as Anthropic keeps them: input leaves out what was read from or written to its cache. Source:
 * https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching and …/compaction (read 2026-11-20).
 */
export class UsageTally {
  #counts: Partial<Record<Count, number>> = {};
  #seen = false;
  #serviceTier: string | null = null;

  /** Later values replace earlier ones, field by field: they are cumulative. */
  note(usage: unknown): void {
    if (!isRecord(usage)) return;
    const passes = Array.isArray(usage['iterations']) ? usage['iterations'].filter(isRecord) : [];
    const compactions = passes.filter(({ type }) => type === 'compaction');
    for (const name of COUNTS) {
      const value = count(usage[name]);
      if (value === null) continue;
      // summarising an earlier conversation is billed, and stands beside the total
      this.#counts[name] = compactions.reduce((sum, pass) => sum + (count(pass[name]) ?? 0), value);
      this.#seen = true;
    }
    const details = usage['output_tokens_details'];
    const thinking = isRecord(details) ? count(details['thinking_tokens']) : null;
    if (thinking !== null) this.#counts.thinking_tokens = thinking;
    if (typeof usage['service_tier'] === 'string') this.#serviceTier = usage['service_tier'];
  }

  /** As OpenAI counts: input includes cache reads and writes. `null` where nothing was reported. */
  wire(): WireUsage | null {
    if (!this.#seen) return null;
    const {
      input_tokens: input = 0,
      output_tokens: output = 0,
      cache_read_input_tokens: read = 0,
      cache_creation_input_tokens: written = 0,
      thinking_tokens: thinking = 0,
    } = this.#counts;
    const usage: Usage = {
      inputTokens: input + read + written,
      outputTokens: output,
      cachedTokens: read,
      cacheWriteTokens: written,
      reasoningTokens: thinking,
    };
    return writeUsage(usage);
  }

  /** Under OpenAI's name, where there is one. */
  serviceTier(): { service_tier?: string } {
    const tier = SERVICE_TIERS.get(this.#serviceTier ?? '');
    return tier ? { service_tier: tier } : {};
  }
}

const SERVICE_TIERS: ReadonlyMap<string, string> = new Map(
  Object.entries({ standard: 'default', priority: 'priority' }),
);

const count = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
