import { isRecord } from './openai/errors.ts';

/** Where the results of calls may stand. */
export interface Search<M> {
  readonly messages: readonly M[];
  /** Right behind the calls; it ends before the next assistant message. */
  readonly from: number;
  /** Gets the places of the messages that were taken; the others are left to the caller. */
  readonly used: Set<number>;
  /** Default `tool` and `function`. */
  readonly roles?: readonly string[];
}

/** A result, and its place among the messages. */
export interface Found<M> {
  readonly message: M & Readonly<Record<string, unknown>>;
  readonly at: number;
}

const ROLES = ['tool', 'function'];

/**
 * For every call, by the caller's own ids, its result or `null`. Calls with one id get its results in the order in
 * which they came; told more often than called, the last word counts. A result without an id (`''` is none) is for the
 * first call that has none otherwise.
 */
export function resultsOf<M>(ids: readonly string[], search: Search<M>): (Found<M> | null)[] {
  const { used } = search;
  const calls = placesOf(ids);
  const told = new Map<string, number>();
  const results = ids.map((): Found<M> | null => null);
  const nameless: Found<M>[] = [];
  for (const found of candidates(search)) {
    const given = found.message['tool_call_id'];
    if (typeof given !== 'string' || given === '') {
      nameless.push(found);
      continue;
    }
    const before = told.get(given) ?? 0;
    const mine = calls.get(given);
    const call = mine?.[before] ?? mine?.at(-1);
    if (call === undefined) continue;
    told.set(given, before + 1);
    results[call] = found;
    used.add(found.at);
  }
  let free = -1;
  for (const found of nameless) {
    free = results.indexOf(null, free + 1);
    if (free < 0) break;
    results[free] = found;
    used.add(found.at);
  }
  return results;
}

function placesOf(ids: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const places = new Map<string, number[]>();
  for (const [call, id] of ids.entries()) {
    const those = places.get(id);
    if (those) those.push(call);
    else places.set(id, [call]);
  }
  return places;
}

function* candidates<M>({ messages, from, roles = ROLES }: Search<M>): Generator<Found<M>> {
  for (let at = from; at < messages.length; at++) {
    const message = messages[at];
    if (!isRecord(message) || message['role'] === 'assistant') return;
    if (typeof message['role'] === 'string' && roles.includes(message['role'])) yield { message, at };
  }
}
