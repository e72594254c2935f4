import type { ChatMessage } from '@inferbridge/core';
import { NO_RESULT } from '../repairs.ts';
import { type Found, resultsOf } from '../results.ts';
import type { Called } from './assistant.ts';
import { type Block, blocksOf, cacheControl } from './content.ts';

/**
 * The results of an assistant's calls in the order of the calls, found among the tool messages before the next
 * assistant message, whatever their order there; a call without one gets a result that says so. Notes which messages
 * were used; what nobody called for is left to the caller.
 */
export function resultsAfter(
  messages: readonly ChatMessage[],
  after: number,
  calls: readonly Called[],
  used: Set<number>,
): Block[] {
  const ids = calls.map(({ given }) => given);
  const results = resultsOf(ids, { messages, from: after + 1, used });
  return calls.map(({ id }, call) => ({
    type: 'tool_result',
    ...resultOf(results[call] ?? null),
    tool_use_id: id,
  }));
}

/** Text, or blocks where there are pictures; an error is told in text alone. */
function resultOf(found: Found<ChatMessage> | null): Record<string, unknown> {
  if (!found) return { content: NO_RESULT, is_error: true };
  const { message, at } = found;
  const error = message['is_error'] === true ? { is_error: true } : null;
  if (typeof message.content === 'string')
    return { content: message.content, ...error, ...cacheControl(message) };
  const blocks = blocksOf(message.content, `messages[${at}].content`);
  const kept = error ? blocks.filter(({ type }) => type === 'text') : blocks;
  return { content: kept.length > 0 ? kept : '', ...error, ...cacheControl(message) };
}
