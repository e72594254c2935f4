import { type ChatChunk, type ChunkDelta, GatewayError } from '@inferbridge/core';
import { asText } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';
import { createBlocks } from './blocks.ts';
import type { Reading } from './reading.ts';
import { finishReason, ownFields, refusalOf } from './response.ts';
import { UsageTally } from './usage.ts';

export interface TranslationOptions {
  readonly created: number;
  readonly reading: Reading;
  failure(event: unknown): GatewayError;
}

/** Turns one event after the other into chunks; holds the state of one message. */
export function createTranslation({ created, reading, failure }: TranslationOptions) {
  const tally = new UsageTally();
  const blocks = createBlocks(reading);
  let head = { id: '', object: 'chat.completion.chunk', created, model: '' };
  let closing: Record<string, unknown> = {};
  let role = false;
  let stopped = false;

  const chunk = (delta: ChunkDelta, reason: string | null = null): ChatChunk => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason: reason, logprobs: null }],
  });

  /** The first delta names the role; where a call comes first, there is no text. */
  const chunks = (deltas: readonly ChunkDelta[]): readonly ChatChunk[] => deltas.map((delta) => chunk(delta));

  const start = (message: unknown): readonly ChatChunk[] => {
    if (!isRecord(message)) return [];
    const id = asText(message['id'] || `msg_${created}`);
    if (role) {
      if (head.id === id) return [];
      throw new GatewayError('malformed', 'the upstream began a second message inside the first', {
        code: 'upstream_spliced',
      });
    }
    role = true;
    head = { ...head, id, model: asText(message['model'] ?? '') };
    tally.note(message['usage']);
    const early = Array.isArray(message['content']) ? message['content'] : [];
    return [
      chunk({ role: 'assistant', content: '' }),
      ...early.flatMap((content, at) =>
        chunks([...blocks.start(`early ${at}`, content), ...blocks.stop(`early ${at}`)]),
      ),
    ];
  };

  const stop = (): readonly ChatChunk[] => {
    stopped = true;
    const usage = tally.wire();
    const refusal = refusalOf(closing);
    const own = ownFields(closing, blocks.whole());
    return [
      ...chunks(blocks.end()),
      ...(refusal === null ? [] : [chunk({ refusal })]),
      chunk(
        own ? { provider_specific_fields: { anthropic: own } } : {},
        finishReason(closing['stop_reason'], blocks.calls()),
      ),
      ...(usage ? [{ ...head, choices: [], usage, ...tally.serviceTier() }] : []),
    ];
  };

  return {
    /** What has been counted so far, for a message that breaks off. */
    counted: (): readonly ChatChunk[] => {
      const usage = stopped ? null : tally.wire();
      return usage ? [{ ...head, choices: [], usage }] : [];
    },
    stopped: () => stopped,
    event(event: unknown): readonly ChatChunk[] {
      if (stopped || !isRecord(event)) return [];
      switch (event['type']) {
        case 'error':
          throw failure(event);
        case 'message_start':
          return start(event['message']);
        case 'content_block_start':
          return chunks(blocks.start(event['index'], event['content_block']));
        case 'content_block_delta':
          return chunks(blocks.grow(event['index'], event['delta']));
        case 'content_block_stop':
          return chunks(blocks.stop(event['index']));
        case 'message_delta':
          tally.note(event['usage']);
          if (isRecord(event['delta'])) closing = { ...closing, ...event['delta'] };
          return [];
        case 'message_stop':
          return stop();
        default:
          return []; // pings, and what is yet to be invented
      }
    },
  };
}
