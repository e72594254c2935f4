import type { ChatRequest } from '@inferbridge/core';
import { isRecord } from '../../openai/errors.ts';
import { fault, numberIn, optionalText } from './faults.ts';
import { messagesOf } from './messages.ts';
import { choiceOf, toolsOf } from './tools.ts';

/*
 * Anthropic messages → OpenAI chat completions, for clients that speak the former.
 * Source: https://docs.anthropic.com/en/api/messages (read 2026-11-20).
 */

/** Fields that are said in another way; all others travel apart, for upstreams of the same dialect. */
const READ: ReadonlySet<string> = new Set([
  'model',
  'models',
  'messages',
  'tools',
  'stream',
  'temperature',
  'top_p',
  'service_tier',
  'max_tokens',
  'system',
  'stop_sequences',
  'tool_choice',
  'metadata',
  'output_format',
]);
const MOST_NAME = 256;

/** A body of `POST /v1/messages` as a chat request; throws `invalid_request` that names the place at fault. */
export function chatOfMessages(body: Record<string, unknown>): ChatRequest {
  const { model = '', models, system, messages, tools, stream } = body;
  if (typeof model !== 'string' || (model === '' && !Array.isArray(models)) || model.length > MOST_NAME)
    throw fault('model', 'the name of a model is wanted');
  if (!Array.isArray(messages) || messages.length === 0)
    throw fault('messages', 'at least one message is wanted');
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean')
    throw fault('stream', 'true or false is wanted');
  const most = numberIn(body, 'max_tokens', 1, Number.MAX_SAFE_INTEGER);
  if (most === null || !Number.isInteger(most))
    throw fault('max_tokens', 'a whole number of at least 1 is wanted');
  for (const [name, top] of [
    ['temperature', 1],
    ['top_p', 1],
    ['top_k', Number.MAX_SAFE_INTEGER],
  ] as const)
    numberIn(body, name, 0, top);
  const own = Object.fromEntries(Object.entries(body).filter(([name]) => !READ.has(name)));
  const { temperature, top_p: p } = body;
  return {
    model,
    ...(models !== undefined && { models }),
    ...(stream !== undefined && { stream }),
    ...(temperature !== undefined && { temperature: Number(temperature) }),
    ...(p !== undefined && { top_p: Number(p) }),
    ...(Object.keys(own).length > 0 && { provider_specific_fields: { anthropic: own } }),
    messages: messagesOf(system, messages),
    max_completion_tokens: most,
    ...(tools !== undefined && tools !== null && { tools: toolsOf(tools) }),
    ...choiceOf(body['tool_choice']),
    ...stops(body['stop_sequences']),
    ...userOf(body['metadata']),
    ...serviceTier(body['service_tier']),
    ...effortOf(body),
    ...formatOf(body),
  };
}

function stops(given: unknown): { stop: string[] } | null {
  if (given === undefined || given === null) return null;
  if (!Array.isArray(given) || !given.every((stop): stop is string => typeof stop === 'string'))
    throw fault('stop_sequences', 'a list of texts is wanted');
  return given.length > 0 ? { stop: given } : null;
}

function userOf(metadata: unknown): { user: string } | null {
  if (metadata === undefined || metadata === null) return null;
  if (!isRecord(metadata)) throw fault('metadata', 'an object is wanted');
  const user = optionalText(metadata, 'user_id', 'metadata');
  return user === null ? null : { user };
}

const TIERS: ReadonlyMap<string, string> = new Map(
  Object.entries({ auto: 'auto', standard_only: 'default' }),
);

function serviceTier(given: unknown): { service_tier: string } | null {
  const tier = typeof given === 'string' ? TIERS.get(given) : undefined;
  return tier ? { service_tier: tier } : null;
}

/** The same wish in OpenAI's word, for upstreams that know no other. */
function effortOf({
  thinking,
  output_config: config,
}: Record<string, unknown>): { reasoning_effort: string } | null {
  const effort = isRecord(config) && typeof config['effort'] === 'string' ? config['effort'] : null;
  if (effort !== null) return { reasoning_effort: effort };
  if (!isRecord(thinking)) return null;
  if (thinking['type'] === 'disabled') return { reasoning_effort: 'none' };
  const budget = thinking['budget_tokens'];
  if (thinking['type'] !== 'enabled' || typeof budget !== 'number') return null;
  return { reasoning_effort: budget < 4_096 ? 'low' : budget < 16_384 ? 'medium' : 'high' };
}

function formatOf(body: Record<string, unknown>): { response_format: object } | null {
  const config = body['output_config'];
  const format = isRecord(config) ? (config['format'] ?? body['output_format']) : body['output_format'];
  if (!isRecord(format) || format['type'] !== 'json_schema') return null;
  if (!isRecord(format['schema'])) throw fault('output_config.format.schema', 'a JSON schema is wanted');
  return {
    response_format: { type: 'json_schema', json_schema: { name: 'output', schema: format['schema'] } },
  };
}
