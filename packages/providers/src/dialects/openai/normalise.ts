import type { ChatChunk, ChatCompletion, ChunkChoice, ToolCallDelta, WireUsage } from '@inferbridge/core';
import { isRecord } from './errors.ts';

/** Where a vendor's replies differ from OpenAI's. */
export interface ReplyTraits {
  /** Usage that stands elsewhere than in `usage`. */
  readonly usageOf?: (body: Readonly<Record<string, unknown>>) => WireUsage | null | undefined;
  /** Rewrites a message or delta in place of OpenAI's form (content as an array, reasoning under another name). */
  readonly message?: (message: Record<string, unknown>) => void;
}

/*
 * Every finish reason that vendors are known to send and OpenAI does not.
 * Source: recorded answers and vendors' documentation, see the vendors' own files (read 2026-11-20).
 */
const FINISH: Readonly<Record<string, string>> = {
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
};

const finish = (reason: unknown, calls: boolean): string => {
  const known = FINISH[String(reason)] ?? 'stop';
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
    ...body,
    id: body.id || made.id,
    object: 'chat.completion',
    created: Number.isInteger(body.created) ? body.created : made.created,
    choices: body.choices.map((choice, index) => {
      const message: Record<string, unknown> = { ...choice.message, role: 'assistant' };
      traits.message?.(message);
      const calls = Array.isArray(message['tool_calls']) ? message['tool_calls'].filter(isRecord) : [];
      if (calls.length > 0)
        message['tool_calls'] = calls.map((call, at) => ({
          ...call,
          id: call['id'] || `${made.id}-call-${at}`,
          type: call['type'] ?? 'function',
          ...(isRecord(call['function']) && {
            function: { ...call['function'], arguments: argumentsOf(call['function']) },
          }),
        }));
      else delete message['tool_calls'];
      return {
        ...choice,
        index: Number.isInteger(choice.index) ? choice.index : index,
        message: {
          ...message,
          role: 'assistant',
          content: (message['content'] as string | null | undefined) ?? null,
        }, // checked by no one: it is what the vendor wrote
        finish_reason: finish(choice.finish_reason, calls.length > 0),
        logprobs: choice['logprobs'] ?? null,
      };
    }),
    ...(usage && { usage }),
  };
}

interface ChoiceState {
  role: boolean;
  finished: boolean;
  /** The vendor's own index or id of a call → ours, contiguous from 0. */
  calls: Map<string, number>;
  latest: string | null;
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
    const state = choices.get(index) ?? { role: false, finished: false, calls: new Map(), latest: null };
    choices.set(index, state);
    if (state.finished) return null;
    const delta: Record<string, unknown> = isRecord(choice.delta) ? { ...choice.delta } : {};
    traits.message?.(delta);
    delete delta['role'];
    const calls = Array.isArray(delta['tool_calls']) ? delta['tool_calls'].filter(isRecord) : [];
    delete delta['tool_calls'];
    if (calls.length > 0) delta['tool_calls'] = calls.map((call) => oneCall(call, state, made.id));
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
      usage = chunk.usage ?? traits.usageOf?.(chunk) ?? usage;
      if (!chunk.id && chunk.choices.length === 0) return null; // a leading chunk that names nothing
      head ??= {
        id: chunk.id || made.id,
        created: Number.isInteger(chunk.created) && chunk.created > 0 ? chunk.created : made.created,
        model: chunk.model ?? '',
      };
      const { usage: _, ...rest } = chunk;
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

function oneCall(call: Record<string, unknown>, state: ChoiceState, made: string): ToolCallDelta {
  const fn = isRecord(call['function']) ? call['function'] : {};
  const id = typeof call['id'] === 'string' && call['id'] !== '' ? call['id'] : null;
  const named = typeof fn['name'] === 'string' && fn['name'] !== '';
  const key = Number.isInteger(call['index'])
    ? `#${call['index']}`
    : id !== null
      ? id
      : named
        ? `new ${state.calls.size}`
        : (state.latest ?? 'new 0');
  const known = state.calls.get(key);
  state.latest = key;
  const args = argumentsOf(fn);
  if (known !== undefined) return { index: known, function: { arguments: args } };
  const index = state.calls.size;
  state.calls.set(key, index);
  return {
    ...call,
    index,
    id: id ?? `${made}-call-${index}`,
    type: 'function',
    function: { ...fn, name: String(fn['name'] ?? ''), arguments: args },
  };
}

/** Arguments are JSON in a string, also where a vendor sends the object itself. */
function argumentsOf({ arguments: given }: Record<string, unknown>): string {
  if (typeof given === 'string') return given;
  return isRecord(given) ? JSON.stringify(given) : '';
}
