import type { TierConfig } from '../config/schema.ts';
import { EMBEDDINGS_MODE } from './names.ts';

/**
 * The built-in modes: the documented chains, and each provider's default model in them. Vendors retire models; one
 * that is gone moves a request on to the next candidate.
 * Models and their prices: vendors' pages by way of the models.dev catalogue of 2026-11-10.
 */
const DATE = '2026-11-20';

const CHEAP = [
  'groq:openai/gpt-oss-20b',
  'deepseek:deepseek-flash',
  'together:zai-org/GLM-5.3-Flash',
  'sarvam:sarvam-105b-conversations',
  'krutrim:Krutrim-spectre-v2',
  'openai:gpt-6-luna',
];

const BALANCED = [
  'openai:gpt-6.1-terra',
  'sarvam:sarvam-105b',
  'krutrim:Krutrim-spectre-v2',
  'anthropic:claude-sonnet-5-5',
  'groq:openai/gpt-oss-120b',
  'cohere:command-a-03-2025',
  'mistral:mistral-medium-latest',
];

const PREMIUM = ['anthropic:claude-opus-5-5', 'openai:gpt-6.1-sol', 'mistral:mistral-large-4'];

/** Vectors of different models cannot be compared: one model, wherever it is served. */
const EMBED = ['openai:text-embedding-3-small', 'openrouter:openai/text-embedding-3-small'];

const inOrder = (targets: string[]): TierConfig => ({ strategy: 'priority', targets });

export const defaultTiers: { readonly date: string; readonly tiers: Readonly<Record<string, TierConfig>> } = {
  date: DATE,
  tiers: {
    'ib/cheap': inOrder(CHEAP),
    'ib/balanced': inOrder(BALANCED),
    'ib/premium': inOrder(PREMIUM),
    [EMBEDDINGS_MODE]: inOrder(EMBED),
  },
};
