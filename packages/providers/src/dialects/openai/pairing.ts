import type { ChatMessage, ToolCall } from '@inferbridge/core';
import { NO_RESULT, UNCALLED } from '../repairs.ts';
import { createResults } from '../results.ts';
import { isRecord } from './errors.ts';

/**
 * The messages with every call followed by its result, and no result without a call, since vendors refuse both: results
 * move up to their calls, a call without one gets one that says so, and what nobody called for becomes the user's
 * words. The very same array where nothing has to be mended.
 * Source: https://platform.openai.com/docs/guides/function-calling (read 2026-11-20).
 */
export function paired(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  if (isPaired(messages)) return messages;
  const out: ChatMessage[] = [];
  const used = new Set<number>();
  for (const [index, message] of messages.entries()) {
    if (used.has(index)) continue;
    const calls = callsOf(message);
    if (message.role === 'tool') out.push(uncalled(message));
    else if (calls.length === 0) out.push(message);
    else {
      const named = calls.map((call, at) =>
        idOf(call) === '' ? { ...call, id: `call_${index}_${at}` } : call,
      );
      out.push({ ...message, tool_calls: named }, ...resultsFor(named, { messages, after: index, used }));
    }
  }
  return out;
}

const callsOf = ({ role, tool_calls: calls }: ChatMessage): readonly ToolCall[] =>
  role === 'assistant' && Array.isArray(calls) ? calls.filter(isRecord) : [];

const idOf = ({ id }: ToolCall): string => (typeof id === 'string' ? id : '');

function isPaired(messages: readonly ChatMessage[]): boolean {
  let open: readonly string[] = [];
  for (const message of messages) {
    if (message.role === 'tool') {
      const at = open.indexOf(message.tool_call_id ?? '');
      if (at < 0) return false;
      open = open.toSpliced(at, 1);
      continue;
    }
    if (open.length > 0) return false;
    open = callsOf(message).map(idOf);
    if (open.includes('')) return false;
  }
  return open.length === 0;
}

interface Search {
  readonly messages: readonly ChatMessage[];
  readonly after: number;
  /** Gets the places of the messages that were taken. */
  readonly used: Set<number>;
}

/** Found behind the run of assistant messages and before the next one. */
function resultsFor(calls: readonly ToolCall[], { messages, after, used }: Search): ChatMessage[] {
  const results = createResults<ChatMessage>(calls.map(idOf));
  let at = after + 1;
  while (messages[at]?.role === 'assistant') at += 1;
  for (; at < messages.length; at++) {
    const message = messages[at];
    if (!message || message.role === 'assistant') break;
    const id = message.tool_call_id ?? '';
    if (message.role !== 'tool' || used.has(at) || !results.wants(id)) continue;
    used.add(at);
    results.give(id, message);
  }
  return calls.map((call) => {
    const id = idOf(call);
    const result = results.take(id);
    return result ? { ...result, tool_call_id: id } : { role: 'tool', tool_call_id: id, content: NO_RESULT };
  });
}

function uncalled({ content }: ChatMessage): ChatMessage {
  const own = typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);
  return { role: 'user', content: [{ type: 'text', text: UNCALLED }, ...own] };
}
