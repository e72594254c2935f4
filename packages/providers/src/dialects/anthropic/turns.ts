import type { ChatMessage } from '@inferbridge/core';
import { unsupported } from '../../features.ts';
import { asText, parseJson } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';
import { type Block, blocksOf, cacheControl, malformed, textBlock } from './content.ts';
import { type Names, toolId } from './names.ts';
import { resultsAfter } from './results.ts';

/*
 * OpenAI's messages as Anthropic's turns: neighbours of one role are one turn, the first is the user's, and all
 * results of an assistant's calls stand together at the beginning of the turn right behind it.
 * Source: https://docs.anthropic.com/en/api/messages (read 2026-11-20).
 */

export interface Turn {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: Block[];
}

export interface Conversation {
  readonly system: readonly Block[];
  readonly messages: readonly Turn[];
  /** Does the last call to a tool stand without the thinking that led to it? */
  readonly thoughtless: boolean;
}

export interface TurnRules {
  readonly names: Names;
  /** What becomes of a system message in the middle: it stays, joins the others, or becomes the user's words. */
  readonly systemMidway: 'stay' | 'hoist' | 'user';
  readonly prefill: boolean;
}

/** Anthropic refuses an empty turn. */
const PLACEHOLDER: Block = { type: 'text', text: '.' };

export function turnsOf(messages: readonly ChatMessage[], rules: TurnRules): Conversation {
  const system: Block[] = [];
  const turns: Turn[] = [];
  const late: Block[] = [];
  const used = new Set<number>();
  const add = (role: Turn['role'], content: readonly Block[]) => {
    if (role === 'assistant') settleLate();
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...content);
    else turns.push({ role, content: [...content] });
  };
  /** A system message may follow the user's turn and nothing else. */
  const settleLate = () => {
    if (late.length > 0 && turns.at(-1)?.role === 'user')
      turns.push({ role: 'system', content: late.splice(0) });
  };
  for (const [index, message] of messages.entries()) {
    if (used.has(index)) continue;
    const place = `messages[${index}]`;
    if (message.role === 'system' || message.role === 'developer') {
      const blocks = marked(blocksOf(message.content, `${place}.content`), message);
      if (turns.length === 0 || rules.systemMidway === 'hoist') system.push(...blocks);
      else if (rules.systemMidway === 'user') add('user', blocks);
      else late.push(...blocks);
    } else if (message.role === 'assistant') {
      const { run, last } = assistantRun(messages, index, rules);
      add('assistant', run);
      const calls = run.flatMap((block) => (block.type === 'tool_use' ? [asText(block['id'])] : []));
      if (calls.length > 0) add('user', resultsAfter(messages, last, calls, used));
      for (let at = index; at <= last; at++) used.add(at);
    } else add('user', userBlocks(message, place));
  }
  settleLate();
  system.push(...late); // nobody spoke after it
  return { system, messages: finished(turns, rules), thoughtless: thoughtless(turns) };
}

/** Assistant messages that follow each other are one turn. */
function assistantRun(
  messages: readonly ChatMessage[],
  from: number,
  { names }: TurnRules,
): { run: Block[]; last: number } {
  const run: Block[] = [];
  let last = from;
  for (let at = from; messages[at]?.role === 'assistant'; at++) {
    run.push(...assistantBlocks(messages[at] ?? { role: 'assistant' }, `messages[${at}]`, names, run.length));
    last = at;
  }
  return { run, last };
}

function assistantBlocks(message: ChatMessage, place: string, names: Names, before: number): Block[] {
  const own = ownBlocks(message);
  if (own) return own;
  const said = marked(blocksOf(message.content, `${place}.content`), message);
  const refused = typeof message['refusal'] === 'string' ? textBlock(message['refusal']) : [];
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls : [];
  return [
    ...thinkingBlocks(message),
    ...(said.length > 0 ? said : refused),
    ...calls.map((call, index) => toolUse(call, `${place}.tool_calls[${index}]`, names, before + index)),
  ];
}

/** What an earlier answer of the vendor's own was made of, where the client kept it. */
function ownBlocks(message: ChatMessage): Block[] | null {
  const fields = message['provider_specific_fields'];
  const own = isRecord(fields) ? fields['anthropic'] : null;
  const content = isRecord(own) ? own['content'] : null;
  if (!Array.isArray(content) || content.length === 0) return null;
  return content.every((block): block is Block => isRecord(block) && typeof block['type'] === 'string')
    ? content.map((block) => ({ ...block }))
    : null;
}

/** Thinking goes back signed or not at all. */
function thinkingBlocks(message: ChatMessage): Block[] {
  const blocks = message['thinking_blocks'];
  if (!Array.isArray(blocks)) return [];
  return blocks.filter(
    (block): block is Block =>
      isRecord(block) &&
      ((block['type'] === 'thinking' &&
        typeof block['signature'] === 'string' &&
        block['signature'] !== '') ||
        (block['type'] === 'redacted_thinking' && typeof block['data'] === 'string')),
  );
}

function toolUse(call: unknown, place: string, names: Names, position: number): Block {
  if (!isRecord(call)) throw malformed(place, 'an object is wanted');
  const { function: fn, custom, id } = call;
  const inner = isRecord(fn) ? fn : isRecord(custom) ? custom : null;
  if (!inner || typeof inner['name'] !== 'string')
    throw malformed(`${place}.function.name`, 'a name is wanted');
  const given = typeof id === 'string' && id !== '' ? id : `call_${position}`;
  const input = inner === custom ? { input: asText(inner['input'] ?? '') } : inputOf(inner['arguments']);
  return {
    type: 'tool_use',
    id: toolId(given),
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

function userBlocks(message: ChatMessage, place: string): Block[] {
  if (message.role === 'tool' || message.role === 'function') {
    const blocks = blocksOf(message.content, `${place}.content`);
    return [
      { type: 'text', text: 'A tool that nobody called answered:' },
      ...(blocks.length > 0 ? blocks : [PLACEHOLDER]),
    ];
  }
  if (message.role !== 'user')
    throw malformed(`${place}.role`, `"${asText(message.role).slice(0, 40)}" is not known`);
  const blocks = marked(blocksOf(message.content, `${place}.content`), message);
  return blocks.length > 0 ? blocks : [PLACEHOLDER];
}

/** A breakpoint on a whole message stands on its last block. */
function marked(blocks: Block[], message: ChatMessage): Block[] {
  const control = cacheControl(message);
  const last = blocks.at(-1);
  if (control && last) blocks[blocks.length - 1] = { ...last, ...control };
  return blocks;
}

function finished(turns: Turn[], { prefill }: TurnRules): readonly Turn[] {
  const all: Turn[] = [];
  for (const { role, content } of turns) {
    const last = all.at(-1);
    if (content.length === 0) continue;
    if (last?.role === role) last.content.push(...content);
    else all.push({ role, content });
  }
  if (all[0]?.role !== 'user') all.unshift({ role: 'user', content: [PLACEHOLDER] });
  const last = all.at(-1);
  if (last?.role !== 'assistant') return all;
  if (!prefill)
    throw unsupported('messages', 'a last message of the assistant’s (this model does not continue one)');
  const block = last.content.at(-1);
  if (block?.type === 'text' && typeof block['text'] === 'string')
    last.content[last.content.length - 1] = { ...block, text: block['text'].trimEnd() };
  return all;
}

function thoughtless(turns: readonly Turn[]): boolean {
  const last = turns.findLast(({ role }) => role === 'assistant');
  if (!last?.content.some(({ type }) => type === 'tool_use')) return false;
  return last.content[0]?.type !== 'thinking' && last.content[0]?.type !== 'redacted_thinking';
}
