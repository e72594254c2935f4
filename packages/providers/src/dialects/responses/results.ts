import { isRecord } from '../openai/errors.ts';
import { NO_RESULT } from '../repairs.ts';
import { callId } from './call-id.ts';
import type { Item } from './item.ts';
import { inputParts } from './parts.ts';

/** Where the results of calls are to be found. */
export interface Search {
  readonly messages: readonly unknown[];
  readonly from: number;
  /** Gets the places of the messages that were taken. */
  readonly used: Set<number>;
}

/**
 * The outputs of `calls` in the order of the calls, from the tool messages before the next assistant message; one
 * without an id belongs to the first call that has none, and a call without any gets an output that says so.
 */
export function resultsBehind(calls: readonly Item[], { messages, from, used }: Search): Item[] {
  if (calls.length === 0) return [];
  const ids = new Set(calls.map((call) => call['call_id']));
  const found = new Map<unknown, string | Item[]>();
  const nameless: (string | Item[])[] = [];
  for (let at = from; at < messages.length; at++) {
    const message = messages[at];
    if (!isRecord(message) || message['role'] === 'assistant') break;
    if (message['role'] !== 'tool' && message['role'] !== 'function') continue;
    const given = message['tool_call_id'];
    const id = typeof given === 'string' && given !== '' ? callId(given) : null;
    if (id === null ? nameless.length >= calls.length : !ids.has(id)) continue;
    used.add(at);
    const output = outputOf(message['content'], `messages[${at}].content`);
    if (id === null) nameless.push(output);
    else found.set(id, output);
  }
  return calls.map(({ type, call_id }) => ({
    type: `${type}_output`,
    call_id,
    output: found.get(call_id) ?? nameless.shift() ?? NO_RESULT,
  }));
}

const outputOf = (content: unknown, place: string): string | Item[] =>
  typeof content === 'string' ? content : Array.isArray(content) ? inputParts(content, place) : '';
