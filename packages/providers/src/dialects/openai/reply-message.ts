import { asText } from '../../json.ts';
import { splitParts } from './parts.ts';
import type { Think } from './think.ts';

/** Fields that are there or not, and never null. */
const NEVER_NULL = ['annotations', 'audio', 'function_call', 'tool_calls'];

/** Puts a vendor's message or delta into OpenAI's form, in place; `vendor` does first what only that vendor needs. */
export function tidyMessage(
  message: Record<string, unknown>,
  vendor: ((message: Record<string, unknown>) => void) | undefined,
): void {
  vendor?.(message);
  splitParts(message);
  oneReasoning(message);
  for (const field of NEVER_NULL) if (message[field] === null) delete message[field];
  const { content } = message;
  if (content !== undefined && content !== null && typeof content !== 'string') message['content'] = '';
}

/** Vendors call it `reasoning` or `reasoning_content`; one name is enough, and it is text. */
function oneReasoning(message: Record<string, unknown>): void {
  const { reasoning } = message;
  delete message['reasoning'];
  if (!isText(message['reasoning_content'])) delete message['reasoning_content'];
  if (typeof reasoning === 'string' && typeof message['reasoning_content'] !== 'string')
    message['reasoning_content'] = reasoning;
}

const isText = (value: unknown): boolean => value === null || typeof value === 'string';

/** What is said between the tags is reasoning; with `whole`, nothing more comes. */
export function thinkingIn(message: Record<string, unknown>, think: Think, whole: boolean): void {
  const { content } = message;
  if (typeof content !== 'string' && !whole) return;
  const said = think.push(typeof content === 'string' ? content : '');
  const rest = whole ? think.end() : null;
  const text = said.content + (rest?.content ?? '');
  if (typeof content === 'string' || text !== '') message['content'] = text;
  const reasoning = said.reasoning + (rest?.reasoning ?? '');
  if (reasoning !== '') message['reasoning_content'] = asText(message['reasoning_content'] ?? '') + reasoning;
}

/**
 * The index of a choice, or its position where it names none. OpenAI's `n` is at most 128
 * (https://platform.openai.com/docs/api-reference/chat/create, read 2026-11-20).
 */
export const placeOf = (index: unknown, position: number): number =>
  Number.isInteger(index) && Number(index) >= 0 && Number(index) < 128 ? Number(index) : position;
