import { z } from 'zod';

/** Milliseconds above zero. */
const ms = z.number().positive();
const url = z.url({ protocol: /^https?$/, error: 'an http(s) URL is wanted' });
/** US dollars per million tokens. */
const price = z.strictObject({
  input: z.number().min(0),
  output: z.number().min(0),
  cachedInput: z.number().min(0).optional(),
  cacheWrite: z.number().min(0).optional(),
});

/** One vendor; keys that are not ours are the plugin's own options and checked by it. */
const provider = z.looseObject({
  use: z.string().optional(),
  baseUrl: url.optional(),
  apiKey: z.string().min(1).optional(),
  apiKeys: z.array(z.string().min(1)).min(1).optional(),
  residency: z.string().min(1).optional(),
  prices: z.record(z.string(), price).optional(),
  healthCheckSeconds: z.int().min(0).max(3_600).optional(),
});

const timeouts = z.strictObject({
  connectMs: ms.optional(),
  headersMs: ms.optional(),
  firstContentMs: ms.optional(),
  idleMs: ms.optional(),
  totalMs: ms.optional(),
});

const strategy = z.union([z.string(), z.tuple([z.string(), z.record(z.string(), z.unknown())])]);
const cacheChoice = z.union([
  z.boolean(),
  z.strictObject({ always: z.boolean().optional(), ttlSeconds: z.int().min(60).max(86_400).optional() }),
]);

/** `provider:model`, or a tier inside the tier. */
const target: z.ZodType<TargetConfig> = z.lazy(() =>
  z.union([
    z.string(),
    z.strictObject({ strategy: strategy.default('priority'), targets: z.array(target).min(1) }),
  ]),
);

const tier = z.strictObject({
  strategy: strategy.default('priority'),
  targets: z.array(target).min(1),
  timeouts: timeouts.optional(),
  retries: z.int().min(0).max(10).optional(),
  fallbackOn: z
    .strictObject({
      content_policy: z.boolean().optional(),
      refusal: z.boolean().optional(),
      context_length: z
        .union([z.boolean(), z.literal('larger')], { error: 'true, false or larger is wanted' })
        .optional(),
    })
    .optional(),
  breaker: z.strictObject({ failures: z.int().min(1).optional(), openMs: ms.optional() }).optional(),
  maxUsd: z.number().positive().optional(),
  cache: cacheChoice.optional(),
});

const faultRule = z.strictObject({
  provider: z.string().min(1),
  model: z.string().min(1).optional(),
  fault: z.string().min(1),
  share: z.number().gt(0).max(1).optional(),
});

/** Where a tag comes from. */
const tag = z
  .string()
  .regex(/^(metadata\.[^.]{1,64}|header\.[A-Za-z0-9-]{1,64})$/, 'metadata.NAME or header.NAME is wanted')
  .refine(
    (from) => !/^header\.(proxy-)?(authorization|cookie|x-api-key|api-key)$/i.test(from),
    'a header that carries a secret cannot be a tag: tags are kept on the log row',
  );

/** `https://app.example.com`, or `*` for all. */
const origin = z
  .string()
  .refine(
    (text) =>
      text === '*' ||
      (!text.includes('*') && URL.parse(text)?.origin === text.toLowerCase().replace(/\/$/, '')),
    'an origin such as https://app.example.com is wanted, or *',
  );

const network = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: 'an address or a network such as 10.0.0.0/8 is wanted',
});

const stage = z.union([z.string(), z.tuple([z.string(), z.record(z.string(), z.unknown())])]);

/** The whole configuration. Every key has a default. */
export const configSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(8585),
  dataDir: z.string().min(1).default('./data'),
  database: z
    .union(
      [z.literal('sqlite'), z.string().regex(/^postgres(ql)?:\/\//, 'sqlite or postgres://… is wanted')],
      {
        error: 'sqlite or postgres://… is wanted',
      },
    )
    .default('sqlite'),
  bodyLimitBytes: z.int().min(1024).default(33_554_432),
  workers: z.int().min(1).max(256).default(1),
  cors: z.strictObject({ origins: z.array(origin).default([]) }).prefault({}),
  cache: z
    .strictObject({
      store: z
        .union(
          [
            z.enum(['memory', 'sqlite']),
            z.string().regex(/^rediss?:\/\//, 'memory, sqlite or redis://… is wanted'),
          ],
          {
            error: 'memory, sqlite or redis://… is wanted',
          },
        )
        .default('sqlite'),
      scope: z.enum(['user', 'shared']).default('user'),
      ttlSeconds: z.int().min(60).max(86_400).default(3_600),
      staleSeconds: z.int().min(0).default(0),
      always: z.boolean().default(false),
      memoryBytes: z.int().min(0).default(67_108_864),
      fileMaxBytes: z.int().min(1_048_576).default(1_073_741_824),
    })
    .prefault({}),
  signup: z.enum(['open', 'token', 'closed']).default('open'),
  limits: z
    .strictObject({
      rpm: z.int().min(1).optional(),
      tpm: z.int().min(1).optional(),
      usdPerDay: z.number().positive().optional(),
      usdPerMonth: z.number().positive().optional(),
      store: z
        .union([z.literal('memory'), z.string().regex(/^rediss?:\/\//, 'memory or redis://… is wanted')], {
          error: 'memory or redis://… is wanted',
        })
        .optional(),
      signupsPerMinute: z.int().min(1).default(60),
      inFlight: z.int().min(1).default(2_000),
    })
    .prefault({}),
  importedKeys: z.boolean().default(false),
  trustedProxies: z.array(network).default([]),
  retentionDays: z.int().min(1).default(30),
  logFileMaxBytes: z.int().min(1_048_576).default(4_294_967_296),
  strictFields: z.boolean().default(false),
  selfHosted: z
    .strictObject({ privateAddresses: z.union([z.boolean(), z.array(url)]).default(false) })
    .prefault({}),
  faults: z
    .union([
      z.boolean(),
      z.strictObject({ header: z.boolean().default(true), rules: z.array(faultRule).default([]) }),
    ])
    .default(false),
  plugins: z.array(z.string().min(1)).default([]),
  tags: z
    .record(z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, 'a tag is lower-case letters, digits, - and _'), tag)
    .default({}),
  aliases: z.record(z.string(), z.string().min(1)).default({}),
  providers: z
    .record(
      z.string().regex(/^[a-z][a-z0-9_-]*$/, 'a provider name is lower-case letters, digits, - and _'),
      provider,
    )
    .default({}),
  tiers: z.record(z.string().min(1), tier).default({}),
  stages: z.array(stage).optional(),
});

export type Config = z.infer<typeof configSchema>;
export type ProviderConfig = z.infer<typeof provider>;
export type TierConfig = z.infer<typeof tier>;
export type PriceConfig = z.infer<typeof price>;
export type StrategyConfig = z.infer<typeof strategy>;
/** `named`: the tier whose name stood here. */
export type TargetConfig =
  | string
  | { strategy: StrategyConfig; targets: TargetConfig[]; readonly named?: string };
