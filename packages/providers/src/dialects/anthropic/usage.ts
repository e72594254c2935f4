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
  /** Summarising an earlier conversation is billed, and stands beside the total. */
  #summaries: Partial<Record<Count, number>> = {};
  #cacheCreation: Record<string, unknown> | null = null;
  #seen = false;
  #serviceTier: string | null = null;

  /** Later values replace earlier ones, field by field: they are cumulative. */
  note(usage: unknown): void {
    if (!isRecord(usage)) return;
    const {
      iterations,
      cache_creation: creation,
      service_tier: tier,
      output_tokens_details: details,
    } = usage;
    if (Array.isArray(iterations)) this.#noteSummaries(iterations.filter(isRecord));
    for (const name of COUNTS) {
      const value = count(usage[name]);
      if (value === null) continue;
      this.#counts[name] = value;
      this.#seen = true;
    }
    const thinking = isRecord(details) ? count(details['thinking_tokens']) : null;
    if (thinking !== null) this.#counts.thinking_tokens = thinking;
    if (isRecord(creation)) this.#cacheCreation = creation;
    if (typeof tier === 'string') this.#serviceTier = tier;
  }

  #noteSummaries(passes: readonly Record<string, unknown>[]): void {
    const summaries = passes.filter(({ type }) => type === 'compaction');
    for (const name of COUNTS)
      this.#summaries[name] = summaries.reduce((sum, pass) => sum + (count(pass[name]) ?? 0), 0);
  }

  /** As OpenAI counts: input includes cache reads and writes. `null` where nothing was reported. */
  wire(): WireUsage | null {
    if (!this.#seen) return null;
    const total = (name: (typeof COUNTS)[number]) => (this.#counts[name] ?? 0) + (this.#summaries[name] ?? 0);
    const read = total('cache_read_input_tokens');
    const written = total('cache_creation_input_tokens');
    const usage: Usage = {
      inputTokens: total('input_tokens') + read + written,
      outputTokens: total('output_tokens'),
      cachedTokens: read,
      cacheWriteTokens: written,
      reasoningTokens: this.#counts.thinking_tokens ?? 0,
    };
    // for how long it was written, since the prices differ
    return {
      ...writeUsage(usage),
      ...(written > 0 && this.#cacheCreation && { cache_creation: this.#cacheCreation }),
    };
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
