import type { Item } from './item.ts';

/** A reasoning item in `provider_specific_fields.openai`, which knows how many calls stand before it. */
export const placed = (reasoning: Item, calls: number): Item =>
  calls > 0 ? { ...reasoning, calls_before: calls } : reasoning;

/** What the items of an answer carry that chat has no place for, as `provider_specific_fields`; `{}` where there is nothing. */
export function ownOf(reasoning: readonly Item[], phase: unknown): Item {
  const own = {
    ...(reasoning.length > 0 && { reasoning }),
    ...(typeof phase === 'string' && { phase }),
  };
  return Object.keys(own).length > 0 ? { provider_specific_fields: { openai: own } } : {};
}

const REASONS: Readonly<Record<string, string>> = {
  max_output_tokens: 'length',
  content_filter: 'content_filter',
};

/**
 * Why an answer ended, in chat's words. What was cut short for a reason that is yet to be invented counts as too long.
 * Source: openai 7.55.0, Response.IncompleteDetails (read 2026-11-20).
 */
export function finishOf(response: Item, calls: boolean): string {
  const details = response['incomplete_details'];
  if (response['status'] === 'incomplete') {
    const reason =
      typeof details === 'object' && details !== null ? (details as { reason?: unknown }).reason : null; // an object may be asked for any field
    return (typeof reason === 'string' && REASONS[reason]) || 'length';
  }
  return calls ? 'tool_calls' : 'stop';
}

/** The head of an answer: its id, its model and when it was made, with fallbacks for what is missing. */
export function headOf(response: Item, created: number): { id: string; created: number; model: string } {
  const { id, created_at: made, model } = response;
  return {
    id: typeof id === 'string' && id !== '' ? id : `resp_${created}`,
    created: typeof made === 'number' && Number.isFinite(made) ? Math.floor(made) : created,
    model: typeof model === 'string' ? model : '',
  };
}

/** Under chat's name, where there is one. */
export const tierOf = ({ service_tier: tier }: Item): { service_tier?: string } =>
  typeof tier === 'string' ? { service_tier: tier } : {};
