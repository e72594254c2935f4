import type { ChatMessage } from '@inferbridge/core';
import { parseJson } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';
import { NO_RESULT } from '../repairs.ts';
import { createResults } from '../results.ts';
import { type Part, partsOf } from './content.ts';

/** A function call of the history, as its result needs to know it. */
export interface Called {
  /** `''` where the caller gave none. */
  readonly id: string;
  /** As the vendor sees it. */
  readonly name: string;
}

interface Result {
  readonly response: Record<string, unknown>;
  /** What a response cannot hold: pictures and files. */
  readonly media: readonly Part[];
}

/**
 * The results of a model's calls in the order of the calls, found among the tool messages before the next assistant
 * message, whatever their order there; a call without one gets a result that says so. Notes which messages were used;
 * what nobody called for is left to the caller. Source: https://ai.google.dev/gemini-api/docs/function-calling (read 2026-11-20).
 */
export function resultsAfter(
  messages: readonly ChatMessage[],
  after: number,
  calls: readonly Called[],
  used: Set<number>,
): Part[] {
  const given = createResults<Result>(calls.map(({ id }) => id));
  for (let at = after + 1; at < messages.length; at++) {
    const message = messages[at];
    if (!isRecord(message) || message.role === 'assistant') break;
    if (message.role !== 'tool' && message.role !== 'function') continue;
    const id = typeof message.tool_call_id === 'string' ? message.tool_call_id : '';
    if (!given.wants(id)) continue;
    used.add(at);
    given.give(id, resultOf(message, `messages[${at}].content`));
  }
  const results = calls.map((call) => ({ call, ...(given.take(call.id) ?? MISSING) }));
  return [
    ...results.map(({ call: { id, name }, response }) => ({
      functionResponse: { ...(id !== '' && { id }), name, response },
    })),
    ...results.flatMap(({ media }) => media),
  ];
}

const MISSING: Result = { response: { error: NO_RESULT }, media: [] };

function resultOf(message: ChatMessage, place: string): Result {
  const parts = partsOf(message.content, place);
  const text = parts.map((part) => (typeof part['text'] === 'string' ? part['text'] : '')).join('');
  const media = parts.filter((part) => part['text'] === undefined);
  if (message['is_error'] === true) return { response: { error: text }, media };
  return { response: objectIn(text) ?? { result: text }, media };
}

/** A response is an object: the one that the text spells, or one around the text. */
function objectIn(text: string): Record<string, unknown> | null {
  const value = text.trimStart().startsWith('{') ? parseJson(text) : null;
  return isRecord(value) ? value : null;
}
