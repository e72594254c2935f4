// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own syntax
import { describe, expect, it } from 'vitest';
import { ConfigError } from './config-error.ts';
import { parseConfig } from './parse.ts';

const parse = (raw: unknown, env: Record<string, string> = {}) => parseConfig(raw, { env });

/** The lines of a refusal. */
function faults(raw: unknown, env: Record<string, string> = {}): readonly string[] {
  try {
    parse(raw, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
  throw new Error('it was taken');
}

/** The example of the contract, whole. */
const EXAMPLE = {
  host: '127.0.0.1',
  port: 8585,
  dataDir: './data',
  database: 'sqlite',
  bodyLimitBytes: 33554432,
  workers: 1,
  cors: { origins: [] },
  cache: {
    store: 'sqlite',
    scope: 'user',
    ttlSeconds: 3600,
    staleSeconds: 0,
    always: false,
    memoryBytes: 67108864,
  },
  signup: 'open',
  limits: { rpm: 600, tpm: 1000000, usdPerDay: 5, signupsPerMinute: 60, inFlight: 2000 },
  retentionDays: 30,
  logFileMaxBytes: 4294967296,
  strictFields: false,
  selfHosted: { privateAddresses: false },
  faults: false,
  plugins: ['./acme.ts', '@acme/inferbridge-provider'],
  aliases: { 'gpt-4o-mini': 'ib/balanced', fast: 'groq:openai/gpt-oss-20b' },
  providers: {
    openai: { baseUrl: 'https://api.openai.com/v1', apiKey: '${OPENAI_API_KEY}' },
    acme: {
      use: 'openai-compatible',
      baseUrl: 'https://llm.acme.example/v1',
      residency: 'eu',
      prices: { 'acme-1': { input: 0.5, output: 1.5 } },
    },
  },
  tiers: {
    'ib/balanced': {
      strategy: 'priority',
      targets: ['openai:gpt-6.1-terra', 'sarvam:sarvam-105b', 'anthropic:claude-sonnet-5-5'],
    },
    'ib/fast': {
      strategy: ['hedge', { afterMs: 300 }],
      targets: ['groq:openai/gpt-oss-120b', 'openai:gpt-6-luna'],
      timeouts: { firstContentMs: 5000 },
    },
    'ib/trial': {
      strategy: ['ab', { weights: [90, 10], by: 'user' }],
      targets: [
        'openai:gpt-6.1-terra',
        { strategy: 'priority', targets: ['anthropic:claude-sonnet-5-5', 'openai:gpt-6.1-terra'] },
      ],
    },
  },
  stages: ['logger', 'auth', 'limits', 'cache', 'router'],
};

describe('parseConfig', () => {
  it('takes the example of the contract as it stands', () => {
    const config = parse(EXAMPLE, { OPENAI_API_KEY: 'sk-filled' });
    expect(config).toEqual({
      ...EXAMPLE,
      cache: { ...EXAMPLE.cache, fileMaxBytes: 1_073_741_824 },
      importedKeys: false,
      trustedProxies: [],
      tags: {},
      providers: {
        ...EXAMPLE.providers,
        openai: { baseUrl: 'https://api.openai.com/v1', apiKey: 'sk-filled' },
      },
    });
  });

  it('gives every key its documented default', () => {
    for (const nothing of [{}, undefined, null])
      expect(parse(nothing)).toEqual({
        host: '127.0.0.1',
        port: 8585,
        dataDir: './data',
        database: 'sqlite',
        bodyLimitBytes: 33554432,
        workers: 1,
        cors: { origins: [] },
        cache: {
          store: 'sqlite',
          scope: 'user',
          ttlSeconds: 3600,
          staleSeconds: 0,
          always: false,
          memoryBytes: 67108864,
          fileMaxBytes: 1073741824,
        },
        signup: 'open',
        limits: { signupsPerMinute: 60, inFlight: 2000 },
        importedKeys: false,
        trustedProxies: [],
        retentionDays: 30,
        logFileMaxBytes: 4294967296,
        strictFields: false,
        selfHosted: { privateAddresses: false },
        faults: false,
        plugins: [],
        tags: {},
        aliases: {},
        providers: {},
        tiers: {},
      });
  });

  it.each([
    [{ database: 'postgres://u:p@db/ib' }],
    [{ cache: { store: 'redis://cache:6379' } }],
    [{ cache: { store: 'memory' } }],
    [{ selfHosted: { privateAddresses: ['http://10.0.0.5:11434'] } }],
    [{ stages: ['logger', ['acme', { level: 2 }], 'router'] }],
    [
      {
        tiers: {
          t: {
            targets: ['a:b'],
            cache: true,
            retries: 0,
            fallbackOn: { content_policy: true },
            breaker: { failures: 3, openMs: 1000 },
            maxUsd: 0.5,
          },
        },
      },
    ],
    [{ providers: { acme: { apiKeys: ['a', 'b'], anything: { the: 'plugin wants' } } } }],
  ])('takes %j', (raw) => {
    expect(parse(raw)).toMatchObject(raw);
  });
});

describe('an unknown key', () => {
  it.each([
    [{ prot: 1 }, 'prot: unknown key; did you mean "port"?'],
    [{ datadir: 'x' }, 'datadir: unknown key; did you mean "dataDir"?'],
    [{ limits: { rmp: 1 } }, 'limits.rmp: unknown key; did you mean "rpm"?'],
    [{ cache: { ttl: 60 } }, /^cache\.ttl: unknown key; .*ttlSeconds/],
    [
      { tiers: { 'ib/cheap': { targets: ['a:b'], timeouts: { firstContent: 1 } } } },
      'tiers.ib/cheap.timeouts.firstContent: unknown key; did you mean "firstContentMs"?',
    ],
    [
      { tiers: { t: { targets: ['a:b', { strategie: 'x', targets: ['a:b'] }] } } },
      'tiers.t.targets[1].strategie: unknown key; did you mean "strategy"?',
    ],
    [
      { providers: { acme: { prices: { m: { input: 1, output: 1, cached: 1 } } } } },
      /^providers\.acme\.prices\.m\.cached: unknown key/,
    ],
    [{ zzzzzzzzzz: 1 }, /^zzzzzzzzzz: unknown key; known: host, port, /],
  ])('is refused with its path and the nearest name: %j', (raw, expected) => {
    const [line] = faults(raw);
    if (typeof expected === 'string') expect(line).toBe(expected);
    else expect(line).toMatch(expected);
  });

  it('is told together with all the others', () => {
    expect(
      faults({ prot: 1, hots: 2, port: 'x' })
        .map((line) => line.split(':')[0])
        .sort(),
    ).toEqual(['hots', 'port', 'prot']);
  });
});

describe('a bad value', () => {
  it.each([
    [{ port: 'abc' }, 'port'],
    [{ port: 70_000 }, 'port'],
    [{ port: 1.5 }, 'port'],
    [{ host: '' }, 'host'],
    [{ workers: 0 }, 'workers'],
    [{ database: 'mysql://x' }, 'database'],
    [{ cache: { store: 'disk' } }, 'cache.store'],
    [{ cache: { ttlSeconds: 5 } }, 'cache.ttlSeconds'],
    [{ signup: 'maybe' }, 'signup'],
    [{ limits: { rpm: -1 } }, 'limits.rpm'],
    [{ cors: { origins: 'x' } }, 'cors.origins'],
    [{ selfHosted: { privateAddresses: ['no url'] } }, 'selfHosted.privateAddresses[0]'],
    [{ plugins: [5] }, 'plugins[0]'],
    [{ providers: { acme: { baseUrl: 'ftp://x' } } }, 'providers.acme.baseUrl'],
    [{ providers: { acme: { apiKey: '' } } }, 'providers.acme.apiKey'],
    [{ providers: { 'Bad Name': {} } }, 'providers.Bad Name'],
    [{ providers: { acme: { prices: { m: { input: 'x', output: 1 } } } } }, 'providers.acme.prices.m.input'],
    [{ tiers: { t: { targets: [] } } }, 'tiers.t.targets'],
    [{ tiers: { t: {} } }, 'tiers.t.targets'],
    [{ tiers: { t: { targets: ['a:b'], retries: 99 } } }, 'tiers.t.retries'],
    [
      { tiers: { t: { targets: ['a:b', { strategy: 'priority', targets: [] }] } } },
      'tiers.t.targets[1].targets',
    ],
    [{ tiers: { t: { targets: ['a:b'], timeouts: { idleMs: 0 } } } }, 'tiers.t.timeouts.idleMs'],
    [{ stages: [7] }, 'stages[0]'],
    ['text', 'the configuration'],
    [[], 'the configuration'],
  ])('is refused with its path: %j', (raw, path) => {
    const lines = faults(raw);
    expect(
      lines.some((line) => line.startsWith(`${path}: `)),
      lines.join('\n'),
    ).toBe(true);
  });

  it('names the file that it stands in', () => {
    expect(() => parseConfig({ port: 'x' }, { env: {}, source: '/etc/ib.yaml' })).toThrow(
      /^\/etc\/ib\.yaml: port: /,
    );
  });
});
