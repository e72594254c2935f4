import type { ChatCompletion, ChunkDelta, GatewayError } from '@inferbridge/core';
import { isRecord } from '../openai/errors.ts';
import type { Item } from './item.ts';
import { createOutput } from './output.ts';
import { finishOf, headOf, ownOf, tierOf } from './own.ts';
import { chatUsage } from './usage.ts';

const OVER: ReadonlySet<unknown> = new Set(['completed', 'incomplete', undefined, null]);

/**
 * A response as a completion; `null` where it is none, or is not over. Throws `failure(body)` where it failed.
 * `created` stands where it has no time of its own.
 * Source: https://platform.openai.com/docs/api-reference/responses/object (openai 7.55.0, read 2026-11-20).
 */
export function completionOfResponse(
  body: unknown,
  created: number,
  failure: (body: unknown) => GatewayError,
): ChatCompletion | null {
  if (!isRecord(body)) return null;
  const { status, error, output: items } = body;
  if (status === 'failed' || status === 'cancelled' || isRecord(error)) throw failure(body);
  if (!Array.isArray(items) || !OVER.has(status)) return null;
  const output = createOutput();
  const message = messageOf(output.catchUp(items));
  const usage = chatUsage(body['usage']);
  return {
    ...headOf(body, created),
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { ...message, ...ownOf(output.reasoning(), output.phase()) },
        finish_reason: finishOf(body, output.calls()),
        logprobs: null,
      },
    ],
    ...(usage && { usage }),
    ...tierOf(body),
  };
}

/** A whole message is what its deltas add up to. */
function messageOf(deltas: readonly ChunkDelta[]): { role: string } & Item {
  const text: Record<string, string> = {};
  const annotations: unknown[] = [];
  const calls: Item[] = [];
  for (const { tool_calls: more, annotations: notes, ...texts } of deltas) {
    for (const [field, piece] of Object.entries(texts))
      if (typeof piece === 'string') text[field] = (text[field] ?? '') + piece;
    if (Array.isArray(notes)) annotations.push(...notes);
    for (const call of more ?? []) calls[call.index ?? 0] = joined(calls[call.index ?? 0], { ...call });
  }
  const { content = '', refusal = null, ...others } = text;
  return {
    role: 'assistant',
    content: content === '' && calls.length > 0 ? null : content,
    refusal,
    ...others,
    ...(annotations.length > 0 && { annotations }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

/** A call and more of its arguments. */
function joined(call: Item | undefined, { index: _, ...more }: Item): Item {
  if (!call) return more;
  const field = isRecord(call['custom']) ? 'custom' : 'function';
  const [before, after] = [call[field], more[field]];
  if (!isRecord(before) || !isRecord(after)) return call;
  const key = field === 'custom' ? 'input' : 'arguments';
  return { ...call, [field]: { ...before, [key]: `${before[key]}${after[key]}` } };
}
