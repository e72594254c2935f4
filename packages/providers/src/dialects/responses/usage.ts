import { readUsage, type WireUsage, writeUsage } from '@inferbridge/core';
import { isRecord } from '../openai/errors.ts';
import type { Item } from './item.ts';

/**
 * Usage as chat spells it, from a response's; `null` where it is missing or absurd. Both count alike: input includes
 * what was cached and written, output includes reasoning.
 * Source: https://platform.openai.com/docs/api-reference/responses/object (openai 7.55.0, read 2026-11-20).
 */
export function chatUsage(usage: unknown): WireUsage | null {
  if (!isRecord(usage)) return null;
  const read = readUsage({
    prompt_tokens: usage['input_tokens'],
    completion_tokens: usage['output_tokens'],
    total_tokens: usage['total_tokens'],
    prompt_tokens_details: usage['input_tokens_details'],
    completion_tokens_details: usage['output_tokens_details'],
  } as WireUsage); // readUsage checks every field
  return read && writeUsage(read);
}

/** Usage as a response spells it, from chat's; `null` where there is none. */
export function responseUsage(wire: WireUsage | null | undefined): Item | null {
  const usage = readUsage(wire);
  return (
    usage && {
      input_tokens: usage.inputTokens,
      input_tokens_details: {
        cached_tokens: usage.cachedTokens,
        cache_write_tokens: usage.cacheWriteTokens,
      },
      output_tokens: usage.outputTokens,
      output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
      total_tokens: usage.inputTokens + usage.outputTokens,
    }
  );
}
