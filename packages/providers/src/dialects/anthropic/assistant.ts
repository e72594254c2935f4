import type { ChatMessage } from '@inferbridge/core';
import { asText, parseJson } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';
import { type Block, blocksOf, cacheControl, malformed, textBlock } from './content.ts';
import type { Ids, Names } from './names.ts';

/** A call of the history: as its result names it, and as the vendor gets to see it. */
export interface Called {
  /** `''` where the caller gave none. */
  readonly given: string;
  readonly id: string;
}

export interface AssistantRun {
  readonly run: readonly Block[];
  readonly calls: readonly Called[];
  /** The last message that belongs to it. */
  readonly last: number;
}

/** Assistant messages that follow each other are one turn. */
export function assistantRun(
  messages: readonly ChatMessage[],
  from: number,
  names: Names,
  ids: Ids,
): AssistantRun {
  const run: Block[] = [];
  const calls: Called[] = [];
  let last = from;
  for (let at = from; messages[at]?.role === 'assistant'; at++) {
    for (const block of assistantBlocks(messages[at] ?? { role: 'assistant' }, `messages[${at}]`, names)) {
      if (block.type !== 'tool_use') run.push(block);
      else {
        const given = asText(block['id']);
        const id = ids.fresh(given);
        calls.push({ given, id });
        run.push({ ...block, id });
      }
    }
    last = at;
  }
  return { run, calls, last };
}

function assistantBlocks(message: ChatMessage, place: string, names: Names): Block[] {
  const own = ownBlocks(message);
  if (own) return own;
  const said = blocksOf(message.content, `${place}.content`);
  const refused = typeof message['refusal'] === 'string' ? textBlock(message['refusal']) : [];
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls : [];
  const blocks = [
    ...thinkingBlocks(message),
    ...(said.length > 0 ? said : refused),
    ...calls.map((call, index) => toolUse(call, `${place}.tool_calls[${index}]`, names)),
  ];
  return marked(blocks, message);
}

/** What an earlier answer of the vendor's own was made of, where the client kept it. */
function ownBlocks(message: ChatMessage): Block[] | null {
  const fields = message['provider_specific_fields'];
  const own = isRecord(fields) ? fields['anthropic'] : null;
  const content = isRecord(own) ? own['content'] : null;
  if (!Array.isArray(content) || content.length === 0) return null;
  return content.every((block): block is Block => isRecord(block) && typeof block['type'] === 'string')
    ? content
        .filter((block) => block.type !== 'text' || asText(block['text']).trim() !== '')
        .map((block) => ({ ...block }))
    : null;
}

/** Thinking goes back signed or not at all. */
function thinkingBlocks(message: ChatMessage): Block[] {
  const blocks = message['thinking_blocks'];
  if (!Array.isArray(blocks)) return [];
  return blocks
    .filter(
      (block): block is Block =>
        isRecord(block) &&
        ((block['type'] === 'thinking' &&
          typeof block['signature'] === 'string' &&
          block['signature'] !== '') ||
          (block['type'] === 'redacted_thinking' && typeof block['data'] === 'string')),
    )
    .map((block) => ({ ...block }));
}

/** The id is still the caller's own. */
function toolUse(call: unknown, place: string, names: Names): Block {
  if (!isRecord(call)) throw malformed(place, 'an object is wanted');
  const { function: fn, custom, id } = call;
  const inner = isRecord(fn) ? fn : isRecord(custom) ? custom : null;
  if (!inner || typeof inner['name'] !== 'string')
    throw malformed(`${place}.function.name`, 'a name is wanted');
  const input = inner === custom ? { input: asText(inner['input'] ?? '') } : inputOf(inner['arguments']);
  return {
    type: 'tool_use',
    id,
    name: names.wire(inner['name']),
    input,
    ...cacheControl(call),
  };
}

/** Arguments are an object; what is none, or broken JSON, is wrapped so that the model still sees it. */
function inputOf(given: unknown): Record<string, unknown> {
  if (isRecord(given)) return given;
  const text = typeof given === 'string' ? given.trim() : '';
  if (text === '') return {};
  const value = parseJson(text);
  if (isRecord(value)) return value;
  return value === null && text !== 'null' ? { _raw: text } : { value };
}

/** A breakpoint on a whole message stands on its last block. */
export function marked(blocks: Block[], message: ChatMessage): Block[] {
  const control = cacheControl(message);
  const last = blocks.at(-1);
  if (control && last) blocks[blocks.length - 1] = { ...last, ...control };
  return blocks;
}
