import type { ChatMessage, ChatRequest } from '@inferbridge/core';
import { isRecord } from '../openai/errors.ts';
import { abilitiesOf } from './models.ts';
import { isId } from './names.ts';

/** What a client of this dialect said in its own words stands beside the rest again. */
export function withOwnWords(request: ChatRequest): ChatRequest {
  const { provider_specific_fields: fields, ...rest } = request;
  const own = isRecord(fields) ? fields['anthropic'] : null;
  return isRecord(own) ? { ...own, ...rest } : rest;
}

/**
 * What has to be left out of a body of the vendor's own dialect before it can go to this model; `null` where it has to
 * be translated instead.
 */
export function surplusFor(asked: ChatRequest): readonly string[] | null {
  const request = withOwnWords(asked);
  const abilities = abilitiesOf(request.model);
  const { thinking } = request;
  const kind = isRecord(thinking) ? thinking['type'] : null;
  if (kind === 'enabled' && abilities.thinking !== 'budget') return null;
  if (kind === 'adaptive' && abilities.thinking !== 'adaptive') return null;
  if (kind === 'disabled' && abilities.thinking === 'adaptive' && abilities.off !== 'disabled') return null;
  const choice = request['tool_choice'];
  if ((choice === 'required' || isRecord(choice)) && abilities.forcedTools === 'no') return null;
  if (speaksForeign(request.messages)) return null;
  if (kind === 'enabled' && !ledByThinking(request.messages)) return null;
  if (!abilities.prefill && request.messages.at(-1)?.role === 'assistant') return null;
  if (abilities.sampling !== 'none') return [];
  return ['temperature', 'top_p', 'top_k'].filter(
    (name) => request[name] !== undefined && request[name] !== null,
  );
}

/** Has somebody else answered in this conversation? Thinking without a signature and ids of other vendors are refused. */
const speaksForeign = (messages: readonly ChatMessage[]): boolean =>
  messages.some(
    ({ thinking_blocks: thoughts, tool_calls: calls, tool_call_id: id }) =>
      (Array.isArray(thoughts) && thoughts.some(isUnsigned)) ||
      (Array.isArray(calls) && calls.some((call) => !isId(call.id))) ||
      (id !== undefined && !isId(id)),
  );

const isUnsigned = (thought: unknown): boolean =>
  isRecord(thought) && thought['type'] === 'thinking' && !thought['signature'];

/** With a budget for thinking, the turn with the last calls must begin with the thought that led to them. */
function ledByThinking(messages: readonly ChatMessage[]): boolean {
  const last = messages.findLast(({ role }) => role === 'assistant');
  if (!last?.tool_calls?.length) return true;
  const thoughts = last['thinking_blocks'];
  return Array.isArray(thoughts) && thoughts.length > 0;
}
