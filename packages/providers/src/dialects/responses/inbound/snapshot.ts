import { isRecord } from '../../openai/errors.ts';
import type { Item } from '../item.ts';

/** What changes in a response while it comes. */
export interface Progress {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly status: 'in_progress' | 'completed' | 'incomplete' | 'failed';
  readonly reason: string | null;
  readonly output: readonly Item[];
  readonly usage: Item | null;
  readonly tier: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/**
 * A response object: what is known so far, and the request's own fields with the defaults that OpenAI documents.
 * Source: https://platform.openai.com/docs/api-reference/responses/object (openai 7.55.0, read 2026-11-20).
 */
export function snapshotOf(request: Item, progress: Progress): Item {
  const reasoning = isRecord(request['reasoning']) ? request['reasoning'] : {};
  const text = isRecord(request['text']) ? request['text'] : {};
  return {
    id: progress.id,
    object: 'response',
    created_at: progress.created,
    status: progress.status,
    background: false,
    completed_at: null,
    error: progress.error,
    incomplete_details: progress.reason === null ? null : { reason: progress.reason },
    instructions: request['instructions'] ?? null,
    max_output_tokens: request['max_output_tokens'] ?? null,
    max_tool_calls: request['max_tool_calls'] ?? null,
    model: progress.model,
    output: progress.output,
    parallel_tool_calls: request['parallel_tool_calls'] ?? true,
    presence_penalty: 0,
    frequency_penalty: 0,
    previous_response_id: null,
    prompt_cache_key: request['prompt_cache_key'] ?? null,
    reasoning: { effort: reasoning['effort'] ?? null, summary: reasoning['summary'] ?? null },
    safety_identifier: request['safety_identifier'] ?? null,
    service_tier: progress.tier ?? request['service_tier'] ?? 'default',
    store: false,
    temperature: request['temperature'] ?? 1,
    text: { ...text, format: text['format'] ?? { type: 'text' } },
    tool_choice: request['tool_choice'] ?? 'auto',
    tools: Array.isArray(request['tools']) ? request['tools'].map(echoed) : [],
    top_logprobs: request['top_logprobs'] ?? 0,
    top_p: request['top_p'] ?? 1,
    truncation: request['truncation'] ?? 'disabled',
    usage: progress.usage,
    ...(typeof request['user'] === 'string' && { user: request['user'] }),
    metadata: request['metadata'] ?? {},
  };
}

/** A function has all its fields in an answer. */
const echoed = (tool: unknown): unknown =>
  isRecord(tool) && tool['type'] === 'function'
    ? { description: null, parameters: null, strict: null, ...tool }
    : tool;
