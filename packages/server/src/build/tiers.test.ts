import { createHost, createRegistry, defineStrategy, type Provider } from '@inferbridge/core';
import { strategies } from '@inferbridge/plugins';
import { generic, groq, openai, selfHosted } from '@inferbridge/providers';
import { describe, expect, it } from 'vitest';
import { defaultTiers } from '../compat/tiers.ts';
import { ConfigError } from '../config/config-error.ts';
import { parseConfig } from '../config/parse.ts';
import { buildProviders, operatorKeys, selfHostedNames } from './providers.ts';
import { buildAliases, buildTiers, createStrategies, namedModels, tierProviders } from './tiers.ts';

const NAMES = ['groq', 'openai', 'anthropic'];
const provider = (name: string): Provider => ({
  name,
  chat: async () => Promise.reject(new Error('nobody')),
});
const providers = {
  get: (name: string) => (NAMES.includes(name) ? provider(name) : undefined),
  names: () => NAMES,
  residencyOf: () => 'global',
};
const coin = defineStrategy({ name: 'coin', create: () => (choices) => choices[0]?.plan ?? { inOrder: [] } });
const parse = (raw: unknown) => parseConfig(raw, { env: {} });
const build = (tiers: object) =>
  buildTiers(parse({ tiers }), providers, createStrategies(createRegistry([...strategies, coin])));

function faults(make: () => unknown): readonly string[] {
  try {
    make();
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
  throw new Error('it was taken');
}

describe('buildTiers', () => {
  it('lays what is configured over the built-in ones', () => {
    const built = build({
      'ib/cheap': { targets: ['groq:a'] },
      'my/own': { strategy: 'coin', targets: ['openai:b'] },
    });
    expect([...built.keys()]).toEqual(['ib/cheap', 'ib/balanced', 'ib/premium', 'ib/embed', 'my/own']);
    expect(built.get('ib/cheap')).toEqual({ strategy: 'priority', targets: ['groq:a'] });
    expect(built.get('ib/balanced')).toEqual(defaultTiers.tiers['ib/balanced']);
  });

  it('has the documented chains where nothing is configured', () => {
    const built = build({});
    const chain = (name: string) => built.get(name)?.targets.map((target) => String(target).split(':')[0]);
    expect(chain('ib/cheap')).toEqual(['groq', 'deepseek', 'together', 'sarvam', 'krutrim', 'openai']);
    expect(chain('ib/balanced')).toEqual([
      'openai',
      'sarvam',
      'krutrim',
      'anthropic',
      'groq',
      'cohere',
      'mistral',
    ]);
    expect(chain('ib/premium')).toEqual(['anthropic', 'openai', 'mistral']);
  });

  it('stops at a provider that nobody knows, with its path and the known ones', () => {
    expect(faults(() => build({ 'ib/cheap': { targets: ['openai:a', 'grok:b'] } }))).toEqual([
      'tiers.ib/cheap.targets[1]: no provider named "grok"; did you mean "groq"?; known: groq, openai, anthropic',
    ]);
    expect(faults(() => build({ t: { targets: ['zzzzzzzz:b'] } }))).toEqual([
      'tiers.t.targets[0]: no provider named "zzzzzzzz"; known: groq, openai, anthropic',
    ]);
  });

  it('does not stop at a model that nobody knows', () => {
    expect(build({ t: { targets: ['groq:made/up:today'] } }).get('t')?.targets).toEqual([
      'groq:made/up:today',
    ]);
  });

  it('finds faults in tiers inside tiers, and all of them at once', () => {
    const inner = { strategy: 'nonsense', targets: ['openai:a', 'grok:b'] };
    const lines = faults(() => build({ t: { targets: ['grok:a', inner] } }));
    expect(lines.map((line) => line.split(': ')[0])).toEqual([
      'tiers.t.targets[0]',
      'tiers.t.targets[1].strategy',
      'tiers.t.targets[1].targets[1]',
    ]);
  });

  it('stops at a strategy that nobody knows, and names the known ones', () => {
    const [line] = faults(() => build({ t: { strategy: 'random', targets: ['groq:a'] } }));
    expect(line).toBe(
      'tiers.t.strategy: no strategy named "random"; known: priority, race, hedge, weighted, ab, latency, cheapest, least-busy, conditional, coin',
    );
  });

  it('stops at options that a strategy does not take', () => {
    const [line] = faults(() => build({ t: { strategy: ['coin', { side: 1 }], targets: ['groq:a'] } }));
    expect(line).toMatch(/^tiers\.t\.strategy: .*side/);
  });

  it('puts the tier that a target names in its place', () => {
    const built = build({ a: { strategy: 'race', targets: ['groq:x', 'b'] }, b: { targets: ['openai:y'] } });
    expect(built.get('a')?.targets).toEqual([
      'groq:x',
      { strategy: 'priority', targets: ['openai:y'], named: 'b' },
    ]);
  });

  it('stops at a circle of tiers, and shows the way round', () => {
    const tiers = {
      a: { targets: ['groq:x', 'b'] },
      b: { targets: [{ targets: ['c'] }] },
      c: { targets: ['a'] },
    };
    expect(faults(() => build(tiers))[0]).toBe(
      'tiers.a.targets: a → b → c → a goes round in a circle; take one of them out',
    );
    expect(faults(() => build({ t: { targets: ['t'] } }))).toHaveLength(1);
  });

  it.each([
    [
      { strategy: ['weighted', { weights: [1] }], targets: ['groq:x', 'groq:y'] },
      'strategy weighted: weights: one for each target is wanted: 2, got 1',
    ],
    [
      { strategy: ['ab', { weights: [1, 2, 3] }], targets: ['groq:x', 'groq:y'] },
      'strategy ab: weights: one for each',
    ],
    [
      { strategy: ['conditional', { when: [{}] }], targets: ['groq:x', 'groq:y'] },
      'strategy conditional: when: one condition for each',
    ],
    [
      { strategy: 'hedge', targets: ['groq:x'] },
      'strategy hedge: copies: 1 need as many targets besides the first',
    ],
    [{ strategy: ['race', { wide: 2 }], targets: ['groq:x'] }, 'strategy race: Unrecognized key: "wide"'],
  ])('stops at %j', (tier, why) => {
    expect(faults(() => build({ t: tier }))[0]).toContain(`tiers.t.strategy: ${why}`);
  });

  it.each(['groq', 'groq:', ':model', ''])('stops at the target "%s", which lacks a half', (target) => {
    expect(faults(() => build({ t: { targets: [target] } }))[0]).toMatch(
      /^tiers\.t\.targets\[0\]: provider:model or the name of a tier is wanted/,
    );
  });

  it('stops at a tier without a target, in any depth', () => {
    expect(faults(() => build({ t: { targets: [] } }))[0]).toMatch(/^tiers\.t\.targets: /);
    expect(faults(() => build({ t: { targets: [{ targets: [] }] } }))[0]).toMatch(
      /^tiers\.t\.targets\[0\]\.targets: /,
    );
  });
});

describe('buildAliases', () => {
  it('takes aliases of tiers, targets and models', () => {
    const aliases = { fast: 'groq:a', usual: 'ib/balanced', plain: 'gpt-4o' };
    expect(Object.fromEntries(buildAliases(parse({ aliases }), build({}), providers))).toEqual(aliases);
  });

  it('stops at an alias of an alias, and says what to write instead', () => {
    expect(
      faults(() => buildAliases(parse({ aliases: { a: 'b', b: 'groq:x' } }), build({}), providers)),
    ).toEqual(['aliases.a: "b" is an alias itself; point to what it stands for: "groq:x"']);
  });

  it('stops at an alias of itself', () => {
    expect(faults(() => buildAliases(parse({ aliases: { a: 'a' } }), build({}), providers))[0]).toMatch(
      /^aliases\.a: /,
    );
  });

  it('does not take what every object has for an alias', () => {
    expect(
      buildAliases(parse({ aliases: { a: 'constructor', b: 'toString' } }), build({}), providers).get('a'),
    ).toBe('constructor');
  });
});

describe('what tiers name', () => {
  const tiers = build({ 'ib/cheap': { targets: ['groq:a', { targets: ['openai:x/y:z', 'groq:b'] }] } });

  it('models, by provider', () => {
    const named = namedModels(new Map([...tiers].filter(([name]) => name === 'ib/cheap')));
    expect(named).toEqual(
      new Map([
        ['groq', new Set(['a', 'b'])],
        ['openai', new Set(['x/y:z'])],
      ]),
    );
  });

  it('providers, by tier', () => {
    expect(tierProviders(tiers).get('ib/cheap')).toEqual(new Set(['groq', 'openai']));
    expect(tierProviders(tiers).get('ib/premium')).toEqual(new Set(['anthropic', 'openai', 'mistral']));
  });
});

describe('buildProviders', () => {
  const registry = createRegistry([openai, groq, generic, selfHosted]);
  const host = createHost({ transport: () => Promise.reject(new Error('nobody')) });
  const make = (given: object) => buildProviders(parse({ providers: given }), registry, host);

  it('has the built-in ones and what is configured, under its own name and residency', () => {
    const made = make({
      acme: { use: 'openai-compatible', baseUrl: 'https://llm.acme.example/v1', residency: 'eu' },
    });
    expect(made.names()).toEqual(['openai', 'groq', 'self_hosted', 'acme']);
    expect(made.get('acme')?.name).toBe('acme');
    expect([made.residencyOf('acme'), made.residencyOf('groq'), made.residencyOf('nobody')]).toEqual([
      'eu',
      'global',
      'global',
    ]);
  });

  it('stops at what it cannot use or make, and names it', () => {
    expect(faults(() => make({ acme: { use: 'grok' } }))[0]).toMatch(
      /^providers\.acme: no provider named "grok"; did you mean "groq"\?/,
    );
    expect(faults(() => make({ acme: {} }))[0]).toMatch(/^providers\.acme: no provider named "acme"/);
    expect(faults(() => make({ groq: { baseURL: 'https://x.example' } }))[0]).toMatch(
      /^providers\.groq: .*baseURL/,
    );
    expect(faults(() => make({ acme: { use: 'openai-compatible' } }))[0]).toMatch(
      /^providers\.acme: .*baseUrl/,
    );
  });

  it("knows the operator's keys, and which providers are reached at an address of the user", () => {
    const config = parse({
      providers: { groq: { apiKey: 'a', apiKeys: ['b', 'c'] }, openai: {}, lab: { use: 'self_hosted' } },
    });
    expect(operatorKeys(config, buildProviders(config, registry, host))).toEqual({ groq: ['a', 'b', 'c'] });
    expect(selfHostedNames(config, buildProviders(config, registry, host))).toEqual(
      new Set(['self_hosted', 'lab']),
    );
  });
});
