import type { ChatCompletion, ChatMessage, WireUsage } from '@inferbridge/core';
import { asText, parseJson } from '../../../json.ts';
import { isRecord } from '../../openai/errors.ts';

/*
 * A completion as an Anthropic message.
 * Source: https://docs.anthropic.com/en/api/messages (read 2026-11-20).
 */

type Block = Record<string, unknown>;

const STOP: ReadonlyMap<string, string> = new Map(
  Object.entries({
    stop: 'end_turn',
    length: 'max_tokens',
    tool_calls: 'tool_use',
    function_call: 'tool_use',
    content_filter: 'refusal',
  }),
);

export const stopReason = (finish: unknown): string => STOP.get(asText(finish)) ?? 'end_turn';

/** `id` stands where the completion has none of Anthropic's form. */
export function messageOf(
  completion: ChatCompletion,
  { id }: { readonly id: string },
): Record<string, unknown> {
  const choice = completion.choices[0];
  const message: ChatMessage = choice?.message ?? { role: 'assistant' };
  return {
    id: messageId(completion.id, id),
    type: 'message',
    role: 'assistant',
    model: completion.model,
    content: ownContent(message) ?? contentOf(message),
    stop_reason: stopReason(choice?.finish_reason),
    stop_sequence: stopSequence(message),
    usage: usageOf(completion.usage ?? null),
  };
}

export const messageId = (given: string, id: string): string =>
  given.startsWith('msg_') ? given : `msg_${(given || id).replace(/[^a-zA-Z0-9]/g, '')}`;

/** What the vendor itself had said, where that was kept. */
function ownIn(message: Readonly<Record<string, unknown>>): Block | null {
  const fields = message['provider_specific_fields'];
  const own = isRecord(fields) ? fields['anthropic'] : null;
  return isRecord(own) ? own : null;
}

function ownContent(message: ChatMessage): unknown[] | null {
  const content = ownIn(message)?.['content'];
  return Array.isArray(content) && content.length > 0 ? content : null;
}

export function stopSequence(message: Readonly<Record<string, unknown>>): string | null {
  const sequence = ownIn(message)?.['stop_sequence'];
  return typeof sequence === 'string' ? sequence : null;
}

function contentOf(message: ChatMessage): Block[] {
  const text = typeof message.content === 'string' ? message.content : '';
  const refusal = typeof message['refusal'] === 'string' ? message['refusal'] : '';
  const said = text === '' ? refusal : text;
  return [
    ...thoughtsOf(message),
    ...(said === '' ? [] : [{ type: 'text', text: said }]),
    ...(message.tool_calls ?? []).map((call) => {
      const custom = isRecord(call['custom']) ? call['custom'] : null;
      const name = asText(custom?.['name'] ?? call.function?.name ?? '');
      const input = custom ? { input: custom['input'] } : inputOf(call.function?.arguments ?? '');
      return { type: 'tool_use', id: call.id ?? '', name, input };
    }),
  ];
}

/** Signed blocks as they are; what another vendor's model thought has no signature. */
function thoughtsOf(message: ChatMessage): Block[] {
  const blocks = message['thinking_blocks'];
  if (Array.isArray(blocks) && blocks.length > 0) return blocks.filter(isRecord);
  const thinking = message['reasoning_content'];
  return typeof thinking === 'string' && thinking !== ''
    ? [{ type: 'thinking', thinking, signature: '' }]
    : [];
}

/** Broken JSON is wrapped, so that the client still sees it. */
export function inputOf(text: string): Block {
  if (text.trim() === '') return {};
  const value = parseJson(text);
  return isRecord(value) ? value : { _raw: text };
}

/** As Anthropic counts: input leaves out what was read from or written to the cache. */
export function usageOf(usage: WireUsage | null): Record<string, number> {
  const read = usage?.prompt_tokens_details?.cached_tokens ?? 0;
  const written = usage?.prompt_tokens_details?.cache_write_tokens ?? 0;
  return {
    input_tokens: Math.max(0, (usage?.prompt_tokens ?? 0) - read - written),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
    output_tokens: usage?.completion_tokens ?? 0,
  };
}
