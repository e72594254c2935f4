import type { ChatRequest } from '@inferbridge/core';
import { z } from 'zod';
import { unprocessable } from '../http/http-error.ts';
import { isPlain } from './chat-plain.ts';
import { faultIn, MOST_NAME, strangers } from './fields.ts';

/*
 * The request fields that OpenAI documents, by type and range; what is not listed passes.
 * Source: https://platform.openai.com/docs/api-reference/chat/create (openai 7.55.0, read 2026-11-20).
 */
/** Each is a candidate that may be called. */
const MOST_MODELS = 32;
/** Checked before they are looked at one by one. */
const MOST_MESSAGES = 20_000;
/** Over all messages together. */
const MOST_CALLS = 20_000;
const MOST_PARTS = 50_000;

const optional = <T extends z.ZodType>(type: T) => type.nullish();

const message = z.looseObject({
  role: z.enum(['developer', 'system', 'user', 'assistant', 'tool', 'function']),
  content: z
    .union([z.string(), z.array(z.looseObject({ type: z.string() })), z.null()], {
      error: 'a string or an array of parts is wanted',
    })
    .optional(),
  name: optional(z.string()),
  tool_calls: optional(z.array(z.looseObject({}))),
  tool_call_id: optional(z.string()),
});

const chat = z.looseObject({
  model: z.string().min(1).max(MOST_NAME),
  messages: z.array(message).min(1),
  stream: optional(z.boolean()),
  stream_options: optional(z.looseObject({ include_usage: optional(z.boolean()) })),
  temperature: optional(z.number().min(0).max(2)),
  top_p: optional(z.number().min(0).max(1)),
  presence_penalty: optional(z.number().min(-2).max(2)),
  frequency_penalty: optional(z.number().min(-2).max(2)),
  n: optional(z.int().min(1).max(10)),
  max_tokens: optional(z.int().min(1)),
  max_completion_tokens: optional(z.int().min(1)),
  stop: optional(
    z.union([z.string(), z.array(z.string())], { error: 'a string or a list of strings is wanted' }),
  ),
  tools: optional(z.array(z.looseObject({ type: z.string() }))),
  tool_choice: optional(z.union([z.string(), z.looseObject({})])),
  parallel_tool_calls: optional(z.boolean()),
  response_format: optional(z.looseObject({ type: z.string() })),
  seed: optional(z.number().refine(Number.isInteger, 'a whole number is wanted')), // of 64 bits
  logprobs: optional(z.boolean()),
  top_logprobs: optional(z.int().min(0).max(20)),
  logit_bias: optional(z.record(z.string(), z.number())),
  user: optional(z.string()),
  metadata: optional(z.record(z.string(), z.unknown())),
  models: optional(z.array(z.string().min(1).max(MOST_NAME)).min(1)),
});

/** Fields that are known and not looked at. */
const KNOWN: readonly string[] = [
  ...Object.keys(chat.shape),
  'audio',
  'function_call',
  'functions',
  'modalities',
  'moderation',
  'prediction',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'reasoning_effort',
  'safety_identifier',
  'service_tier',
  'store',
  'verbosity',
  'web_search_options',
];

export interface ChatRules {
  /** Refuse fields that nobody knows; default false. */
  readonly strict?: boolean;
  /** The most texts in `stop`; default: whatever the upstream takes. */
  readonly mostStops?: number;
}

/** A chat request as it stands in the body, checked; throws 422 that names the first field at fault. */
export function checkChat(body: Record<string, unknown>, rules: ChatRules = {}): ChatRequest {
  bounded(body, 'messages', MOST_MESSAGES);
  boundedWithin(body['messages'], 'tool_calls', MOST_CALLS);
  boundedWithin(body['messages'], 'content', MOST_PARTS);
  bounded(body, 'models', MOST_MODELS);
  bounded(body, 'stop', rules.mostStops ?? Number.POSITIVE_INFINITY);
  const given =
    body['models'] !== undefined && (body['model'] === undefined || body['model'] === '')
      ? { ...body, model: String((body['models'] as unknown[])?.[0] ?? '') }
      : body; // a chain needs no model beside it
  if (rules.strict) strangers(given, KNOWN);
  if (isPlain(given)) return given as ChatRequest; // as below, looked at in another way
  const result = chat.safeParse(given);
  if (result.success) return given as ChatRequest; // checked field by field just above; the rest is the index signature's
  throw faultIn(result.error);
}

function bounded(body: Record<string, unknown>, field: string, most: number): void {
  const value = body[field];
  if (Array.isArray(value) && value.length > most)
    throw unprocessable(field, `${field}: at most ${most} are taken`);
}

/** The same for a field of all messages together. */
function boundedWithin(messages: unknown, field: 'tool_calls' | 'content', most: number): void {
  if (!Array.isArray(messages)) return;
  let count = 0;
  for (const [index, message] of messages.entries()) {
    const value = (message as Record<string, unknown> | null)?.[field]; // whatever the body holds; only counted
    if (!Array.isArray(value)) continue;
    count += value.length;
    if (count > most)
      throw unprocessable(
        `messages[${index}].${field}`,
        `messages[${index}].${field}: at most ${most} are taken in a conversation`,
      );
  }
}
