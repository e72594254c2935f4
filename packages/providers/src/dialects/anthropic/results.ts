import type { ChatMessage } from '@inferbridge/core';
import { NO_RESULT } from '../repairs.ts';
import { createResults } from '../results.ts';
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
  const results = createResults<Block>(calls.map(({ given }) => given));
  for (let at = after + 1; at < messages.length; at++) {
    const message = messages[at];
    if (!message || message.role === 'assistant') break;
    if (message.role !== 'tool' && message.role !== 'function') continue;
    const id = typeof message.tool_call_id === 'string' ? message.tool_call_id : '';
    if (!results.wants(id)) continue;
    used.add(at);
    results.give(id, { type: 'tool_result', ...resultOf(message, `messages[${at}].content`) });
  }
  return calls.map(({ given, id }) => ({ ...(results.take(given) ?? MISSING), tool_use_id: id }));
}

const MISSING: Block = { type: 'tool_result', content: NO_RESULT, is_error: true };

/** Text, or blocks where there are pictures; an error is told in text alone. */
function resultOf(message: ChatMessage, place: string): Record<string, unknown> {
  const error = message['is_error'] === true ? { is_error: true } : null;
  if (typeof message.content === 'string')
    return { content: message.content, ...error, ...cacheControl(message) };
  const blocks = blocksOf(message.content, place);
  const kept = error ? blocks.filter(({ type }) => type === 'text') : blocks;
  return { content: kept.length > 0 ? kept : '', ...error, ...cacheControl(message) };
}
