/*
 * What each of Gemini's model families lets its caller say: data, looked up by the longest prefix of a name.
 * Source: https://ai.google.dev/gemini-api/docs/thinking, …/openai, …/latest-model and …/thought-signatures, the
 * release notes of llm-gemini 0.34, issues googleapis/js-genai 1609 (candidates) and PublicAffairs/openai-gemini 63
 * (penalties), and recorded answers (read 2026-11-20).
 */

/** How a model is told how much to think: by a word, by a number of tokens, or not at all. */
export type Thinks =
  | { readonly by: 'level'; readonly levels: readonly Level[] }
  | { readonly by: 'budget'; readonly least: number; readonly most: number; readonly off: boolean }
  | null;

/** Weakest first. */
export const LEVELS = ['minimal', 'low', 'medium', 'high'] as const;
export type Level = (typeof LEVELS)[number];

export interface Abilities {
  readonly thinks: Thinks;
  /** Are temperature, top_p and top_k looked at? */
  readonly sampling: boolean;
  readonly penalties: boolean;
  /** Answers that one request may ask for. */
  readonly candidates: number;
  /** Does it take tools and an answer in JSON in one request? */
  readonly jsonWithTools: boolean;
  /** Does it refuse a function call of the current turn that comes back without its signature? */
  readonly signatures: boolean;
}

const OLD: Abilities = {
  thinks: null,
  sampling: true,
  penalties: true,
  candidates: 8,
  jsonWithTools: false,
  signatures: false,
};
const BUDGET = { by: 'budget', least: 1, most: 24_576, off: true } as const;
const TWO_FIVE: Abilities = { ...OLD, penalties: false, thinks: BUDGET };
const THREE: Abilities = {
  thinks: { by: 'level', levels: ['low', 'medium', 'high'] },
  sampling: true,
  penalties: false,
  candidates: 1,
  jsonWithTools: true,
  signatures: true,
};
const THREE_FLASH: Abilities = { ...THREE, thinks: { by: 'level', levels: LEVELS } };
const IMAGE: Abilities = { ...THREE, thinks: null, jsonWithTools: false };
const FOUR: Abilities = { ...THREE, sampling: false };

export const MODELS: Readonly<Record<string, Abilities>> = {
  'gemma-': { ...OLD, penalties: false, candidates: 1 },
  'gemini-1': OLD,
  'gemini-2.0': OLD,
  'gemini-2.5-pro': { ...TWO_FIVE, thinks: { ...BUDGET, least: 128, most: 32_768, off: false } },
  'gemini-2.5-flash': TWO_FIVE,
  'gemini-2.5-flash-lite': { ...TWO_FIVE, thinks: { ...BUDGET, least: 512 } },
  'gemini-2.5-flash-image': { ...IMAGE, signatures: false },
  'gemini-3-pro': { ...THREE, thinks: { by: 'level', levels: ['low', 'high'] } },
  'gemini-3-pro-image': IMAGE,
  'gemini-3-flash': THREE_FLASH,
  'gemini-3.1-flash-image': IMAGE,
  'gemini-3.1-flash-lite': THREE_FLASH,
  'gemini-3.1-pro': THREE,
  'gemini-3.5-flash': THREE_FLASH,
  'gemini-3': THREE,
  'gemini-4': FOUR,
};

/** A model that nobody has heard of is newer than the list. */
const NEWEST = FOUR;

export function abilitiesOf(model: string): Abilities {
  const bare = model.replace(/^models\//, '');
  const prefix = Object.keys(MODELS)
    .filter((name) => bare.startsWith(name))
    .sort((a, b) => b.length - a.length)[0];
  return (prefix && MODELS[prefix]) || NEWEST;
}
