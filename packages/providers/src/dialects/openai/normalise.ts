import {
  type ChatChunk,
  type ChatCompletion,
  type ChunkChoice,
  carriesContent,
  GatewayError,
  type ProviderIO,
  type WireUsage,
} from '@inferbridge/core';
import { asText } from '../../json.ts';
import { type CallsState, callDelta, wholeCalls } from './calls.ts';
import { isRecord } from './errors.ts';
import { placeOf, thinkingIn, tidyMessage } from './reply-message.ts';
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
    safety: 'content_filter',
    refusal: 'content_filter',
    content_filtered: 'content_filter',
    max_length: 'length',
    max_output_tokens: 'length',
  }),
);

const finish = (reason: unknown, calls: boolean): string => {
  if (reason === 'error')
    throw new GatewayError('server_error', 'the upstream broke off with an error', {
      code: 'upstream_finish_error',
    });
  const known = FINISH.get(asText(reason).toLowerCase()) ?? 'stop';
  if (known === 'tool_calls' && !calls) return 'stop';
  return known === 'stop' && calls ? 'tool_calls' : known;
};

/** What stands where the vendor says nothing. */
export interface Made {
  readonly id: string;
  readonly created: number;
  /** The model that was asked. */
  readonly model?: string;
}

/** For an answer to which its vendor gives no name. */
export const madeUp = (model: string, { random, clock }: Pick<ProviderIO, 'random' | 'clock'>): Made => ({
  id: `chatcmpl-${Math.floor(random() * 1e15).toString(36)}`,
  created: Math.floor(clock.wall() / 1000),
  model,
});

/** A whole reply in OpenAI's form. */
export function normaliseCompletion(body: ChatCompletion, traits: ReplyTraits, made: Made): ChatCompletion {
  const usage = body.usage ?? traits.usageOf?.(body) ?? null;
  return {
    ...withoutUsage(withoutForeignTier(body)),
    id: (!traits.ownIds && asText(body.id)) || made.id,
    object: 'chat.completion',
    model: asText(body.model) || (made.model ?? ''),
    created: Number.isInteger(body.created) && body.created > 0 ? body.created : made.created,
    choices: body.choices.map((choice, index) => {
      const message: Record<string, unknown> = { ...choice.message, role: 'assistant' };
      tidyMessage(message, traits.message);
      if (traits.thinkTags) thinkingIn(message, createThink(), true);
      const given = message['tool_calls'];
      const calls = wholeCalls(Array.isArray(given) ? given.filter(isRecord) : [], made.id);
      if (calls.length > 0) message['tool_calls'] = calls;
      else delete message['tool_calls'];
      return {
        ...choice,
        index: placeOf(choice.index, index),
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
    ...usageField(usage),
  };
}

const withoutUsage = ({ usage: _, ...body }: ChatCompletion): ChatCompletion => body;

const usageField = (given: WireUsage | null): { usage?: WireUsage } => {
  const usage = given && plainUsage(given);
  return usage ? { usage } : {};
};

const SERVICE_TIERS: ReadonlySet<unknown> = new Set(['auto', 'default', 'flex', 'scale', 'priority', 'fast']);

/** Other vendors' names for it are none of OpenAI's. */
function withoutForeignTier<Body extends { readonly [field: string]: unknown }>(body: Body): Body {
  const tier = body['service_tier'];
  if (tier === undefined || tier === null || SERVICE_TIERS.has(tier)) return body;
  const { service_tier: _, ...rest } = body;
  return rest as unknown as Body; // the field is optional
}

interface ChoiceState extends CallsState {
  role: boolean;
  finished: boolean;
  readonly think: Think | null;
}

const hasCalls = ({ calls }: ChoiceState): boolean => [...calls.values()].some(({ index }) => index !== null);

/**
 * Puts a stream of chunks into OpenAI's form: one id, a role once, tool calls numbered from 0 with id, type and name
 * once, a finish reason once and right, usage in a chunk of its own behind everything else.
 */
export function createNormaliser(traits: ReplyTraits, made: Made) {
  const choices = new Map<number, ChoiceState>();
  let head: { id: string; created: number; model: string } | null = null;
  let usage: WireUsage | null = null;
  let last: ChatChunk | null = null;
  let said = false;

  const oneChoice = (choice: ChunkChoice, position: number): ChunkChoice | null => {
    const index = placeOf(choice.index, position);
    const state: ChoiceState = choices.get(index) ?? {
      role: false,
      finished: false,
      calls: new Map(),
      current: new Map(),
      latest: null,
      think: traits.thinkTags ? createThink() : null,
    };
    choices.set(index, state);
    if (state.finished) return null;
    const delta: Record<string, unknown> = isRecord(choice.delta) ? { ...choice.delta } : {};
    tidyMessage(delta, traits.message);
    const reason = choice.finish_reason ?? null;
    state.finished = reason !== null && reason !== '';
    if (state.think) thinkingIn(delta, state.think, state.finished);
    delete delta['role'];
    const calls = Array.isArray(delta['tool_calls']) ? delta['tool_calls'].filter(isRecord) : [];
    delete delta['tool_calls'];
    const told = calls.flatMap((call) => callDelta(call, state, made.id) ?? []);
    if (told.length > 0) delta['tool_calls'] = told;
    if (!state.role) {
      state.role = true;
      // OpenAI's own first delta: the role, with an empty text unless a call follows
      Object.assign(delta, {
        role: 'assistant',
        content: delta['content'] ?? (told.length > 0 ? null : ''),
      });
    }
    return {
      ...choice,
      index,
      delta,
      finish_reason: state.finished ? finish(reason, hasCalls(state)) : null,
    };
  };

  return {
    add(chunk: ChatChunk): ChatChunk | null {
      const counted = chunk.usage ?? traits.usageOf?.(chunk);
      if (counted) usage = plainUsage(counted) ?? usage;
      if (!chunk.id && chunk.choices.length === 0) return null; // a leading chunk that names nothing
      head ??= {
        id: (!traits.ownIds && asText(chunk.id)) || made.id,
        created: Number.isInteger(chunk.created) && chunk.created > 0 ? chunk.created : made.created,
        model: asText(chunk.model) || (made.model ?? ''),
      };
      const { usage: _, ...rest } = withoutForeignTier(chunk);
      const kept = chunk.choices
        .filter(isRecord)
        .flatMap((choice, position) => oneChoice(choice, position) ?? []);
      last = { ...rest, ...head, object: 'chat.completion.chunk', choices: kept };
      said ||= carriesContent(last);
      return kept.length > 0 ? last : null;
    },
    /** Has every choice that was begun been finished? */
    finished: () => choices.size > 0 && [...choices.values()].every((choice) => choice.finished),
    /** What has been counted so far, for a stream that breaks; it has no other place to stand. */
    counted(): readonly ChatChunk[] {
      return usage && head ? [{ ...head, object: 'chat.completion.chunk', choices: [], usage }] : [];
    },
    /** What is still owed at the end of a complete stream: a finish reason where something was said, and the usage. */
    end(): readonly ChatChunk[] {
      if (!last || !head) return [];
      const about = { ...head, object: 'chat.completion.chunk' };
      const open = [...choices].filter(([, state]) => !state.finished);
      const closing = open.map(([index, state]) => {
        const delta: Record<string, unknown> = {};
        if (state.think) thinkingIn(delta, state.think, true);
        return { index, delta, finish_reason: finish('stop', hasCalls(state)) };
      });
      // nothing was said: whoever says that it is done has not answered
      if (!said && !carriesContent({ ...about, choices: closing })) closing.length = 0;
      return [
        ...(closing.length > 0 ? [{ ...about, choices: closing }] : []),
        ...(usage ? [{ ...about, choices: [], usage }] : []),
      ];
    },
  };
}
