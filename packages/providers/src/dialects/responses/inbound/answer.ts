import type { ChatChunk, ChunkDelta, ToolCallDelta, WireUsage } from '@inferbridge/core';
import { isRecord } from '../../openai/errors.ts';
import { flatCitation } from '../citation.ts';
import type { Item } from '../item.ts';
import { responseUsage } from '../usage.ts';
import { carrying, NOTHING, packed, phaseIn } from './carrier.ts';
import { createMessage } from './message-writer.ts';
import { createQueue } from './queue.ts';
import { type Progress, snapshotOf } from './snapshot.ts';
import { createCall, createReasoning, type Draft, type Piece, type Place, type Writer } from './writer.ts';

/** Why an answer is incomplete, by chat's finish reason. */
const CUT: Readonly<Record<string, string>> = {
  length: 'max_output_tokens',
  content_filter: 'content_filter',
};

/** An answer in chunks, as the drafts of events and as the response that they add up to. */
export function createAnswer(request: Item, id: string) {
  const bare = id.replace(/^resp_/, '');
  const queue = createQueue();
  const calls = new Map<number, Writer>();
  let message: ReturnType<typeof createMessage> | null = null;
  let thought: ReturnType<typeof createReasoning> | null = null;
  let carried: Item = {};
  let finish: string | null = null;
  let noted: WireUsage | null = null;
  let progress: Omit<Progress, 'output'> = {
    id: `resp_${bare}`,
    created: 0,
    model: '',
    status: 'in_progress',
    reason: null,
    usage: null,
    tier: null,
    error: null,
  };

  const response = (): Item => snapshotOf(request, { ...progress, output: queue.items() });
  const placeOf = (prefix: string): Place => ({
    id: `${prefix}_${bare}_${queue.length()}`,
    index: queue.length(),
  });
  const say = (piece: Piece): readonly Draft[] => {
    const last = queue.last();
    if (last?.kind === 'message') return queue.grow(last, piece);
    message = createMessage(placeOf('msg'));
    return [...queue.add(message), ...queue.grow(message, piece)];
  };

  const think = (text: string): readonly Draft[] => {
    const piece: Piece = { field: 'reasoning', text };
    const last = queue.last();
    if (last?.kind === 'reasoning') return queue.grow(last, piece);
    const reasoning = createReasoning(placeOf('rs'));
    thought ??= reasoning;
    return [...queue.add(reasoning), ...queue.grow(reasoning, piece)];
  };

  const call = (delta: ToolCallDelta): readonly Draft[] => {
    const index = delta.index ?? 0;
    const custom = isRecord(delta['custom']) ? delta['custom'] : null;
    const inner: Item = custom ?? { ...delta.function };
    const piece: Piece = { field: 'arguments', text: textIn(custom ? inner['input'] : inner['arguments']) };
    const known = calls.get(index);
    if (known) return queue.grow(known, piece);
    const writer = createCall(placeOf(custom ? 'ctc' : 'fc'), {
      call_id: textIn(delta.id) || `call_${bare}_${index}`,
      name: textIn(inner['name']),
      custom: custom !== null,
      extra: isRecord(delta['extra_content']) ? delta['extra_content'] : null,
    });
    calls.set(index, writer);
    return [...queue.add(writer), ...queue.grow(writer, piece)];
  };

  const told = (delta: ChunkDelta, logprobs: unknown): readonly Draft[] => {
    const drafts: Draft[] = [];
    const { reasoning_content: thinking, refusal, annotations, tool_calls: more } = delta;
    if (typeof thinking === 'string' && thinking !== '') drafts.push(...think(thinking));
    const content = contentIn(delta);
    if (content !== '') drafts.push(...say({ field: 'content', text: content, ...logprobsIn(logprobs) }));
    for (const note of Array.isArray(annotations) ? annotations : []) {
      const annotation = flatCitation(note);
      if (annotation) drafts.push(...say({ field: 'annotation', text: '', annotation }));
    }
    if (typeof refusal === 'string' && refusal !== '')
      drafts.push(...say({ field: 'refusal', text: refusal }));
    for (const one of Array.isArray(more) ? more : []) if (isRecord(one)) drafts.push(...call(one));
    return drafts;
  };

  /** What a client must hand back is in its reasoning, or in a reasoning item of its own behind all else. */
  const carry = (): readonly Draft[] => {
    const text = packed(carried);
    if (thought) {
      thought.seal(text ?? NOTHING);
      return [];
    }
    if (text === null) return [];
    const reasoning = createReasoning(placeOf('rs'));
    reasoning.seal(text);
    return [...queue.add(reasoning), ...queue.end(true)];
  };

  return {
    response,
    /** Notes what a chunk tells about the whole answer. */
    note({ created, model, service_tier: tier, usage }: ChatChunk): void {
      if (progress.model === '') progress = { ...progress, created, model };
      if (typeof tier === 'string') progress = { ...progress, tier };
      noted = usage ?? noted;
    },
    chunk({ choices }: ChatChunk): readonly Draft[] {
      const choice = choices.find(({ index }) => index === 0);
      if (!choice) return [];
      finish = choice.finish_reason ?? finish;
      if (!isRecord(choice.delta)) return [];
      carried = carrying(carried, choice.delta);
      return told(choice.delta, choice['logprobs']);
    },
    end(usage: WireUsage | null): readonly Draft[] {
      const reason = (finish !== null && CUT[finish]) || null;
      message?.mark(phaseIn(carried));
      const drafts = [...queue.end(reason === null), ...carry(), ...queue.settle()];
      const status = reason === null ? 'completed' : 'incomplete';
      progress = { ...progress, status, reason, usage: responseUsage(usage ?? noted) };
      return [...drafts, { type: `response.${status}`, response: response() }];
    },
    failed(error: { code: string | null; message: string }): readonly Draft[] {
      const { code, message } = error;
      progress = { ...progress, status: 'failed', error: { code: code ?? 'server_error', message } };
      return [
        { type: 'error', code, message, param: null },
        { type: 'response.failed', response: response() },
      ];
    },
  };
}

function contentIn({ content }: ChunkDelta): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part: unknown) => (isRecord(part) ? textIn(part['text']) : '')).join('');
}

const textIn = (value: unknown): string => (typeof value === 'string' ? value : '');

function logprobsIn(logprobs: unknown): { logprobs?: readonly unknown[] } {
  const content = isRecord(logprobs) ? logprobs['content'] : null;
  return Array.isArray(content) ? { logprobs: content } : {};
}
