import { hash } from 'node:crypto';
import type { ChatRequest } from '@inferbridge/core';
import { asText } from '../../json.ts';

/** OpenAI's range goes to 2, Anthropic's to 1. */
export function sampling(
  request: ChatRequest,
  allowed: 'both' | 'one' | 'none',
  dropped: (param: string) => void,
): Record<string, number> {
  const { temperature, top_p: p, top_k: k } = request;
  const given = {
    ...(typeof temperature === 'number' && { temperature: Math.min(1, temperature) }),
    ...(typeof p === 'number' && { top_p: p }),
    ...(typeof k === 'number' && { top_k: k }),
  };
  if (allowed === 'none') {
    for (const name of Object.keys(given)) dropped(name);
    return {};
  }
  if (allowed === 'both' || given.temperature === undefined || given.top_p === undefined) return given;
  dropped('top_p');
  const { top_p: _, ...rest } = given;
  return rest;
}

/** Stop sequences of nothing but blanks are refused. */
export function stops({ stop }: ChatRequest): { stop_sequences: string[] } | null {
  const given = Array.isArray(stop) ? stop : [stop ?? ''];
  const kept = [...new Set(given.filter((text) => asText(text).trim() !== ''))];
  return kept.length > 0 ? { stop_sequences: kept } : null;
}

const MOST_USER = 256;

/** Who asks, and never an address: one that looks like it is hashed. */
export function metadata(request: ChatRequest): { metadata: { user_id: string } } | null {
  const user = request['safety_identifier'] ?? request.user;
  if (typeof user !== 'string' || user === '') return null;
  const id = user.includes('@') || user.length > MOST_USER ? hash('sha256', user, 'hex') : user;
  return { metadata: { user_id: id } };
}

const TIERS: ReadonlyMap<string, string> = new Map(
  Object.entries({ auto: 'auto', default: 'standard_only' }),
);

export function serviceTier(
  request: ChatRequest,
  dropped: (param: string) => void,
): { service_tier: string } | null {
  const given = request['service_tier'];
  if (typeof given !== 'string') return null;
  const tier = TIERS.get(given);
  if (tier) return { service_tier: tier };
  dropped('service_tier');
  return null;
}
