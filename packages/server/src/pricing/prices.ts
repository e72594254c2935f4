import type { Price, Usage } from '@inferbridge/core';
import type { PriceConfig } from '../config/schema.ts';
import { supplement } from './supplement.ts';

/** US dollars per million tokens; `null` where that kind of token has no price of its own. */
interface Rates {
  readonly input: number;
  readonly output: number;
  readonly cachedInput: number | null;
  readonly cacheWrite: number | null;
}

/** Finds prices: the configuration's, then the maintained table's, then the dated supplement's. */
export interface Prices {
  /** `null` where nobody knows the model's price. */
  of(provider: string, model: string): Price | null;
  /** Context window in tokens, where the table has it. */
  windowOf(provider: string, model: string): number | null;
  /** Models that the table lists for a provider. */
  modelsOf(provider: string): readonly string[];
  /** Loads the large table; until then only the configuration's and the supplement's prices are known. */
  load(): void | Promise<void>;
  /** When the newest of the tables was made: `2026-11-20`. */
  readonly lastUpdated: string;
}

/** The part of `@pydantic/genai-prices` that is used; 16 MB, so it is loaded with the first request. */
type Table = typeof import('@pydantic/genai-prices');

const PER = 1_000_000;
/** Prices that depend on the hour are looked up again after this long. */
const FRESH_MS = 60_000;

export function createPrices(
  configured: Readonly<Record<string, Readonly<Record<string, PriceConfig>> | undefined>>,
): Prices {
  let table: Table | null = null;
  let loading: Promise<void> | null = null;
  const known = new Map<string, Price | null>();
  const find = (provider: string, model: string): Price | null => {
    const own = entryOf(entryOf(configured, provider), model);
    if (own) return fixed(ratesOf(own));
    return (table && fromTable(table, provider, model)) ?? fromSupplement(provider, model);
  };
  return {
    lastUpdated: supplement.date,
    load() {
      if (table) return;
      loading ??= import('@pydantic/genai-prices').then((module) => {
        table = module;
        known.clear();
      });
      return loading;
    },
    of(provider, model) {
      const key = `${provider}\n${model}`;
      const found = known.get(key);
      if (found !== undefined) return found;
      const price = find(provider, model);
      if (known.size > 10_000) known.clear();
      known.set(key, price);
      return price;
    },
    windowOf: (provider, model) => (table && modelIn(table, provider, model)?.context_window) ?? null,
    modelsOf: (provider) => table?.findProvider({ providerId: provider })?.models.map(({ id }) => id) ?? [],
  };
}

const ratesOf = ({ input, output, cachedInput, cacheWrite }: PriceConfig): Rates => ({
  input,
  output,
  cachedInput: cachedInput ?? null,
  cacheWrite: cacheWrite ?? null,
});

/** What a table itself holds; `toString` and its like are no models. */
const entryOf = <T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  record && Object.hasOwn(record, name) ? record[name] : undefined;

const fixed =
  (rates: Rates): Price =>
  (usage) =>
    cost(usage, rates);

/** What is kept for an hour costs twice the input. Source: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching (read 2026-11-21). */
const HOUR_WRITE = 2;

/** Cached input without a price of its own is billed as input. */
function cost(usage: Usage, { input, output, cachedInput, cacheWrite }: Rates): number {
  const plain = Math.max(0, usage.inputTokens - usage.cachedTokens - usage.cacheWriteTokens);
  const hour = usage.hourWriteTokens ?? 0;
  const dollars =
    plain * input +
    usage.cachedTokens * (cachedInput ?? input) +
    (usage.cacheWriteTokens - hour) * (cacheWrite ?? input) +
    hour * input * HOUR_WRITE +
    usage.outputTokens * output;
  return dollars / PER;
}

function fromSupplement(provider: string, model: string): Price | null {
  const entry = entryOf(entryOf(supplement.prices, provider), model);
  if (!entry) return null;
  const { above, ...rates } = entry;
  return (usage) => cost(usage, above && usage.inputTokens > above.tokens ? above : rates);
}

const modelIn = (table: Table, provider: string, model: string) => {
  const owner = table.findProvider({ providerId: provider });
  // the table matches by patterns, some as wide as "contains sonnet-5"; only its own name, or a dated one, is this model
  return owner?.models.find(
    ({ id }) =>
      id === model ||
      (model.startsWith(id) && /^-(\d{8}|\d{4}-\d\d-\d\d|latest)$/.test(model.slice(id.length))),
  );
};

/** The table's price of this model, resolved anew each minute, since some depend on date and hour. */
function fromTable(table: Table, provider: string, model: string): Price | null {
  const entry = modelIn(table, provider, model);
  if (!entry) return null;
  let at = Number.NEGATIVE_INFINITY;
  let current: ((usage: Usage) => number) | null = null;
  return (usage, wallMs) => {
    if (wallMs - at >= FRESH_MS || wallMs < at) {
      at = wallMs;
      const probe = table.calcPrice({ input_tokens: 1, output_tokens: 1 }, entry.id, {
        providerId: provider,
        timestamp: new Date(wallMs),
      });
      current = probe ? compile(probe.model_price) : null;
    }
    return current?.(usage) ?? null;
  };
}

/** The table's own data is plain objects, whatever its types say. */
const isTiered = (value: unknown): value is { base: number; tiers: { start: number; price: number }[] } =>
  typeof value === 'object' && value !== null && 'base' in value && 'tiers' in value;

function compile(price: Readonly<Record<string, unknown>>): ((usage: Usage) => number) | null {
  const rate = (name: string, tokens: number): number | null => {
    const value = price[name];
    if (typeof value === 'number') return value;
    if (!isTiered(value)) return null;
    const tier = value.tiers.filter(({ start }) => tokens > start).at(-1);
    return tier?.price ?? value.base;
  };
  if (rate('input_mtok', 0) === null) return null;
  return (usage) => {
    const tokens = usage.inputTokens;
    return cost(usage, {
      input: rate('input_mtok', tokens) ?? 0,
      output: rate('output_mtok', tokens) ?? 0,
      cachedInput: rate('cache_read_mtok', tokens),
      cacheWrite: rate('cache_write_mtok', tokens),
    });
  };
}
