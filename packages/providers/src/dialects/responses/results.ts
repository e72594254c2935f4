import { NO_RESULT } from '../repairs.ts';
import { resultsOf, type Search } from '../results.ts';
import type { Item } from './item.ts';
import { inputParts } from './parts.ts';

/** A call as its output needs to know it. */
export interface Called {
  readonly type: string;
  /** The caller's own id; `''` where there is none. */
  readonly given: string;
  readonly id: string;
}

/**
 * The outputs of `calls` in the order of the calls, from the tool messages before the next assistant message; one
 * without an id belongs to the first call that has none otherwise, and a call without any gets an output that says so.
 */
export function resultsBehind(calls: readonly Called[], search: Search<unknown>): Item[] {
  if (calls.length === 0) return [];
  const ids = calls.map(({ given }) => given);
  const results = resultsOf(ids, search);
  return calls.map(({ type, id }, call) => {
    const found = results[call];
    return {
      type: `${type}_output`,
      call_id: id,
      output: found ? outputOf(found.message['content'], `messages[${found.at}].content`) : NO_RESULT,
    };
  });
}

const outputOf = (content: unknown, place: string): string | Item[] =>
  typeof content === 'string' ? content : Array.isArray(content) ? inputParts(content, place) : '';
