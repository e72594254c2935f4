import {
  type ChatChunk,
  type ChatCompletion,
  type ChunkChoice,
  GatewayError,
  type WireUsage,
} from '@inferbridge/core';
import { asText } from '../../json.ts';
import { type CallsState, callDelta, wholeCalls } from './calls.ts';
import { isRecord } from './errors.ts';
import { plainUsage } from './reply-usage.ts';
import { createThink, type Think } from './think.ts';

/** Where a vendor's replies differ from OpenAI's. */
export interface ReplyTraits {
  /** Usage that stands elsewhere than in `usage`. */
  readonly usageOf?: (body: Readonly<Record<string, unknown>>) => WireUsage | null | undefined;
  /** Rewrites a message or delta in place of OpenAI's form (content as an array, reasoning under another name). */
  readonly message?: (message: Record<string, unknown>) => void;
  /** Models think aloud in their text, between tags. Default false. */
  readonly thinkTags?: boolean;
  /** The vendor's ids are not unique: ours take their place. Default false. */
  readonly ownIds?: boolean;
}

/*
 * Every finish reason that vendors are known to send and OpenAI does not.
 * Source: recorded answers and vendors' documentation, see the vendors' own files (read 2026-11-20).
 */
const FINISH: ReadonlyMap<string, string> = new Map(
  Object.entries({
    stop: 'stop',
    length: 'length',
    tool_calls: 'tool_calls',
    content_filter: 'content_filter',
    function_call: 'function_call',
    eos: 'stop',
    eos_token: 'stop',
    stop_sequence: 'stop',
    end_turn: 'stop',
    model_length: 'length',
    max_tokens: 'length',
    insufficient_system_resource: 'length',
    tool_use: 'tool_calls',
    sensitive: 'content_filter',
  }),
);

const finish = (reason: unknown, calls: boolean): string => {
  if (reason === 'error')
    throw new GatewayError('server_error', 'the upstream broke off with an error', {
      code: 'upstream_finish_error',
    });
  const known = FINISH.get(asText(reason)) ?? 'stop';
  return known === 'stop' && calls ? 'tool_calls' : known;
};

/** A whole reply in OpenAI's form. */
export function normaliseCompletion(
  body: ChatCompletion,
  traits: ReplyTraits,
  made: { id: string; created: number },
): ChatCompletion {
  const usage = body.usage ?? traits.usageOf?.(body) ?? null;
  return {
    ...withoutForeignTier(body),
    id: (!traits.ownIds && body.id) || made.id,
    object: 'chat.completion',
    created: Number.isInteger(body.created) && body.created > 0 ? body.created : made.created,
    choices: body.choices.map((choice, index) => {
      const message: Record<string, unknown> = { ...choice.message, role: 'assistant' };
      traits.message?.(message);
      reasoningIn(message);
      withoutNulls(message);
      if (traits.thinkTags) thinkingIn(message, createThink(), true);
      const given = message['tool_calls'];
      const calls = wholeCalls(Array.isArray(given) ? given.filter(isRecord) : [], made.id);
      if (calls.length > 0) message['tool_calls'] = calls;
      else delete message['tool_calls'];
      return {
        ...choice,
        index: Number.isInteger(choice.index) ? choice.index : index,
        message: {
          ...message,
          role: 'assistant',
          content: (message['content'] as string | null | undefined) ?? null,
          refusal: message['refusal'] ?? null,
        }, // checked by no one: it is what the vendor wrote
        finish_reason: finish(choice.finish_reason, calls.length > 0),
        logprobs: choice['logprobs'] ?? null,
      };
    }),
    ...(usage && { usage: plainUsage(usage) }),
  };
}

/** Fields that are there or not, and never null. */
const NEVER_NULL = ['annotations', 'audio', 'function_call', 'tool_calls'];
const SERVICE_TIERS: ReadonlySet<unknown> = new Set(['auto', 'default', 'flex', 'scale', 'priority', 'fast']);

function withoutNulls(message: Record<string, unknown>): void {
  for (const field of NEVER_NULL) if (message[field] === null) delete message[field];
}

/** Other vendors' names for it are none of OpenAI's. */
function withoutForeignTier<Body extends { readonly [field: string]: unknown }>(body: Body): Body {
  const tier = body['service_tier'];
  if (tier === undefined || tier === null || SERVICE_TIERS.has(tier)) return body;
  const { service_tier: _, ...rest } = body;
  return rest as unknown as Body; // the field is optional
}

/** Vendors call it `reasoning`; one name is enough. */
function reasoningIn(message: Record<string, unknown>): void {
  const { reasoning } = message;
  if (reasoning !== null && typeof reasoning !== 'string') return;
  delete message['reasoning'];
  if (reasoning !== null && typeof message['reasoning_content'] !== 'string')
    message['reasoning_content'] = reasoning;
}

/** What is said between the tags is reasoning. */
function thinkingIn(message: Record<string, unknown>, think: Think, whole: boolean): void {
  const { content } = message;
  if (typeof content !== 'string') return;
  const said = think.push(content);
  const rest = whole ? think.end() : null;
  message['content'] = said.content + (rest?.content ?? '');
  const reasoning = said.reasoning + (rest?.reasoning ?? '');
  if (reasoning !== '') message['reasoning_content'] = asText(message['reasoning_content'] ?? '') + reasoning;
}

interface ChoiceState extends CallsState {
  role: boolean;
  finished: boolean;
  readonly think: Think | null;
}

/**
 * Puts a stream of chunks into OpenAI's form: one id, a role once, tool calls numbered from 0 with id, type and name
 * once, a finish reason once and right, usage in a chunk of its own behind everything else.
 */
export function createNormaliser(traits: ReplyTraits, made: { id: string; created: number }) {
  const choices = new Map<number, ChoiceState>();
  let head: { id: string; created: number; model: string } | null = null;
  let usage: WireUsage | null = null;
  let last: ChatChunk | null = null;

  const oneChoice = (choice: ChunkChoice, position: number): ChunkChoice | null => {
    const index = Number.isInteger(choice.index) ? choice.index : position;
    const state: ChoiceState = choices.get(index) ?? {
      role: false,
      finished: false,
      calls: new Map(),
      latest: null,
      think: traits.thinkTags ? createThink() : null,
    };
    choices.set(index, state);
    if (state.finished) return null;
    const delta: Record<string, unknown> = isRecord(choice.delta) ? { ...choice.delta } : {};
    traits.message?.(delta);
    reasoningIn(delta);
    withoutNulls(delta);
    if (state.think) thinkingIn(delta, state.think, (choice.finish_reason ?? null) !== null);
    delete delta['role'];
    const calls = Array.isArray(delta['tool_calls']) ? delta['tool_calls'].filter(isRecord) : [];
    delete delta['tool_calls'];
    if (calls.length > 0) delta['tool_calls'] = calls.map((call) => callDelta(call, state, made.id));
    if (!state.role) {
      state.role = true;
      // OpenAI's own first delta: the role, with an empty text unless a call follows
      Object.assign(delta, {
        role: 'assistant',
        content: delta['content'] ?? (calls.length > 0 ? null : ''),
      });
    }
    const reason = choice.finish_reason ?? null;
    state.finished = reason !== null && reason !== '';
    return {
      ...choice,
      index,
      delta,
      finish_reason: state.finished ? finish(reason, state.calls.size > 0) : null,
    };
  };

  return {
    add(chunk: ChatChunk): ChatChunk | null {
      const counted = chunk.usage ?? traits.usageOf?.(chunk);
      if (counted) usage = plainUsage(counted);
      if (!chunk.id && chunk.choices.length === 0) return null; // a leading chunk that names nothing
      head ??= {
        id: (!traits.ownIds && chunk.id) || made.id,
        created: Number.isInteger(chunk.created) && chunk.created > 0 ? chunk.created : made.created,
        model: chunk.model ?? '',
      };
      const { usage: _, ...rest } = withoutForeignTier(chunk);
      const kept = chunk.choices
        .filter(isRecord)
        .flatMap((choice, position) => oneChoice(choice, position) ?? []);
      last = { ...rest, ...head, object: 'chat.completion.chunk', choices: kept };
      return kept.length > 0 ? last : null;
    },
    /** Has every choice that was begun been finished? */
    finished: () => choices.size > 0 && [...choices.values()].every((choice) => choice.finished),
    /** What is still owed at the end of a complete stream: a finish reason, and the usage. */
    end(): readonly ChatChunk[] {
      if (!last || !head) return [];
      const about = { ...head, object: 'chat.completion.chunk' };
      const open = [...choices].filter(([, state]) => !state.finished);
      const closing = open.map(([index, state]) => ({
        index,
        delta: {},
        finish_reason: finish('stop', state.calls.size > 0),
      }));
      return [
        ...(closing.length > 0 ? [{ ...about, choices: closing }] : []),
        ...(usage ? [{ ...about, choices: [], usage }] : []),
      ];
    },
  };
}
