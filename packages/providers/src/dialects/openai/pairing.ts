import type { ChatMessage, ToolCall } from '@inferbridge/core';
import { NO_RESULT, UNCALLED } from '../repairs.ts';
import { type Found, resultsOf, type Search } from '../results.ts';
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
  for (let at = 0; at < messages.length; at++) {
    const run = runFrom(messages, at);
    if (run.length > 0) {
      at += run.length - 1;
      for (const message of answered(run, { messages, from: at + 1, used })) out.push(message);
      continue;
    }
    const message = messages[at];
    if (message && !used.has(at)) out.push(message.role === 'tool' ? uncalled(message) : message);
  }
  return out;
}

/** Assistant messages that follow each other share the results behind them. */
interface Asking {
  readonly message: ChatMessage;
  readonly calls: ToolCall[];
}

function runFrom(messages: readonly ChatMessage[], from: number): Asking[] {
  const run: Asking[] = [];
  for (let at = from; messages[at]?.role === 'assistant'; at++) {
    const message = messages[at] ?? { role: 'assistant' };
    const calls = callsOf(message).map((call, nth) =>
      idOf(call) === '' ? { ...call, id: `call_${at}_${nth}` } : call,
    );
    run.push({ message, calls });
  }
  return run;
}

const callsOf = ({ role, tool_calls: calls }: ChatMessage): readonly ToolCall[] =>
  role === 'assistant' && Array.isArray(calls) ? calls.filter(isRecord) : [];

const idOf = ({ id }: ToolCall): string => (typeof id === 'string' ? id : '');

function isPaired(messages: readonly ChatMessage[]): boolean {
  const open = new Map<string, number>();
  for (const message of messages) {
    if (message.role === 'tool') {
      const id = message.tool_call_id ?? '';
      const left = open.get(id);
      if (left === undefined) return false;
      if (left > 1) open.set(id, left - 1);
      else open.delete(id);
      continue;
    }
    if (open.size > 0) return false;
    for (const call of callsOf(message)) open.set(idOf(call), (open.get(idOf(call)) ?? 0) + 1);
    if (open.has('')) return false;
  }
  return open.size === 0;
}

/** Every message of a run with the results of its calls right behind it. */
function answered(run: readonly Asking[], search: Search<ChatMessage>): ChatMessage[] {
  const ids = run.flatMap(({ calls }) => calls.map(idOf));
  const results = resultsOf(ids, { ...search, roles: ['tool'] }).values();
  return run.flatMap(({ message, calls }) =>
    calls.length === 0
      ? [message]
      : [
          { ...message, tool_calls: calls },
          ...calls.map((call) => resultFor(idOf(call), results.next().value)),
        ],
  );
}

const resultFor = (id: string, found: Found<ChatMessage> | null | undefined): ChatMessage =>
  found ? { ...found.message, tool_call_id: id } : { role: 'tool', tool_call_id: id, content: NO_RESULT };

function uncalled({ content }: ChatMessage): ChatMessage {
  const own = typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);
  return { role: 'user', content: [{ type: 'text', text: UNCALLED }, ...own] };
}
