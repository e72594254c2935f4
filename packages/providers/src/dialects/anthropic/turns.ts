import type { ChatMessage } from '@inferbridge/core';
import { unsupported } from '../../features.ts';
import { asText } from '../../json.ts';
import { UNCALLED } from '../repairs.ts';
import { assistantRun, marked } from './assistant.ts';
import { type Block, blocksOf, malformed } from './content.ts';
import { createIds, type Names } from './names.ts';
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
  /** Does the assistant speak last, so that the model goes on from there? */
  readonly begun: boolean;
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
  const ids = createIds();
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
      const { run, calls, last } = assistantRun(messages, index, rules.names, ids);
      add('assistant', run);
      if (calls.length > 0) add('user', resultsAfter(messages, last, calls, used));
      for (let at = index; at <= last; at++) used.add(at);
    } else add('user', userBlocks(message, place));
  }
  settleLate();
  system.push(...late); // nobody spoke after it
  const all = finished(turns, rules);
  return {
    system,
    messages: all,
    thoughtless: thoughtless(all),
    begun: all.at(-1)?.role === 'assistant',
  };
}

function userBlocks(message: ChatMessage, place: string): Block[] {
  if (message.role === 'tool' || message.role === 'function') {
    const blocks = blocksOf(message.content, `${place}.content`);
    return [{ type: 'text', text: UNCALLED }, ...(blocks.length > 0 ? blocks : [PLACEHOLDER])];
  }
  if (message.role !== 'user')
    throw malformed(`${place}.role`, `"${asText(message.role).slice(0, 40)}" is not known`);
  const blocks = marked(blocksOf(message.content, `${place}.content`), message);
  return blocks.length > 0 ? blocks : [PLACEHOLDER];
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
