import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ChatRequest, createHost, isPlugin, type ProviderPlugin } from '@inferbridge/core';
import * as vendors from '@inferbridge/providers';
import { type Abilities, MODELS } from '../../packages/providers/src/dialects/anthropic/models.ts';
import {
  forReasoningModels,
  REASONING,
  reasoningRefuses,
} from '../../packages/providers/src/dialects/openai/models.ts';
import { needsResponses, RULES } from '../../packages/providers/src/dialects/responses/models.ts';
import { FEATURES } from '../../packages/providers/src/features.ts';
import { ROOT } from '../support/gateway.ts';

/*
 * The tables of docs/providers.md, printed from the data that the providers run on.
 * `node test/docs/provider-tables.ts --write` puts them there.
 */

export const PAGE = join(ROOT, 'docs/providers.md');
export const BEGIN = '<!-- made by test/docs/provider-tables.ts -->';
export const END = '<!-- until here -->';

const SIGNS = { native: '✓', emulated: '≈', dropped: '○', refused: '✗' } as const;
const TEMPLATE = 'openai-compatible';

const host = createHost({ transport: () => Promise.reject(new TypeError('nobody is called')) });

const providers = Object.values<unknown>(vendors)
  .filter((value): value is ProviderPlugin => isPlugin(value) && value.plugin === 'provider')
  .filter(({ name }) => name !== TEMPLATE)
  .map((plugin) => ({
    name: plugin.name,
    provider: plugin.init(plugin.name === 'azure' ? { resource: 'yours' } : undefined, host),
  }))
  .sort((a, b) => a.name.localeCompare(b.name));

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

function features(): string {
  const rows = Object.keys(FEATURES).map((feature) => [
    feature,
    ...providers.map(({ provider }) => SIGNS[provider.features?.[feature] ?? 'native']),
  ]);
  const embeddings = [
    'embeddings',
    ...providers.map(({ provider }) => (provider.embed ? SIGNS.native : SIGNS.refused)),
  ];
  return table(['', ...providers.map(({ name }) => name)], [...rows, embeddings]);
}

function claude(): string {
  const row = (name: string, model: Abilities) => [
    `\`${name}\``,
    model.maxOutput.toLocaleString('en-US'),
    { both: 'yes', one: 'temperature or top_p', none: 'dropped' }[model.sampling],
    model.thinking,
    model.thinking === 'adaptive' ? (model.off ?? 'never') : '',
    { yes: 'yes', 'unless thinking': 'yes; thinking is dropped then', no: 'asked for in words' }[
      model.forcedTools
    ],
    model.prefill ? 'yes' : 'refused',
    model.systemMidway ? 'in place' : 'hoisted',
    model.schema ? 'native' : 'as a tool',
  ];
  return table(
    [
      'model',
      'tokens out',
      'sampling',
      'thinking',
      'turned off by',
      'forced tools',
      'prefill',
      'system midway',
      'JSON schema',
    ],
    Object.entries(MODELS).map(([name, model]) => row(name, model)),
  );
}

/** What the code does with a request for each family, tried out. */
function gpt(): string {
  const families = [
    ...new Set(['gpt-3.5', 'gpt-4', 'chatgpt-4o', ...REASONING, ...Object.keys(RULES)]),
  ].sort();
  const row = (model: string) => {
    const body: Record<string, unknown> = { model, temperature: 0.5, reasoning_effort: 'high' };
    forReasoningModels(body, () => {});
    const asked = (more: object) => ({ model, messages: [], ...more }) as ChatRequest; // a request in all that is looked at
    const tools = [{ type: 'function', function: { name: 'f' } }];
    const there = (more: object) => needsResponses(asked({ tools, ...more }), model);
    return [
      `\`${model}\``,
      body['reasoning_effort'] !== undefined ? 'yes' : 'dropped',
      body['temperature'] !== undefined ? 'yes' : 'dropped',
      reasoningRefuses(asked({ stop: ['a'] }), model) ? 'refused' : 'yes',
      there({})
        ? 'over /v1/responses'
        : there({ reasoning_effort: 'high' })
          ? 'with an effort over /v1/responses'
          : 'yes',
    ];
  };
  return table(
    ['model', 'reasoning_effort', 'sampling parameters', 'stop, logprobs', 'tools'],
    families.map(row),
  );
}

const CLAUDE = `### Anthropic's models

By the longest beginning of a model's name; an unknown one is taken for the newest.`;
const GPT = `### OpenAI's models

At OpenAI itself and at Azure (which has no tools over /v1/responses here), by the beginning of a model's name. Those that
reason take sampling parameters, stop and logprobs where the effort is none.`;

export const tables = (): string => [BEGIN, features(), CLAUDE, claude(), GPT, gpt(), END].join('\n\n');

export const within = (page: string): string =>
  page.slice(page.indexOf(BEGIN), page.indexOf(END) + END.length);

if (process.argv.includes('--write')) {
  const { readFileSync } = await import('node:fs');
  const page = readFileSync(PAGE, 'utf8');
  writeFileSync(
    PAGE,
    page.replace(within(page), () => tables()),
  );
}
