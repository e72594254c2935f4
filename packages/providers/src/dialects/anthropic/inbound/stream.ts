import type { ChatChunk, ToolCallDelta, WireUsage } from '@inferbridge/core';
import { asText } from '../../../json.ts';
import { isRecord } from '../../openai/errors.ts';
import { createWriter } from './blocks.ts';
import { messageId, stopReason, stopSequence, usageOf } from './response.ts';

/** An event as the wire has it. */
export type MessageEvent = { readonly type: string } & Record<string, unknown>;

/** Events carry their type twice: clients look at the line before the data. */
export const eventBytes = (event: { readonly type: string }): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

/** Turns chunks into the events of one message. */
export interface MessageEvents {
  chunk(chunk: ChatChunk): readonly MessageEvent[];
  /** What is owed at the end: the last blocks, why it ended, the usage. */
  end(usage: WireUsage | null): readonly MessageEvent[];
}

/**
 * Blocks come strictly one after the other: what belongs to a later call while an earlier one is open waits.
 * Source: https://docs.anthropic.com/en/api/messages-streaming (read 2026-11-20).
 */
export function createMessageEvents({ id }: { readonly id: string }): MessageEvents {
  const writer = createWriter();
  let begun = false;
  let finish: string | null = null;
  let sequence: string | null = null;

  const begin = (chunk: ChatChunk | null): readonly MessageEvent[] => {
    if (begun) return [];
    begun = true;
    const message = {
      id: messageId(chunk?.id ?? '', id),
      type: 'message',
      role: 'assistant',
      model: chunk?.model ?? '',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { ...usageOf(null), output_tokens: 1 },
    };
    return [{ type: 'message_start', message }, { type: 'ping' }];
  };

  return {
    chunk(chunk) {
      const choice = chunk.choices.find(({ index }) => index === 0);
      if (!choice) return [];
      const { delta } = choice;
      const events: MessageEvent[] = [...begin(chunk)];
      if (typeof choice.finish_reason === 'string') finish = choice.finish_reason;
      sequence = stopSequence(delta) ?? sequence;
      const thinking = delta['reasoning_content'];
      if (typeof thinking === 'string' && thinking !== '') events.push(...writer.think(thinking));
      const blocks = delta['thinking_blocks'];
      if (Array.isArray(blocks))
        for (const block of blocks.filter(isRecord)) events.push(...writer.thought(block));
      const text = typeof delta.content === 'string' ? delta.content : '';
      const refusal = typeof delta['refusal'] === 'string' ? delta['refusal'] : '';
      if (text + refusal !== '') events.push(...writer.say(text + refusal));
      for (const call of callsIn(delta)) events.push(...writer.call(call));
      return events;
    },
    end(usage) {
      return [
        ...begin(null),
        ...writer.end(),
        {
          type: 'message_delta',
          delta: { stop_reason: stopReason(finish), stop_sequence: sequence },
          usage: usageOf(usage),
        },
        { type: 'message_stop' },
      ];
    },
  };
}

/** Calls before there were tools are the first call; free-form ones carry their text as an argument. */
function callsIn(delta: ChatChunk['choices'][number]['delta']): readonly ToolCallDelta[] {
  const old = delta['function_call'];
  if (isRecord(old)) return [{ index: 0, id: 'toolu_function', function: old }];
  return (delta.tool_calls ?? []).map((call) => {
    const custom = call['custom'];
    if (!isRecord(custom)) return call;
    const wrapped = JSON.stringify({ input: custom['input'] ?? '' });
    return { ...call, function: { name: asText(custom['name'] ?? ''), arguments: wrapped } };
  });
}
