import {
  type ChatChunk,
  type ChunkDelta,
  createCutter,
  type Frame,
  frameOf,
  GatewayError,
  parseEvents,
  type StreamEnd,
} from '@inferbridge/core';
import { parseJson } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';
import { finishReason, refusalOf, UsageTally } from './response.ts';

/**
 * Anthropic's events as OpenAI's chunks: text and thinking as they come, then the finish reason, then the usage.
 * Source: https://docs.anthropic.com/en/api/messages-streaming (read 2026-11-20).
 */
export async function* messageFrames(
  body: AsyncIterable<Uint8Array>,
  created: number,
  failure: (body: unknown) => GatewayError,
): AsyncGenerator<Frame, StreamEnd, undefined> {
  const translate = createTranslation(created, failure);
  const cutter = createCutter();
  const frame = (bytes: Uint8Array | null): Frame | null => {
    const chunks = bytes ? parseEvents(bytes).flatMap(({ data }) => translate.event(parseJson(data))) : [];
    return chunks.length > 0 ? frameOf(...chunks) : null;
  };
  for await (const piece of body) {
    const next = frame(cutter.push(piece));
    if (next) yield next;
    if (translate.stopped()) return 'complete';
  }
  const rest = frame(cutter.end());
  if (rest) yield rest;
  return translate.stopped() ? 'complete' : 'cut';
}

function createTranslation(created: number, failure: (body: unknown) => GatewayError) {
  const tally = new UsageTally();
  let head = { id: '', object: 'chat.completion.chunk', created, model: '' };
  let stopReason: unknown = null;
  let refusal: string | null = null;
  let stopped = false;

  const chunk = (delta: ChunkDelta, reason: string | null = null): ChatChunk => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason: reason, logprobs: null }],
  });

  const start = (message: unknown): readonly ChatChunk[] => {
    if (!isRecord(message)) return [];
    const id = String(message['id'] ?? '');
    if (head.id !== '') {
      if (head.id === id) return [];
      throw new GatewayError('malformed', 'the upstream began a second message inside the first', {
        code: 'upstream_spliced',
      });
    }
    head = { ...head, id, model: String(message['model'] ?? '') };
    tally.note(message['usage']);
    return [chunk({ role: 'assistant', content: '' })];
  };

  const block = (content: unknown): readonly ChatChunk[] => {
    const text = isRecord(content) && content['type'] === 'text' ? content['text'] : '';
    return typeof text === 'string' && text !== '' ? [chunk({ content: text })] : [];
  };

  const grown = (delta: unknown): readonly ChatChunk[] => {
    if (!isRecord(delta)) return [];
    if (delta['type'] === 'text_delta' && delta['text']) return [chunk({ content: String(delta['text']) })];
    if (delta['type'] === 'thinking_delta' && delta['thinking'])
      return [chunk({ reasoning_content: String(delta['thinking']) })];
    return [];
  };

  const stop = (): readonly ChatChunk[] => {
    stopped = true;
    const usage = tally.wire();
    const said = refusal === null ? [] : [chunk({ refusal })];
    return [
      ...said,
      chunk({}, finishReason(stopReason)),
      ...(usage ? [{ ...head, choices: [], usage }] : []),
    ];
  };

  return {
    stopped: () => stopped,
    event(event: unknown): readonly ChatChunk[] {
      if (stopped || !isRecord(event)) return [];
      if (event['type'] === 'error') throw failure(event);
      if (event['type'] === 'message_start') return start(event['message']);
      if (event['type'] === 'content_block_start') return block(event['content_block']);
      if (event['type'] === 'content_block_delta') return grown(event['delta']);
      if (event['type'] === 'message_stop') return stop();
      if (event['type'] !== 'message_delta') return []; // pings, block ends, and what is yet to be invented
      tally.note(event['usage']);
      const delta = isRecord(event['delta']) ? event['delta'] : {};
      stopReason = delta['stop_reason'] ?? stopReason;
      refusal = refusalOf(delta) ?? refusal;
      return [];
    },
  };
}
