import type { WireUsage } from '@inferbridge/core';

const tokens = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;

/**
 * Usage as OpenAI counts it, from vendors who count otherwise: reasoning left out of the completion (the total tells),
 * cached tokens at the top level or under another name, a missing total. `null` where nothing is counted.
 * Source: recorded answers of the vendors, see their own files (read 2026-11-20).
 */
export function plainUsage(usage: WireUsage): WireUsage | null {
  if (typeof usage !== 'object' || usage === null) return null;
  const prompt = tokens(usage.prompt_tokens);
  const completion = tokens(usage.completion_tokens) ?? 0;
  if (prompt === null) return null;
  const total = tokens(usage.total_tokens) ?? 0;
  const all = Math.max(total, prompt + completion);
  const cached =
    usage.prompt_tokens_details?.cached_tokens ??
    tokens(usage['cached_tokens']) ??
    tokens(usage['prompt_cache_hit_tokens']) ??
    null;
  return {
    ...usage,
    prompt_tokens: prompt,
    completion_tokens: all - prompt,
    total_tokens: all,
    ...(cached !== null && {
      prompt_tokens_details: { ...usage.prompt_tokens_details, cached_tokens: cached },
    }),
  };
}
