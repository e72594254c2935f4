/** A rate as vendors publish it, US dollars per million tokens. */
interface Entry {
  readonly input: number;
  readonly output: number;
  readonly cachedInput: number | null;
  readonly cacheWrite: number | null;
  /** Other rates for the whole request once its prompt is longer than this. */
  readonly above?: {
    readonly tokens: number;
    readonly input: number;
    readonly output: number;
    readonly cachedInput: number | null;
    readonly cacheWrite: number | null;
  };
}

const entry = (
  input: number,
  cachedInput: number | null,
  output: number,
  cacheWrite: number | null = null,
): Entry => ({ input, output, cachedInput, cacheWrite });

const long = (rates: Entry, tokens: number, input: number, output: number): Entry => ({
  ...rates,
  above: {
    tokens,
    input: rates.input * input,
    output: rates.output * output,
    cachedInput: rates.cachedInput === null ? null : rates.cachedInput * input,
    cacheWrite: rates.cacheWrite === null ? null : rates.cacheWrite * input,
  },
});

/** OpenAI's gpt-6 family costs twice for input and half more for output above 272,000 prompt tokens. */
const gpt6 = (rates: Entry): Entry => long(rates, 272_000, 2, 1.5);

/** Sarvam publishes rupees; ₹88 to the dollar is an assumption, to be replaced in the configuration. */
const rupees = (input: number, cached: number, output: number): Entry =>
  entry(input / 88, cached / 88, output / 88);

/**
 * Prices that the maintained table lacks.
 * Source: vendors' price pages by way of the models.dev catalogue of 2026-11-10; Sarvam's page as of 2026-09-28.
 */
export const supplement: {
  readonly date: string;
  readonly prices: Readonly<Record<string, Readonly<Record<string, Entry>>>>;
} = {
  date: '2026-11-20',
  prices: {
    openai: {
      'gpt-6-luna': gpt6(entry(0.1, 0.01, 0.5, 0.125)),
      'gpt-6.1-terra': gpt6(entry(1, 0.05, 5, 1.25)),
      'gpt-6.1-sol': gpt6(entry(2, 0.1, 10, 2.5)),
      'gpt-6-astra': gpt6(entry(10, 1, 50)),
    },
    anthropic: {
      'claude-haiku-5-5': {
        ...entry(0.1, 0.01, 0.5, 0.125),
        above: { tokens: 100_000, input: 0.5, output: 2.5, cachedInput: 0.05, cacheWrite: 0.625 },
      },
      'claude-sonnet-5-5': entry(2, 0.1, 10, 2.5),
      'claude-opus-5-5': entry(4, 0.2, 20, 5),
      'claude-fable-5-2': entry(8, 0.2, 40, 10),
      'claude-opus-5': entry(5, 0.5, 25),
      'claude-sonnet-5': entry(2, 0.2, 10),
    },
    groq: {
      'openai/gpt-oss-20b': entry(0.075, 0.0375, 0.3),
      'openai/gpt-oss-120b': entry(0.15, 0.075, 0.6),
      'qwen/qwen3.6-27b': entry(0.6, 0.3, 3),
      'qwen/qwen3.8-27b': entry(0.8, null, 4),
    },
    deepseek: {
      'deepseek-flash': entry(0.3, 0.006, 1.2),
      'deepseek-v4-pro': entry(1.32, 0.044, 3.96),
    },
    together: {
      'openai/gpt-oss-120b': entry(0.15, null, 0.6),
      'zai-org/GLM-5.3-Flash': entry(0.15, 0.03, 0.5),
      'zai-org/GLM-5.3': entry(1.4, 0.26, 4.4),
      'MiniMaxAI/MiniMax-M3': entry(0.3, 0.06, 1.2),
      'deepseek-ai/DeepSeek-V4.1-Flash': entry(0.3, 0.006, 1.2),
      'moonshotai/Kimi-K3.1-Pro': entry(2, 0.2, 10),
    },
    sarvam: {
      'sarvam-105b': rupees(29.28, 10.98, 73.2),
      'sarvam-105b-conversations': rupees(29.28, 10.98, 73.2),
    },
    mistral: {
      'mistral-small-latest': entry(0.15, 0.015, 0.6),
      'mistral-medium-latest': entry(1.5, 0.15, 7.5),
      'mistral-large-4': entry(0.7, 0.07, 2.1),
    },
    openrouter: {
      'openai/text-embedding-3-small': entry(0.02, null, 0),
    },
    cohere: {
      'command-a-03-2025': entry(2.5, null, 10),
    },
  },
};
