import { isRecord } from '../openai/errors.ts';
import { malformed } from './faults.ts';
import type { Item } from './item.ts';
import { outputParts } from './parts.ts';

/** The reasoning of an earlier answer that goes back before what it led to. */
export type Recall = (message: Item) => readonly Recalled[];

interface Recalled {
  readonly item: Item;
  readonly callsBefore: number;
}

/** What OpenAI gave with an earlier answer and the client has kept: `provider_specific_fields.openai`. */
export function ownFields(message: Item): Item {
  const fields = message['provider_specific_fields'];
  const own = isRecord(fields) ? fields['openai'] : null;
  return isRecord(own) ? own : {};
}

/**
 * Takes each reasoning item back once. One without its encrypted content is only a reference to what OpenAI has
 * `stored`, and unknown there otherwise. Source: https://platform.openai.com/docs/guides/reasoning (read 2026-11-20).
 */
export function createRecall(stored: boolean): Recall {
  const seen = new Set<unknown>();
  return (message) => {
    const { reasoning } = ownFields(message);
    if (!Array.isArray(reasoning)) return [];
    return reasoning.filter(isRecord).flatMap((item) => {
      const { id, encrypted_content: encrypted, summary, content, calls_before: before } = item;
      const whole = typeof encrypted === 'string' && encrypted !== '';
      if (item['type'] !== 'reasoning' || (!whole && !stored)) return [];
      if (typeof id === 'string' && seen.has(id)) return [];
      seen.add(id);
      const own = {
        type: 'reasoning',
        ...(typeof id === 'string' && { id }),
        summary: Array.isArray(summary) ? summary : [],
        ...(Array.isArray(content) && content.length > 0 && { content }),
        ...(whole && { encrypted_content: encrypted }),
      };
      return [{ item: own, callsBefore: typeof before === 'number' ? before : 0 }];
    });
  };
}

/**
 * One assistant message as items: reasoning, text, calls, and further reasoning before the call that it led to. Reasoning
 * that led to nothing is left out: it is refused.
 */
export function assistantItems(message: Item, place: string, recall: Recall): Item[] {
  const said = outputParts(message['content'], `${place}.content`);
  const { refusal, tool_calls: calls } = message;
  if (typeof refusal === 'string' && refusal !== '' && !said.some(({ type }) => type === 'refusal'))
    said.push({ type: 'refusal', refusal });
  const { phase } = ownFields(message);
  const items: Item[] = [];
  if (said.length > 0)
    items.push({
      type: 'message',
      role: 'assistant',
      content: said,
      ...(typeof phase === 'string' && { phase }),
    });
  if (calls !== undefined && calls !== null && !Array.isArray(calls))
    throw malformed(`${place}.tool_calls`, 'an array is wanted');
  const called = (calls ?? []).map((call, index) => callItem(call, `${place}.tool_calls[${index}]`));
  if (items.length + called.length === 0) return [];
  const thoughts = Map.groupBy(recall(message), ({ callsBefore: at }) => (at < called.length ? at : 0));
  const before = (at: number) => (thoughts.get(at) ?? []).map(({ item }) => item);
  return [
    ...before(0),
    ...items,
    ...called.flatMap((call, at) => (at === 0 ? [call] : [...before(at), call])),
  ];
}

function callItem(call: unknown, place: string): Item {
  if (!isRecord(call)) throw malformed(place, 'an object is wanted');
  const { id, function: fn, custom } = call;
  const call_id = typeof id === 'string' ? id : ''; // the caller's own, until all are known
  if (isRecord(custom))
    return {
      type: 'custom_tool_call',
      call_id,
      name: nameIn(custom, `${place}.custom`),
      input: textOf(custom['input']),
    };
  if (!isRecord(fn)) throw malformed(`${place}.function`, 'an object with name and arguments is wanted');
  const name = nameIn(fn, `${place}.function`);
  return { type: 'function_call', call_id, name, arguments: textOf(fn['arguments']) || '{}' };
}

function nameIn({ name }: Item, place: string): string {
  if (typeof name !== 'string' || name === '') throw malformed(`${place}.name`, 'a name is wanted');
  return name;
}

/** Arguments are JSON in a string, also where a client sends the object itself. */
const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : isRecord(value) ? JSON.stringify(value) : '';
