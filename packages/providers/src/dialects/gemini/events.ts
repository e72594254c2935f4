import { type ChatChunk, type ChunkDelta, GatewayError, type WireUsage, writeUsage } from '@inferbridge/core';
import { asText } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';
import { placeOf } from '../openai/reply-message.ts';
import { type CallRules, type Calls, createCalls } from './calls.ts';

export interface TranslationOptions extends CallRules {
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  /** An id for an answer that has none. */
  readonly id: string;
  /** An error among the events as the error that it is. */
  failure(body: unknown): GatewayError;
}

/** Source: https://ai.google.dev/api/generate-content#FinishReason (read 2026-11-20). */
const FINISH: ReadonlyMap<unknown, string> = new Map([
  ['MAX_TOKENS', 'length'],
  ['SAFETY', 'content_filter'],
  ['RECITATION', 'content_filter'],
  ['BLOCKLIST', 'content_filter'],
  ['PROHIBITED_CONTENT', 'content_filter'],
  ['SPII', 'content_filter'],
  ['IMAGE_SAFETY', 'content_filter'],
  ['IMAGE_PROHIBITED_CONTENT', 'content_filter'],
  ['IMAGE_RECITATION', 'content_filter'],
]);
/** The model tried to call and failed: an answer that is none. */
const BROKEN: ReadonlySet<unknown> = new Set(['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL']);

interface Candidate {
  readonly calls: Calls;
  role: boolean;
  said: boolean;
  reason: unknown;
  signature: string | null;
}

/** Turns Gemini's answers, one or many, into chunks; holds the state of one reply. */
export function createTranslation(options: TranslationOptions) {
  const { created, failure } = options;
  const candidates = new Map<number, Candidate>();
  let head = { id: options.id, object: 'chat.completion.chunk', created, model: options.model };
  let told = false;
  let usage: WireUsage | null = null;
  let blocked: string | null = null;

  const chunk = (index: number, delta: ChunkDelta, reason: string | null = null): ChatChunk => {
    told = true;
    return { ...head, choices: [{ index, delta, finish_reason: reason, logprobs: null }] };
  };

  const candidateAt = (index: number): Candidate => {
    const known = candidates.get(index);
    if (known) return known;
    const made = { calls: createCalls(options), role: false, said: false, reason: null, signature: null };
    candidates.set(index, made);
    return made;
  };

  const spoken = (index: number, candidate: Candidate, deltas: readonly ChunkDelta[]): ChatChunk[] => {
    if (deltas.length === 0) return [];
    candidate.said = true;
    return [...introduced(index, candidate, deltas[0]), ...deltas.map((delta) => chunk(index, delta))];
  };
  const introduced = (index: number, candidate: Candidate, first: ChunkDelta | undefined): ChatChunk[] => {
    if (candidate.role) return [];
    candidate.role = true;
    return [chunk(index, { role: 'assistant', content: first?.tool_calls ? null : '' })];
  };

  const parts = (given: unknown, index: number, candidate: Candidate): ChatChunk[] =>
    (Array.isArray(given) ? given.filter(isRecord) : []).flatMap((part) =>
      spoken(index, candidate, deltasOf(part, candidate)),
    );

  const add = (given: unknown, position: number): ChatChunk[] => {
    if (!isRecord(given)) return [];
    const index = placeOf(given['index'], position);
    const candidate = candidateAt(index);
    const content = isRecord(given['content']) ? given['content'] : {};
    const chunks = parts(content['parts'], index, candidate);
    candidate.reason = given['finishReason'] ?? candidate.reason;
    if (BROKEN.has(candidate.reason) && !candidate.said)
      throw new GatewayError('malformed', 'the model called a function in a way that cannot be read', {
        code: 'malformed_function_call',
      });
    return chunks;
  };

  const ending = (index: number, candidate: Candidate): ChatChunk[] => {
    const rest = candidate.calls.end();
    const known = FINISH.get(candidate.reason) ?? 'stop';
    const reason = known === 'stop' && candidate.calls.any() ? 'tool_calls' : known;
    const own = candidate.signature && { gemini: { thought_signature: candidate.signature } };
    return [
      ...introduced(index, candidate, undefined),
      ...(rest.length > 0 ? [chunk(index, { tool_calls: [...rest] })] : []),
      chunk(index, own ? { provider_specific_fields: own } : {}, reason),
    ];
  };

  return {
    event(event: unknown): readonly ChatChunk[] {
      if (!isRecord(event)) return [];
      if (event['error'] !== undefined) throw failure(event);
      if (!told) {
        const id = asText(event['responseId']) || head.id;
        head = { ...head, id, model: asText(event['modelVersion']) || head.model };
      }
      usage = usageOf(event['usageMetadata']) ?? usage;
      const feedback = event['promptFeedback'];
      const reason = isRecord(feedback) ? asText(feedback['blockReason']) : '';
      if (reason !== '' && candidates.size === 0) blocked = /^[A-Z_]{1,40}$/.test(reason) ? reason : 'OTHER';
      return (Array.isArray(event['candidates']) ? event['candidates'] : []).flatMap(add);
    },
    /** Has every candidate said why it ended, or was the prompt refused? */
    finished: () =>
      blocked !== null ||
      (candidates.size > 0 && [...candidates.values()].every(({ reason }) => reason !== null)),
    /** What is owed at the end of a reply. */
    end(): readonly ChatChunk[] {
      if (blocked !== null && candidates.size === 0) {
        const refusal = `The provider blocked this prompt (${blocked}).`;
        return [
          chunk(0, { role: 'assistant', content: '' }),
          chunk(0, { refusal }),
          chunk(0, {}, 'content_filter'),
          ...counted(),
        ];
      }
      return [...[...candidates].flatMap(([index, candidate]) => ending(index, candidate)), ...counted()];
    },
  };

  function counted(): ChatChunk[] {
    return usage ? [{ ...head, choices: [], usage }] : [];
  }
}

function deltasOf(part: Record<string, unknown>, candidate: Candidate): readonly ChunkDelta[] {
  const signature = asText(part['thoughtSignature']) || null;
  if (part['functionCall'] !== undefined) {
    const calls = candidate.calls.add(part['functionCall'], signature);
    return calls.length > 0 ? [{ tool_calls: [...calls] }] : [];
  }
  const data = part['inlineData'];
  if (isRecord(data)) {
    const url = `data:${asText(data['mimeType'])};base64,${asText(data['data'])}`;
    const extra = signature && { extra_content: { google: { thought_signature: signature } } };
    return [{ images: [{ type: 'image_url', image_url: { url }, ...extra }] }];
  }
  const text = asText(part['text']);
  if (part['thought'] === true) return text === '' ? [] : [{ reasoning_content: text }];
  if (signature) candidate.signature = signature;
  return text === '' ? [] : [{ content: text }];
}

const count = (value: unknown): number => (typeof value === 'number' && value >= 0 ? Math.round(value) : 0);

/** Output leaves thoughts out in Gemini's own count; prompts of tools stand apart. `null` where nothing is counted. */
function usageOf(given: unknown): WireUsage | null {
  if (!isRecord(given) || typeof given['promptTokenCount'] !== 'number') return null;
  const input = count(given['promptTokenCount']) + count(given['toolUsePromptTokenCount']);
  const thoughts = count(given['thoughtsTokenCount']);
  const output = count(given['candidatesTokenCount']) + thoughts;
  return writeUsage({
    inputTokens: input,
    outputTokens: Math.max(output, count(given['totalTokenCount']) - input),
    cachedTokens: Math.min(count(given['cachedContentTokenCount']), input),
    cacheWriteTokens: 0,
    reasoningTokens: thoughts,
  });
}
