import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/gateway.ts';

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const sources: readonly Source[] = readdirSync(join(ROOT, 'packages'), { recursive: true, encoding: 'utf8' })
  .filter(
    (path) =>
      /^[a-z]+\/src\/.*\.ts$/.test(path) && !/\.test(-d)?\.ts$/.test(path) && !path.includes('node_modules'),
  )
  .map((path) => {
    const text = readFileSync(join(ROOT, 'packages', path), 'utf8');
    const imports = [
      ...text.matchAll(/^(?:import|export)\b[^'"]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm),
    ].map(([, from, bare, lazy]) => from ?? bare ?? lazy ?? '');
    return { path: relative('', path), text, imports };
  });

const within =
  (...prefixes: string[]) =>
  (source: Source) =>
    prefixes.some((prefix) => source.path.startsWith(prefix));
const code = ({ text }: Source) =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1');
const offenders = (all: readonly Source[], bad: (source: Source) => unknown) =>
  all.filter(bad).map(({ path }) => path);

it('sees the sources', () => {
  expect(sources.length).toBeGreaterThan(80);
  expect(sources.flatMap(({ imports }) => imports)).toContain('@inferbridge/core');
});

describe('imports run server → {plugins, providers} → core → nothing', () => {
  const allowed: Record<string, readonly RegExp[]> = {
    core: [/^\./, /^node:/],
    plugins: [/^\./, /^node:/, /^@inferbridge\/core/, /^zod$/, /^lru-cache$/],
    providers: [/^\./, /^node:/, /^@inferbridge\/core/, /^undici$/, /^zod$/],
  };
  it.each(Object.keys(allowed))('%s imports nothing else', (name) => {
    const own = sources.filter(within(`${name}/`));
    const foreign = own.flatMap(({ path, imports }) =>
      imports
        .filter((to) => !allowed[name]?.some((pattern) => pattern.test(to)))
        .map((to) => `${path} → ${to}`),
    );
    expect(foreign).toEqual([]);
  });

  it.each([
    ['undici', ['providers/src/http.ts', 'providers/src/undici.ts']],
    ['koa', ['server/src/http/']],
    ['koa-router', ['server/src/http/']],
    ['cosmiconfig', ['server/src/config/']],
    ['kysely', ['server/src/store/']],
    ['better-sqlite3', ['server/src/store/']],
    ['@pydantic/genai-prices', ['server/src/pricing/']],
  ])('%s is imported in its place alone', (name, places) => {
    expect(
      offenders(sources, (source) => source.imports.includes(name) && !within(...places)(source)),
    ).toEqual([]);
    expect(sources.some(({ imports }) => imports.includes(name))).toBe(true);
  });
});

/** Where vendors may be named: in their own files, in the lists of what is there, and in dated data about them. */
const VENDOR_FILES = within(
  'providers/src/',
  'server/src/compat/tiers.ts',
  'server/src/pricing/supplement.ts',
);
const VENDORS =
  /\b(openai|anthropic|groq|deepseek|together|sarvam|mistral|krutrim|cohere|gemini|claude|openrouter|ollama|vllm|azure|xai|qwen|zhipu|moonshot|fireworks|cerebras|gpt-\d)\b/i;

describe('names stay where they belong', () => {
  it('vendors in their own files and in data', () => {
    const outside = sources.filter(
      (source) =>
        !VENDOR_FILES(source) && !within('server/src/commands/', 'server/src/config/template.ts')(source),
    );
    const naming = outside.flatMap((source) =>
      code(source)
        .split('\n')
        .filter((line) =>
          VENDORS.test(
            // a plan's node has the name of a vendor
            line.replace(source.path.startsWith('server/') ? /'openai-compatible'/g : /\btogether\b/g, ''),
          ),
        )
        .map((line) => `${source.path}: ${line.trim()}`),
    );
    expect(naming).toEqual([]);
  });

  it('one vendor’s file names no other vendor', () => {
    const files = [
      'openai',
      'anthropic',
      'groq',
      'deepseek',
      'together',
      'sarvam',
      'mistral',
      'krutrim',
      'cohere',
      'gemini',
      'openrouter',
      'ollama',
      'vllm',
      'azure',
      'xai',
      'zhipu',
      'moonshot',
      'fireworks',
      'cerebras',
    ];
    for (const name of files) {
      const source = sources.find(({ path }) => path === `providers/src/${name}.ts`);
      const others = files.filter((other) => other !== name && other !== 'openai');
      expect(source, name).toBeDefined();
      expect(
        others.filter((other) => new RegExp(`\\b${other}\\b`, 'i').test(source ? code(source) : '')),
        name,
      ).toEqual([]);
    }
  });

  it('InferBridge’s own words in compat', () => {
    const words = /['"`](ib\/|agni|x-inferbridge|x-agni|ib_)/i;
    const outside = sources.filter(
      (source) =>
        !within('server/src/compat/', 'server/src/commands/', 'server/src/config/template.ts')(source),
    );
    expect(offenders(outside, (source) => words.test(code(source)))).toEqual([]);
  });

  it('the environment in the configuration, files’ names that say something, no eval anywhere', () => {
    expect(
      offenders(
        sources,
        (source) => /process\.env/.test(code(source)) && !within('server/src/config/')(source),
      ),
    ).toEqual([]);
    expect(
      offenders(sources, ({ path }) =>
        /(^|\/)(utils?|helpers?|common|manager|misc|types)(\/|\.ts$)/.test(path),
      ),
    ).toEqual([]);
    expect(
      offenders(
        sources,
        (source) =>
          /\beval\(|new Function\(|node:vm|child_process/.test(code(source)) &&
          source.path !== 'server/src/commands/after-start.ts', // V8's own collector, which can be had no other way
      ),
    ).toEqual([]);
  });

  it('time, chance and HTTP arrive as arguments in core, plugins and dialects', () => {
    const pure = sources.filter(within('core/src/', 'plugins/src/', 'providers/src/dialects/'));
    const ambient = /\bDate\.now\(|Math\.random\b|\bsetTimeout\(|performance\.now\(|\bfetch\(/;
    const own = within('core/src/clock.ts', 'core/src/host.ts', 'core/src/testing/');
    const using = pure
      .filter((source) => !own(source))
      .flatMap((source) =>
        code(source)
          .split('\n')
          .filter(
            (line) =>
              ambient.test(line) &&
              !/clock\.setTimeout|systemClock|setTimeout\(ring|setTimeout\(fn/.test(line),
          )
          .map((line) => `${source.path}: ${line.trim()}`),
      );
    expect(using).toEqual([]);
  });
});

describe('size', () => {
  it('no file is longer than 250 lines', () => {
    expect(offenders(sources, ({ text }) => text.split('\n').length > 250)).toEqual([]);
  });

  it('core has no dependencies', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'packages/core/package.json'), 'utf8')) as {
      dependencies?: object;
    };
    expect(Object.keys(manifest.dependencies ?? {})).toEqual([]);
  });
});
