import { isRecord } from '../openai/errors.ts';
import { NO_RESULT } from '../repairs.ts';
import { createResults } from '../results.ts';
import type { Item } from './item.ts';
import { inputParts } from './parts.ts';

/** Where the results of calls are to be found. */
export interface Search {
  readonly messages: readonly unknown[];
  readonly from: number;
  /** Gets the places of the messages that were taken. */
  readonly used: Set<number>;
}

/** A call as its output needs to know it. */
export interface Called {
  readonly type: string;
  /** The caller's own id; `''` where there is none. */
  readonly given: string;
  readonly id: string;
}

/**
 * The outputs of `calls` in the order of the calls, from the tool messages before the next assistant message; one
 * without an id belongs to the first call that has none, and a call without any gets an output that says so.
 */
export function resultsBehind(calls: readonly Called[], { messages, from, used }: Search): Item[] {
  if (calls.length === 0) return [];
  const results = createResults<string | Item[]>(calls.map(({ given }) => given));
  for (let at = from; at < messages.length; at++) {
    const message = messages[at];
    if (!isRecord(message) || message['role'] === 'assistant') break;
    if (message['role'] !== 'tool' && message['role'] !== 'function') continue;
    const given = message['tool_call_id'];
    const id = typeof given === 'string' ? given : '';
    if (!results.wants(id)) continue;
    used.add(at);
    results.give(id, outputOf(message['content'], `messages[${at}].content`));
  }
  return calls.map(({ type, given, id }) => ({
    type: `${type}_output`,
    call_id: id,
    output: results.take(given) ?? NO_RESULT,
  }));
}

const outputOf = (content: unknown, place: string): string | Item[] =>
  typeof content === 'string' ? content : Array.isArray(content) ? inputParts(content, place) : '';
