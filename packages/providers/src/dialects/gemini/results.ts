import type { ChatMessage } from '@inferbridge/core';
import { parseJson } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';
import { NO_RESULT } from '../repairs.ts';
import { type Found, resultsOf } from '../results.ts';
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
  const ids = calls.map(({ id }) => id);
  const given = resultsOf(ids, { messages, from: after + 1, used });
  const results = calls.map((call, nth) => ({ call, ...resultOf(given[nth] ?? null) }));
  return [
    ...results.map(({ call: { id, name }, response }) => ({
      functionResponse: { ...(id !== '' && { id }), name, response },
    })),
    ...results.flatMap(({ media }) => media),
  ];
}

function resultOf(found: Found<ChatMessage> | null): Result {
  if (!found) return { response: { error: NO_RESULT }, media: [] };
  const { message, at } = found;
  const parts = partsOf(message.content, `messages[${at}].content`);
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
