import type { ChatMessage, ToolCall } from '@inferbridge/core';
import { isRecord } from '../../openai/errors.ts';
import { malformed, shown } from '../faults.ts';
import type { Item } from '../item.ts';
import { contentOf, saidIn } from './parts.ts';
import { createTurn, type Turn } from './turns.ts';

/** Items of the assistant's: those that chat has words for, and what was run behind its back. */
const ASSISTANTS: ReadonlySet<unknown> = new Set([
  'function_call',
  'custom_tool_call',
  'reasoning',
  'item_reference',
  'web_search_call',
  'file_search_call',
  'code_interpreter_call',
  'image_generation_call',
  'mcp_call',
  'mcp_list_tools',
]);
const RESULTS: ReadonlySet<unknown> = new Set(['function_call_output', 'custom_tool_call_output']);

const SPEAKERS: ReadonlySet<unknown> = new Set(['user', 'system', 'developer']);

/** Input items as chat messages; what an assistant thought, said and called in a row becomes one message. */
export function messagesOf(input: unknown): ChatMessage[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  if (!Array.isArray(input)) throw malformed('input', 'a string or an array of items is wanted');
  const messages: ChatMessage[] = [];
  let turn: Turn | null = null;
  const settle = () => {
    const message = turn?.message();
    if (message) messages.push(message);
    turn = null;
  };
  for (const [index, item] of input.entries()) {
    const place = `input[${index}]`;
    if (!isRecord(item)) throw malformed(place, 'an object is wanted');
    const other = otherMessage(item, place);
    if (other) {
      settle();
      messages.push(other);
    } else assistantItem(item, place, (turn ??= createTurn()));
  }
  settle();
  return messages;
}

const isMessage = ({ type, role }: Item): boolean =>
  type === 'message' || ((type === undefined || type === null) && role !== undefined);

/** The message of anybody but the assistant; `null` for the assistant's items. */
function otherMessage(item: Item, place: string): ChatMessage | null {
  const { type, role } = item;
  if (isMessage(item)) {
    if (role === 'assistant') return null;
    if (!SPEAKERS.has(role))
      throw malformed(
        `${place}.role`,
        `${shown(role)} is not known; user, assistant, system or developer is wanted`,
      );
    return { role: `${role}`, content: contentOf(item['content'], `${place}.content`) };
  }
  if (typeof type === 'string' && !ASSISTANTS.has(type) && !RESULTS.has(type))
    return { role: 'user', content: [{ type: 'responses_item', responses_item: item }] };
  if (!RESULTS.has(type)) return null;
  const content = contentOf(item['output'], `${place}.output`);
  return { role: 'tool', tool_call_id: text(item, 'call_id', place), content };
}

function assistantItem(item: Item, place: string, turn: Turn): void {
  switch (isMessage(item) ? 'message' : item['type']) {
    case 'message':
      turn.say(saidIn(item['content'], `${place}.content`), item['phase']);
      break;
    case 'function_call':
      turn.call(functionCall(item, place));
      break;
    case 'custom_tool_call':
      turn.call(customCall(item, place));
      break;
    case 'reasoning':
      turn.think(item);
      break;
    case 'item_reference':
    case undefined:
    case null:
      throw malformed(place, 'this gateway keeps no state: send the item itself');
    default: // what OpenAI ran itself: its outcome is in what the model said next
  }
}

function customCall(item: Item, place: string): ToolCall {
  const custom = { name: text(item, 'name', place), input: text(item, 'input', place, '') };
  return { id: text(item, 'call_id', place), type: 'custom', custom };
}

function functionCall(item: Item, place: string): ToolCall {
  const fn = { name: text(item, 'name', place), arguments: text(item, 'arguments', place, '{}') };
  return {
    id: text(item, 'call_id', place),
    type: 'function',
    function: fn,
    ...(isRecord(item['extra_content']) && { extra_content: item['extra_content'] }),
  };
}

/** A text that has to be there, unless there is something that stands for it. */
function text(item: Item, field: string, place: string, otherwise?: string): string {
  const value = item[field] ?? otherwise;
  if (typeof value === 'string' && (value !== '' || otherwise !== undefined)) return value;
  throw malformed(`${place}.${field}`, 'a string is wanted');
}
