import type { ChatRequest, GatewayError } from '@inferbridge/core';
import { dropping, refusing, type Treatments, unsupported } from '../../features.ts';
import { foreignFields } from '../../request-types.ts';
import { isRecord } from '../openai/errors.ts';
import { generationConfig } from './config.ts';
import { abilitiesOf } from './models.ts';
import { createNames, type Names } from './names.ts';
import { toolsOf } from './tools.ts';
import { contentsOf } from './turns.ts';

/*
 * OpenAI chat completions → Gemini's generateContent.
 * Source: https://ai.google.dev/api/generate-content (read 2026-11-20).
 */

/** What the vendor does with features; per model, `MODELS` says more. */
export const TREATMENTS = {
  'custom tools': 'emulated',
  'hosted tools': 'refused',
  'dated hosted tools': 'refused',
  'allowed tools': 'emulated',
  'parallel_tool_calls: false': 'dropped',
  'functions (legacy)': 'emulated',
  'blocks of Anthropic alone': 'refused',
  'items of OpenAI alone': 'refused',
  'audio output': 'refused',
  logprobs: 'refused',
  web_search_options: 'refused',
  prediction: 'dropped',
  logit_bias: 'dropped',
  verbosity: 'dropped',
  'prompt caching hints': 'dropped',
  user: 'dropped',
  metadata: 'dropped',
  store: 'dropped',
  service_tier: 'dropped',
  moderation: 'dropped',
} as const satisfies Treatments;

const refusesAnywhere = refusing(TREATMENTS);
const drop = dropping(TREATMENTS);

/** Source: https://ai.google.dev/api/generate-content#GenerationConfig (read 2026-11-20). */
const MOST_STOPS = 5;

/** Why `model` does not get this request; `null` where it does. */
export function refuses(request: ChatRequest, model: string): GatewayError | null {
  const refusal = refusesAnywhere(request);
  if (refusal) return refusal;
  if (Array.isArray(request['stop']) && request['stop'].length > MOST_STOPS)
    return unsupported('stop', `more than ${MOST_STOPS} stops`);
  const { candidates, jsonWithTools } = abilitiesOf(model);
  // several answers at once are only asked for where they come whole: in a stream one that stops would hold up the rest
  const most = request.stream === true ? 1 : candidates;
  if (typeof request.n === 'number' && request.n > most) return unsupported('n', `n > ${most}`);
  if (!jsonWithTools && wantsJson(request) && Array.isArray(request.tools) && request.tools.length > 0)
    return unsupported('response_format', 'JSON output with tools');
  return null;
}

function wantsJson(request: ChatRequest): boolean {
  const format = request['response_format'];
  return isRecord(format) && (format['type'] === 'json_object' || format['type'] === 'json_schema');
}

/** Top-level fields that are translated, or that say nothing here. */
const KNOWN: ReadonlySet<string> = new Set([
  'model',
  'provider_specific_fields',
  'messages',
  'models',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'seed',
  'presence_penalty',
  'frequency_penalty',
  'stop',
  'n',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'reasoning',
  'thinking',
  'output_config',
  'logprobs',
  'modalities',
]);

export interface RequestRules {
  readonly dropped: (param: string) => void;
  /** The signature that came with a call, where it is still known. */
  signatureOf(callId: string): string | null;
}

export interface GeminiRequest {
  readonly body: Record<string, unknown>;
  readonly names: Names;
  /** Free-form tools by their names on the wire. */
  readonly custom: ReadonlySet<string>;
}

export function geminiRequest(request: ChatRequest, { dropped, signatureOf }: RequestRules): GeminiRequest {
  const given: Record<string, unknown> = { ...request };
  drop(given, dropped);
  for (const [name, value] of Object.entries(given))
    if (!KNOWN.has(name) && value !== undefined && value !== null) dropped(name);
  for (const name of foreignFields(request)) dropped(name);
  const hasTools = Array.isArray(request.tools) && request.tools.length > 0;
  if (request['parallel_tool_calls'] === false && hasTools) dropped('parallel_tool_calls');

  const abilities = abilitiesOf(request.model);
  const names = createNames();
  const { declarations, calling, custom } = toolsOf(request, names);
  const { system, contents } = contentsOf(request.messages, {
    names,
    signatureOf,
    insists: abilities.signatures,
  });
  const config = generationConfig(request, abilities, dropped);
  return {
    names,
    custom,
    body: {
      ...(system.length > 0 && { systemInstruction: { parts: system } }),
      contents,
      ...(declarations.length > 0 && { tools: [{ functionDeclarations: declarations }] }),
      ...(calling && { toolConfig: { functionCallingConfig: calling } }),
      ...(Object.keys(config).length > 0 && { generationConfig: config }),
    },
  };
}
