import { isRecord } from '../openai/errors.ts';
import { UNCALLED } from '../repairs.ts';
import { assistantItems, createRecall } from './assistant.ts';
import { createCallIds } from './call-id.ts';
import { malformed, shown } from './faults.ts';
import type { Item } from './item.ts';
import { inputParts, ownItems } from './parts.ts';
import { type Called, resultsBehind } from './results.ts';

/**
 * A conversation as input items. Every call is followed by its output, and an output that nobody called for becomes
 * the user's words, since both are refused otherwise. `stored` tells that OpenAI keeps what it said.
 * Source: https://platform.openai.com/docs/guides/conversation-state (read 2026-11-20).
 */
export function itemsOf(messages: unknown, stored: boolean): Item[] {
  if (!Array.isArray(messages)) throw malformed('messages', 'an array is wanted');
  const used = new Set<number>();
  const recall = createRecall(stored);
  const ids = createCallIds();
  const calls: Called[] = [];
  const items: Item[] = [];
  for (const [index, message] of messages.entries()) {
    if (used.has(index)) continue;
    const place = `messages[${index}]`;
    if (!isRecord(message)) throw malformed(place, 'an object is wanted');
    if (message['role'] !== 'assistant') {
      items.push(...spokenItems(message, place));
      continue;
    }
    for (const item of assistantItems(message, place, recall)) {
      if (!isCall(item)) {
        items.push(item);
        continue;
      }
      const given = `${item['call_id']}`;
      const id = ids.fresh(given, place);
      calls.push({ type: `${item['type']}`, given, id });
      items.push({ ...item, call_id: id });
    }
    const next: unknown = messages[index + 1];
    if (isRecord(next) && next['role'] === 'assistant') continue;
    const results = resultsBehind(calls.splice(0), { messages, from: index + 1, used });
    for (const item of results) items.push(item); // more than can be arguments
  }
  return items;
}

const isCall = ({ type }: Item): boolean => type === 'function_call' || type === 'custom_tool_call';

function spokenItems(message: Item, place: string): Item[] {
  const { role } = message;
  const own = ownItems(message['content'], `${place}.content`);
  if (own) return own;
  const parts = inputParts(message['content'], `${place}.content`);
  switch (role) {
    case 'system':
    case 'developer':
      return parts.length > 0 ? [{ type: 'message', role, content: parts }] : [];
    case 'user':
      return [{ type: 'message', role, content: parts.length > 0 ? parts : [text('')] }];
    case 'tool':
    case 'function':
      return [{ type: 'message', role: 'user', content: [text(UNCALLED), ...parts] }];
    default:
      throw malformed(
        `${place}.role`,
        `${shown(role)} is not known; system, developer, user, assistant or tool is wanted`,
      );
  }
}

const text = (words: string): Item => ({ type: 'input_text', text: words });
