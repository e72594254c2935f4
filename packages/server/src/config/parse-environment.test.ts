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

describe('${NAME}', () => {
  it('is filled from the environment, anywhere in a text and in any depth', () => {
    const config = parse(
      { host: '${A}', plugins: ['x-${A}-${B}'], tiers: { t: { targets: ['${A}:m'] } } },
      { A: 'a', B: 'b' },
    );
    expect(config).toMatchObject({ host: 'a', plugins: ['x-a-b'], tiers: { t: { targets: ['a:m'] } } });
  });

  it('names the variable that is missing or empty, and where it is wanted, all at once', () => {
    expect(
      faults(
        { providers: { openai: { apiKey: '${OPENAI_API_KEY}' } }, plugins: ['a', '${B}'], host: '${C}' },
        { C: '' },
      ),
    ).toEqual([
      'providers.openai.apiKey: the environment variable OPENAI_API_KEY is not set',
      'plugins[1]: the environment variable B is not set',
      'host: the environment variable C is not set',
    ]);
  });

  it('is filled once, and nothing else is', () => {
    expect(parse({ host: '${A}' }, { A: '${B}', B: 'no' }).host).toBe('${B}');
    expect(parse({ host: '$A ${} {A} ${1A}' }, { A: 'no' }).host).toBe('$A ${} {A} ${1A}');
  });

  it('never repeats a value in a refusal', () => {
    expect(
      faults({ providers: { acme: { baseUrl: '${KEY}' } } }, { KEY: 'sk-very-secret' }).join('\n'),
    ).not.toContain('sk-very-secret');
  });
});
