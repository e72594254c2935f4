/*
 * What each of Anthropic's model families lets its caller say: data, looked up by the longest prefix of a name.
 * Source: Anthropic's model and extended-thinking documentation by way of the vendor catalogues of
 * @ai-sdk/anthropic 4.0.105 and pi-ai 1.5.2, and recorded answers (read 2026-11-20).
 */

export interface Abilities {
  /** Tokens; also what is asked for where the caller sets no limit. */
  readonly maxOutput: number;
  /** `both`: temperature and top_p together; `one`: either; `none`: neither. */
  readonly sampling: 'both' | 'one' | 'none';
  /** How thinking is asked for: not at all, with a number of tokens, or by an effort. */
  readonly thinking: 'none' | 'budget' | 'adaptive';
  /** What turns adaptive thinking off; `null` where nothing does. */
  readonly off: 'disabled' | 'between_tools' | null;
  /** The efforts that an adaptive model takes, weakest first. */
  readonly efforts: readonly string[];
  /** May a tool be forced? `unless thinking`: not together with a thinking budget. */
  readonly forcedTools: 'yes' | 'unless thinking' | 'no';
  /** Does it go on where a last assistant message ends? */
  readonly prefill: boolean;
  /** Does it take system messages in the middle of a conversation? */
  readonly systemMidway: boolean;
  /** Does it hold its answer to a JSON schema by itself? */
  readonly schema: boolean;
}

const SIX = ['low', 'medium', 'high', 'max'];
const ALL = ['low', 'medium', 'high', 'xhigh', 'max'];

const OLD: Abilities = {
  maxOutput: 8_192,
  sampling: 'both',
  thinking: 'none',
  off: null,
  efforts: [],
  forcedTools: 'yes',
  prefill: true,
  systemMidway: false,
  schema: false,
};
const BUDGET: Abilities = {
  ...OLD,
  maxOutput: 64_000,
  sampling: 'one',
  thinking: 'budget',
  forcedTools: 'unless thinking',
};
const FOUR_FIVE: Abilities = { ...BUDGET, schema: true };
const FOUR_SIX: Abilities = {
  ...FOUR_FIVE,
  maxOutput: 128_000,
  thinking: 'adaptive',
  off: 'disabled',
  efforts: SIX,
  forcedTools: 'yes',
  prefill: false,
};
const FIVE: Abilities = { ...FOUR_SIX, sampling: 'none', efforts: ALL };
const FABLE: Abilities = { ...FIVE, off: null, systemMidway: true };
const FIVE_FIVE: Abilities = { ...FIVE, systemMidway: true };

export const MODELS: Readonly<Record<string, Abilities>> = {
  'claude-3-haiku': { ...OLD, maxOutput: 4_096 },
  'claude-3-opus': { ...OLD, maxOutput: 4_096 },
  'claude-3-5': OLD,
  'claude-3-7': { ...BUDGET, sampling: 'both' },
  'claude-opus-4-0': { ...BUDGET, maxOutput: 32_000 },
  'claude-opus-4-2025': { ...BUDGET, maxOutput: 32_000 },
  'claude-opus-4-1': { ...BUDGET, maxOutput: 32_000, schema: true },
  'claude-sonnet-4-0': BUDGET,
  'claude-sonnet-4-2025': BUDGET,
  'claude-sonnet-4-5': FOUR_FIVE,
  'claude-opus-4-5': FOUR_FIVE,
  'claude-haiku-4-5': FOUR_FIVE,
  'claude-sonnet-4-6': FOUR_SIX,
  'claude-opus-4-6': FOUR_SIX,
  'claude-opus-4-7': FIVE,
  'claude-opus-4-8': { ...FIVE, systemMidway: true },
  'claude-sonnet-5': FIVE,
  'claude-opus-5': { ...FIVE, systemMidway: true },
  'claude-fable-5': FABLE,
  'claude-fable-5-1': { ...FABLE, forcedTools: 'no' },
  'claude-fable-5-2': { ...FABLE, forcedTools: 'no' },
  'claude-haiku-5-5': FIVE_FIVE,
  'claude-sonnet-5-5': { ...FIVE_FIVE, off: 'between_tools', forcedTools: 'no' },
  'claude-opus-5-5': { ...FIVE_FIVE, off: null, forcedTools: 'no' },
};

/** A model that nobody has heard of is newer than the list, and takes what the strictest ones take. */
const NEWEST: Abilities = { ...FIVE, off: null, forcedTools: 'no' };

/** What makes `claude-opus-4-1` another model: `claude-opus-4-10`. A date does not. */
const NEXT_VERSION = /^-?\d{1,2}(?!\d)/;

const known = new Map<string, Abilities>();
const MOST_KEPT = 1_000;

export function abilitiesOf(model: string): Abilities {
  const found = known.get(model);
  if (found) return found;
  const prefix = Object.keys(MODELS)
    .filter((name) => model.startsWith(name) && !NEXT_VERSION.test(model.slice(name.length)))
    .sort((a, b) => b.length - a.length)[0];
  const abilities = (prefix && MODELS[prefix]) || NEWEST;
  if (known.size >= MOST_KEPT) known.clear();
  known.set(model, abilities);
  return abilities;
}
