import { type ChatRequest, GatewayError } from '@inferbridge/core';
import { asText } from './json.ts';
import {
  hasPart,
  hasServers,
  isDated,
  isHosted,
  isNamed,
  isOpenAIs,
  placeOf,
  toolTypes,
  typeOf,
} from './request-types.ts';

/*
 * What a request may ask for, and what each vendor does with it: one list of features, one table per vendor. The
 * same tables leave candidates out, name what was dropped, and print docs/providers.md.
 */

/**
 * `native`: the vendor does it · `emulated`: done by other means, with the result that was asked for ·
 * `dropped`: a hint that is left out, and named to the caller · `refused`: it would change the meaning, so this vendor
 * does not get the request.
 */
export type Treatment = 'native' | 'emulated' | 'dropped' | 'refused';

interface Description {
  /** The request's field that is to blame. */
  readonly param: string;
  /** The top-level fields that say it, where leaving them out is enough. */
  readonly fields?: readonly string[];
  asked(request: ChatRequest): boolean;
  /** The place that asks, where the field alone would leave the caller searching. */
  where?(request: ChatRequest): string;
  /** Values that say nothing but the default. */
  silent?(value: unknown): boolean;
}

const given = (value: unknown): boolean =>
  value !== undefined &&
  value !== null &&
  value !== false &&
  value !== '' &&
  !(Array.isArray(value) && value.length === 0);

/** A feature that is nothing but the presence of fields; the first one is blamed. */
const field = (...fields: readonly [string, ...string[]]): Description => ({
  param: fields[0],
  fields,
  asked: (request) => fields.some((name) => given(request[name])),
});

const format = (type: string) => (request: ChatRequest) => typeOf(request['response_format']) === type;
const part = (...types: readonly string[]): Description => ({
  param: 'messages',
  asked: (request) => hasPart(request, types),
  where: ({ messages }) => placeOf(messages, types),
});
const choosing = (choice: (value: unknown) => boolean): Description => ({
  param: 'tool_choice',
  asked: (request) => choice(request['tool_choice']),
});

/** Every feature that somebody somewhere cannot do. Source: vendors' documentation, see the vendors' own files. */
export const FEATURES = {
  tools: { param: 'tools', asked: (request) => toolTypes(request).has('function') },
  'custom tools': { param: 'tools', asked: (request) => toolTypes(request).has('custom') },
  'hosted tools': { param: 'tools', asked: (request) => [...toolTypes(request)].some(isHosted) },
  'hosted tools of OpenAI': { param: 'tools', asked: (request) => [...toolTypes(request)].some(isOpenAIs) },
  'dated hosted tools': {
    param: 'tools',
    asked: (request) => [...toolTypes(request)].some(isDated) || hasServers(request),
  },
  'forced tool choice': choosing((choice) => choice === 'required' || isNamed(choice)),
  'allowed tools': choosing((choice) => typeOf(choice) === 'allowed_tools'),
  'parallel_tool_calls: false': {
    param: 'parallel_tool_calls',
    fields: ['parallel_tool_calls'],
    asked: (request) => request['parallel_tool_calls'] === false && given(request.tools),
    silent: (value) => value === true,
  },
  'functions (legacy)': field('functions', 'function_call'),
  'JSON mode': { param: 'response_format', asked: format('json_object') },
  'JSON schema': { param: 'response_format', asked: format('json_schema') },
  'JSON output with tools': {
    param: 'response_format',
    asked: (request) =>
      given(request.tools) && /^json_/.test(asText(typeOf(request['response_format']) ?? '')),
  },
  images: part('image_url'),
  'audio input': part('input_audio'),
  files: part('file'),
  'blocks of Anthropic alone': part('anthropic_block'),
  'items of OpenAI alone': part('responses_part', 'responses_item'),
  'audio output': {
    param: 'audio',
    asked: (request) =>
      given(request['audio']) ||
      (Array.isArray(request['modalities']) && request['modalities'].includes('audio')),
  },
  'n > 1': { param: 'n', asked: ({ n }) => typeof n === 'number' && n > 1 },
  logprobs: { ...field('logprobs', 'top_logprobs'), asked: (request) => request['logprobs'] === true },
  web_search_options: field('web_search_options'),
  prediction: field('prediction'),
  stop: field('stop'),
  'more than 4 stops': {
    param: 'stop',
    asked: ({ stop }) => Array.isArray(stop) && stop.length > 4,
  },
  temperature: numeric('temperature'),
  top_p: numeric('top_p'),
  penalties: {
    ...numeric('presence_penalty', 'frequency_penalty'),
    param: 'presence_penalty',
  },
  logit_bias: field('logit_bias'),
  seed: numeric('seed'),
  reasoning_effort: field('reasoning_effort'),
  verbosity: field('verbosity'),
  'prompt caching hints': field('prompt_cache_key', 'prompt_cache_retention', 'prompt_cache_options'),
  user: field('user', 'safety_identifier'),
  metadata: field('metadata'),
  store: field('store'),
  service_tier: field('service_tier'),
  moderation: field('moderation'),
} as const satisfies Record<string, Description>;

export type Feature = keyof typeof FEATURES;

/** What a vendor does with features; what it does not list is `native`. */
export type Treatments = Readonly<Partial<Record<Feature, Treatment>>>;

const entries = Object.entries(FEATURES) as [Feature, Description][]; // the keys are the list's own

/** What becomes of every feature. */
export const allOf = (treatments: Treatments): Readonly<Record<Feature, Treatment>> =>
  Object.fromEntries(entries.map(([feature]) => [feature, treatments[feature] ?? 'native'])) as Record<
    Feature,
    Treatment
  >; // one entry for each

/** The features of a treatment, in the list's order. */
export const featuresThatAre = (treatment: Treatment, treatments: Treatments): readonly Feature[] =>
  entries.flatMap(([feature]) => (treatments[feature] === treatment ? [feature] : []));

/** What is asked for and refused; `null` where nothing is. Pure and cheap: asked once per candidate. */
export function refusing(treatments: Treatments): (request: ChatRequest) => GatewayError | null {
  const refused = featuresThatAre('refused', treatments);
  return (request) => {
    for (const feature of refused) {
      const { param, asked, where }: Description = FEATURES[feature];
      if (asked(request)) return unsupported(param, feature, where?.(request));
    }
    return null;
  };
}

/** Leaves what is dropped out of `body` and tells which fields those were. */
export function dropping(
  treatments: Treatments,
): (body: Record<string, unknown>, dropped: (param: string) => void) => void {
  const gone = (['dropped', 'refused'] as const).flatMap((treatment) =>
    featuresThatAre(treatment, treatments).map((feature): Description => FEATURES[feature]),
  );
  const described = gone.flatMap((description) => (description.fields ? [description] : []));
  return (body, dropped) => {
    for (const { fields = [], asked, silent } of described) {
      if (!fields.some((name) => body[name] !== undefined)) continue;
      const told = asked(body as ChatRequest); // a request but for what was left out of it already
      for (const name of fields) {
        const value = body[name];
        delete body[name];
        // what is there and asks for nothing (`logprobs: false`) is left out without a word
        if (silent?.(value)) continue;
        if (given(value) || (told && (typeof value === 'number' || value === false))) dropped(name);
      }
    }
  };
}

/** The request cannot be honoured here; another vendor may. */
export const unsupported = (param: string, what = `"${param}"`, where?: string): GatewayError =>
  new GatewayError('unsupported', `this provider cannot honour ${what}${where ? ` (${where})` : ''}`, {
    param,
    code: 'unsupported_parameter',
  });

/** Sound, and beyond this vendor: another may take it. */
export const untaken = (place: string, why: string): GatewayError =>
  new GatewayError('unsupported', `${place}: ${why}`, { param: place, code: 'unsupported_parameter' });

function numeric(...fields: readonly [string, ...string[]]): Description {
  return {
    ...field(...fields),
    asked: (request) => fields.some((name) => typeof request[name] === 'number'),
  };
}
