import { z } from 'zod';
import { ConfigError } from '../config/config-error.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `500ms`, `90s`, `10m`, `2h`, or seconds as a number; in milliseconds. */
const duration = z.union([z.number(), z.string()]).transform((given, context) => {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(String(given).trim()) ?? [];
  const ms = typeof given === 'number' ? given * 1_000 : Number(amount) * (UNITS[unit] ?? Number.NaN);
  if (Number.isFinite(ms) && ms >= 0) return ms;
  context.addIssue({ code: 'custom', message: 'a duration is wanted: 500ms, 90s, 10m, 2h' });
  return z.NEVER;
});

const share = z.number().min(0).max(1);

/** Two points of a distribution with a long tail (log-normal). */
const latency = z
  .strictObject({ p50: duration, p95: duration })
  .refine(({ p50, p95 }) => p50 > 0 && p95 >= p50, 'p95 must be at least p50, and both above 0');

/** More than any model takes. */
const MOST_TOKENS = 2_000_000;

/** A range in which numbers are drawn, each order of magnitude alike. */
const range = z
  .tuple([z.int().min(1).max(MOST_TOKENS), z.int().min(1).max(MOST_TOKENS)])
  .refine(([low, high]) => low <= high, 'the first number must not be above the second');

/** How a provider behaves while nothing is the matter. */
const behaviour = z.strictObject({
  /** Until the first content. */
  firstContent: latency.optional(),
  tokensPerSecond: z.number().positive().optional(),
  /** Share of requests that fail with 500 at any time. */
  errors: share.optional(),
});

/** What happens to a provider for a while. */
export const FAULT_NAMES = ['timeout', 'reset', 'unreachable', 'malformed', 'cut'] as const;

const FAULT_WANTED = `a status from 400 to 599 or one of ${FAULT_NAMES.join(', ')} is wanted`;

const event = z
  .strictObject({
    provider: z.string(),
    model: z.string().optional(),
    from: duration.default(0),
    for: duration.optional(),
    /** An HTTP status, or a name. */
    fault: z
      .union([z.int(), z.enum(FAULT_NAMES)], { error: FAULT_WANTED })
      .refine((fault) => typeof fault === 'string' || (fault >= 400 && fault <= 599), FAULT_WANTED)
      .optional(),
    /** Of the requests. */
    share: share.default(1),
    retryAfter: duration.optional(),
    firstContent: latency.optional(),
    tokensPerSecond: z.number().positive().optional(),
  })
  .refine(
    ({ fault, firstContent, tokensPerSecond }) => fault ?? firstContent ?? tokensPerSecond,
    'say what happens: fault, firstContent or tokensPerSecond',
  );

const traffic = z.strictObject({
  model: z.string(),
  /** Relative to the others. */
  weight: z.number().positive().default(1),
  /** Share of requests that stream. */
  stream: share.default(0.5),
  tools: share.default(0),
  images: share.default(0),
  inputTokens: range.default([100, 2_000]),
  outputTokens: range.default([20, 500]),
  users: z.int().min(1).max(100_000).default(100),
  tags: z.record(z.string(), z.string()).default({}),
  /** A client that has seen nothing by then leaves. */
  patience: duration.default(600_000),
});

const scenarioSchema = z.strictObject({
  duration: duration.default(600_000),
  requests: z.int().min(1).max(1_000_000).default(5_000),
  /** Providers that have a key; default: all that the tiers name. */
  keys: z.array(z.string()).optional(),
  traffic: z.array(traffic).min(1),
  /** By provider, or `default` for all others. */
  providers: z.record(z.string(), behaviour).default({}),
  events: z.array(event).default([]),
});

export type Scenario = z.infer<typeof scenarioSchema>;
export type Traffic = Scenario['traffic'][number];
export type Latency = z.infer<typeof latency>;
export type Behaviour = z.infer<typeof behaviour>;
export type ScenarioEvent = Scenario['events'][number];

/** A scenario as it was written, checked; throws a `ConfigError` with every fault and its place. */
export function parseScenario(raw: unknown, source = 'the scenario'): Scenario {
  const result = scenarioSchema.safeParse(raw ?? {});
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => {
    const place = issue.path
      .map((step, index) =>
        typeof step === 'number' ? `[${step}]` : `${index > 0 ? '.' : ''}${String(step)}`,
      )
      .join('');
    return `${place || 'it'}: ${issue.message}`;
  });
  throw new ConfigError(lines, source);
}
