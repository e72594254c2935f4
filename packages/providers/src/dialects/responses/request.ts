import type { ChatRequest, GatewayError } from '@inferbridge/core';
import { refusing } from '../../features.ts';
import { foreignFields } from '../../request-types.ts';
import { isRecord } from '../openai/errors.ts';
import { effortFor, hasNoEffort } from '../openai/models.ts';
import { OURS } from '../openai/request.ts';
import { malformed } from './faults.ts';
import { itemsOf } from './input.ts';
import type { Item } from './item.ts';
import { reasons } from './models.ts';
import { choiceOf, toolsOf } from './tools.ts';

/** Why /v1/responses cannot do what is asked: cheap and pure, `null` where it can. */
export const responsesRefuses: (request: ChatRequest) => GatewayError | null = refusing({
  'n > 1': 'refused',
  logprobs: 'refused',
  'audio output': 'refused',
  stop: 'refused',
  web_search_options: 'refused',
  'functions (legacy)': 'refused',
  'blocks of Anthropic alone': 'refused',
});

/** Fields that both APIs spell the same. */
const SAME = [
  'service_tier',
  'metadata',
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
  'moderation',
];

/** Fields that are said in another way, or that steer this gateway. */
const READ: ReadonlySet<string> = new Set([
  ...SAME,
  ...OURS,
  'model',
  'messages',
  'stream',
  'stream_options',
  'store',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'max_tokens',
  'max_completion_tokens',
  'reasoning_effort',
  'response_format',
  'verbosity',
  'temperature',
  'top_p',
  'n',
  'modalities',
]);

/** The least that `max_output_tokens` may be. */
const LEAST_TOKENS = 16;

/**
 * A chat request as the body for `POST /v1/responses`. Nothing is stored there unless the caller says so, and what
 * the model thought comes back encrypted. Hints that have no place are left out and told to `dropped`.
 * Source: https://platform.openai.com/docs/api-reference/responses/create (openai 7.55.0, read 2026-11-20).
 */
export function responsesBody(request: ChatRequest, dropped: (param: string) => void): Item {
  const refusal = responsesRefuses(request);
  if (refusal) throw refusal;
  const stored = request['store'] === true;
  const reasoning = reasoningOf(request, dropped);
  const format = formatOf(request['response_format']);
  const { verbosity } = request;
  const body: Item = {
    model: request.model,
    input: itemsOf(request.messages, stored),
    ...toolFields(request),
    ...(request.stream === true && { stream: true }),
    store: stored,
    ...(reasons(request.model) && { include: ['reasoning.encrypted_content'] }),
    ...(reasoning && { reasoning }),
    ...((format || typeof verbosity === 'string') && {
      text: { ...(format && { format }), ...(typeof verbosity === 'string' && { verbosity }) },
    }),
    ...limitOf(request),
    ...samplingOf(request, dropped),
  };
  for (const name of SAME) if (given(request[name])) body[name] = request[name];
  for (const name of foreignFields(request)) dropped(name);
  for (const name of Object.keys(request)) if (!READ.has(name) && meant(name, request[name])) dropped(name);
  return body;
}

const given = (value: unknown): boolean => value !== undefined && value !== null;

/** Does it say anything but the default? */
const meant = (name: string, value: unknown): boolean =>
  given(value) &&
  value !== false &&
  value !== '' &&
  !(Array.isArray(value) && value.length === 0) &&
  !(value === 0 && name.endsWith('_penalty'));

/** A choice among no tools is refused. */
function toolFields(request: ChatRequest): Item {
  const tools = toolsOf(request.tools);
  if (tools.length === 0) return {};
  const choice = request['tool_choice'];
  const parallel = request['parallel_tool_calls'];
  return {
    tools,
    ...(given(choice) && { tool_choice: choiceOf(choice) }),
    ...(typeof parallel === 'boolean' && { parallel_tool_calls: parallel }),
  };
}

function reasoningOf(request: ChatRequest, dropped: (param: string) => void): Item | null {
  if (hasNoEffort(request.model)) {
    const asked = request['reasoning_effort'] ?? 'none';
    if (asked !== 'none') dropped('reasoning_effort');
    return null;
  }
  const effort = effortFor(request.model, request['reasoning_effort']);
  if (effort === 'none') return { effort };
  if (given(effort)) return { effort, summary: 'auto' };
  return reasons(request.model) ? { summary: 'auto' } : null;
}

function formatOf(format: unknown): Item | null {
  if (!given(format)) return null;
  if (!isRecord(format)) throw malformed('response_format', 'an object with a type is wanted');
  const { type, json_schema: inner } = format;
  if (type !== 'json_schema') return { type };
  if (!isRecord(inner)) throw malformed('response_format.json_schema', 'an object is wanted');
  const { name, schema, strict, description } = inner;
  if (typeof name !== 'string') throw malformed('response_format.json_schema.name', 'a name is wanted');
  return {
    type,
    name,
    schema: isRecord(schema) ? schema : {},
    strict: strict === true,
    ...(typeof description === 'string' && { description }),
  };
}

function limitOf(request: ChatRequest): Item {
  const most = request.max_completion_tokens ?? request.max_tokens;
  return typeof most === 'number' ? { max_output_tokens: Math.max(most, LEAST_TOKENS) } : {};
}

/** Who reasons takes no sampling parameters; 1 is what it does anyway. */
function samplingOf(request: ChatRequest, dropped: (param: string) => void): Item {
  const effort = effortFor(request.model, request['reasoning_effort']) ?? null;
  const taken = effort === 'none' || (effort === null && !reasons(request.model));
  const fields: Item = {};
  for (const name of ['temperature', 'top_p'] as const) {
    const value = request[name];
    if (!given(value)) continue;
    if (taken) fields[name] = value;
    else if (value !== 1) dropped(name);
  }
  return fields;
}
