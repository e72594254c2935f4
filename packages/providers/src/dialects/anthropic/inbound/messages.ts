import type { ChatMessage, ContentPart, ToolCall } from '@inferbridge/core';
import { asText, jsonText } from '../../../json.ts';
import { isRecord } from '../../openai/errors.ts';
import { fault, textIn } from './faults.ts';
import { marked, partOf, plainly } from './parts.ts';

type Block = Record<string, unknown>;

/** The system prompt and the turns as messages; an Anthropic turn with results becomes several. */
export function messagesOf(system: unknown, turns: readonly unknown[]): ChatMessage[] {
  return [
    ...systemOf(system, 'system'),
    ...turns.flatMap((turn, index) => turnOf(turn, `messages[${index}]`)),
  ];
}

function systemOf(system: unknown, place: string): ChatMessage[] {
  if (system === undefined || system === null || system === '') return [];
  if (typeof system === 'string') return [{ role: 'system', content: system }];
  const parts = blocksIn(system, place).map((block, index) => {
    if (block['type'] !== 'text') throw fault(`${place}[${index}].type`, 'only text is taken here');
    return { type: 'text', text: textIn(block, 'text', `${place}[${index}]`), ...marked(block) };
  });
  return parts.length > 0 ? [{ role: 'system', content: plainly(parts) }] : [];
}

function turnOf(turn: unknown, place: string): ChatMessage[] {
  if (!isRecord(turn)) throw fault(place, 'an object with role and content is wanted');
  const { role, content } = turn;
  if (role === 'system') return systemOf(content, `${place}.content`);
  if (role !== 'user' && role !== 'assistant')
    throw fault(`${place}.role`, '"user" or "assistant" is wanted');
  if (typeof content === 'string') return [{ role, content }];
  const blocks = blocksIn(content, `${place}.content`);
  return role === 'user' ? userTurn(blocks, `${place}.content`) : [assistantTurn(blocks, `${place}.content`)];
}

function blocksIn(content: unknown, place: string): Block[] {
  if (!Array.isArray(content)) throw fault(place, 'a text or a list of blocks is wanted');
  return content.map((block: unknown, index) => {
    if (isRecord(block) && typeof block['type'] === 'string') return block;
    throw fault(`${place}[${index}].type`, 'a block with a type is wanted');
  });
}

/** Results of tools are messages of their own, and come first. */
function userTurn(blocks: readonly Block[], place: string): ChatMessage[] {
  const results: ChatMessage[] = [];
  const parts: ContentPart[] = [];
  for (const [index, block] of blocks.entries()) {
    const here = `${place}[${index}]`;
    if (block['type'] === 'tool_result') results.push(resultOf(block, here));
    else parts.push(...partOf(block, here));
  }
  if (parts.length === 0 && results.length > 0) return results;
  return [...results, { role: 'user', content: plainly(parts) }];
}

function resultOf(block: Block, place: string): ChatMessage {
  const { content } = block;
  const parts =
    typeof content === 'string' || content === undefined || content === null
      ? null
      : blocksIn(content, `${place}.content`).flatMap((part, index) =>
          partOf(part, `${place}.content[${index}]`),
        );
  return {
    role: 'tool',
    tool_call_id: textIn(block, 'tool_use_id', place),
    content: parts ? plainly(parts) : asText(content ?? ''),
    ...(block['is_error'] === true && { is_error: true }),
    ...marked(block),
  };
}

/** Blocks that chat completions has words for. */
const SAYABLE: ReadonlySet<unknown> = new Set(['text', 'thinking', 'redacted_thinking', 'tool_use']);

function assistantTurn(blocks: readonly Block[], place: string): ChatMessage {
  const texts: ContentPart[] = [];
  const calls: ToolCall[] = [];
  const thoughts: Block[] = [];
  for (const [index, block] of blocks.entries()) {
    const here = `${place}[${index}]`;
    if (block['type'] === 'text')
      texts.push({ type: 'text', text: textIn(block, 'text', here), ...marked(block) });
    else if (block['type'] === 'tool_use') calls.push(callOf(block, here));
    else if (block['type'] === 'thinking' || block['type'] === 'redacted_thinking') thoughts.push(block);
  }
  const thinking = thoughts
    .map((thought) => (typeof thought['thinking'] === 'string' ? thought['thinking'] : ''))
    .join('');
  const sayable = blocks.every(({ type }) => SAYABLE.has(type));
  return {
    role: 'assistant',
    content: texts.length === 0 && calls.length > 0 ? null : plainly(texts),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(thoughts.length > 0 && { thinking_blocks: thoughts }),
    ...(thinking !== '' && { reasoning_content: thinking }),
    ...(!sayable && { provider_specific_fields: { anthropic: { content: blocks } } }),
  };
}

function callOf(block: Block, place: string): ToolCall {
  const { input } = block;
  if (input !== undefined && !isRecord(input)) throw fault(`${place}.input`, 'an object is wanted');
  return {
    id: textIn(block, 'id', place),
    type: 'function',
    function: { name: textIn(block, 'name', place), arguments: jsonText(input ?? {}, `${place}.input`) },
    ...marked(block),
  };
}
