import { type ChatRequest, GatewayError } from '@inferbridge/core';
import { isRecord } from '../../openai/errors.ts';
import { malformed, shown } from '../faults.ts';
import type { Item } from '../item.ts';
import { messagesOf } from './messages.ts';
import { nestedChoice, nestedTools } from './tools.ts';

/** What only a gateway that remembers could do. */
const REMEMBERING: Readonly<Record<string, string>> = {
  previous_response_id: 'send the whole conversation as input',
  conversation: 'send the whole conversation as input',
  prompt: 'send the prompt itself as instructions and input',
  background: 'ask without it, with stream for instance',
};

/** Fields that are said in another way, or mean nothing where nothing is kept. */
const READ: ReadonlySet<string> = new Set([
  ...Object.keys(REMEMBERING),
  'input',
  'instructions',
  'messages',
  'tools',
  'tool_choice',
  'reasoning',
  'text',
  'max_output_tokens',
  'top_logprobs',
  'include',
  'store',
  'stream_options',
  'truncation',
  'max_tool_calls',
  'context_management',
  'access_programs',
  'image',
]);

const TYPES: Readonly<Record<string, 'string' | 'number' | 'boolean'>> = {
  model: 'string',
  instructions: 'string',
  stream: 'boolean',
  store: 'boolean',
  background: 'boolean',
  parallel_tool_calls: 'boolean',
  temperature: 'number',
  top_p: 'number',
  max_output_tokens: 'number',
  top_logprobs: 'number',
  user: 'string',
  safety_identifier: 'string',
  prompt_cache_key: 'string',
  service_tier: 'string',
};

const LOGPROBS = 'message.output_text.logprobs';

/**
 * A body of `POST /v1/responses` as a chat request. Throws `invalid_request` that names the field at fault, and
 * `unsupported` for what only a gateway that keeps conversations could do; `store` is taken and means nothing. Fields
 * that nobody knows pass as they are.
 * Source: https://platform.openai.com/docs/api-reference/responses/create (openai 7.55.0, read 2026-11-20).
 */
export function chatOfResponses(body: Record<string, unknown>): ChatRequest {
  check(body);
  const { model, instructions, tools, tool_choice: choice, max_output_tokens: most } = body;
  const messages = messagesOf(body['input']);
  if (typeof instructions === 'string' && instructions !== '')
    messages.unshift({ role: 'developer', content: instructions });
  if (messages.length === 0) throw malformed('input', 'at least one item is wanted');
  const rest = Object.entries(body).filter(([name, value]) => !READ.has(name) && given(value));
  return {
    ...Object.fromEntries(rest),
    model: typeof model === 'string' ? model : '',
    messages,
    ...(given(tools) && { tools: nestedTools(tools) }),
    ...(given(choice) && { tool_choice: nestedChoice(choice) }),
    ...reasoningFields(body['reasoning']),
    ...textFields(body['text']),
    ...(typeof most === 'number' && { max_completion_tokens: most }),
    ...logprobFields(body),
  };
}

const given = (value: unknown): boolean => value !== undefined && value !== null;

function check(body: Item): void {
  for (const [name, remedy] of Object.entries(REMEMBERING))
    if (given(body[name]) && body[name] !== false)
      throw new GatewayError('unsupported', `${name}: this gateway keeps no state; ${remedy}`, {
        param: name,
        code: 'unsupported_parameter',
      });
  for (const [name, type] of Object.entries(TYPES))
    if (given(body[name]) && typeof body[name] !== type) throw malformed(name, `a ${type} is wanted`);
  if (!given(body['model']) && !Array.isArray(body['models'])) throw malformed('model', 'a string is wanted');
  if (given(body['metadata']) && !isRecord(body['metadata']))
    throw malformed('metadata', 'an object is wanted');
}

function reasoningFields(reasoning: unknown): Item {
  if (!given(reasoning)) return {};
  if (!isRecord(reasoning)) throw malformed('reasoning', 'an object is wanted');
  const { effort } = reasoning;
  if (given(effort) && typeof effort !== 'string') throw malformed('reasoning.effort', 'a string is wanted');
  return given(effort) ? { reasoning_effort: effort } : {};
}

function textFields(text: unknown): Item {
  if (!given(text)) return {};
  if (!isRecord(text)) throw malformed('text', 'an object is wanted');
  const { format, verbosity } = text;
  if (given(verbosity) && typeof verbosity !== 'string')
    throw malformed('text.verbosity', 'a string is wanted');
  return {
    ...(given(format) && responseFormat(format)),
    ...(given(verbosity) && { verbosity }),
  };
}

/** Text is what chat answers with anyway. */
function responseFormat(format: unknown): Item {
  if (!isRecord(format)) throw malformed('text.format', 'an object with a type is wanted');
  const { type, ...schema } = format;
  if (type === 'text') return {};
  if (type === 'json_object') return { response_format: { type } };
  if (type !== 'json_schema')
    throw malformed(
      'text.format.type',
      `${shown(type)} is not known; text, json_object or json_schema is wanted`,
    );
  if (typeof schema['name'] !== 'string') throw malformed('text.format.name', 'a name is wanted');
  if (!isRecord(schema['schema'])) throw malformed('text.format.schema', 'a JSON schema is wanted');
  const said = Object.entries(schema).filter(([, value]) => given(value));
  return { response_format: { type, json_schema: Object.fromEntries(said) } };
}

function logprobFields({ top_logprobs: top, include }: Item): Item {
  if (given(include) && !Array.isArray(include)) throw malformed('include', 'an array is wanted');
  const some = typeof top === 'number' && top > 0;
  const asked = Array.isArray(include) && include.includes(LOGPROBS);
  return some || asked ? { logprobs: true, ...(some && { top_logprobs: top }) } : {};
}
