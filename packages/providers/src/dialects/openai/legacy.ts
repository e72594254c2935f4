import {
  type ChatAnswer,
  type ChatBody,
  type ChatChunk,
  type ChatCompletion,
  type ChatMessage,
  type ChatRequest,
  type ChatStream,
  type Frame,
  frameOf,
  type Provider,
  type StreamEnd,
} from '@inferbridge/core';
import { asText, replyBytes } from '../../json.ts';
import { isRecord } from './errors.ts';

/*
 * `functions` and `function_call`, from before there were tools.
 * Source: https://platform.openai.com/docs/api-reference/chat/create, deprecated fields (read 2026-11-20).
 */

type Chatting = Omit<Provider, 'name'>;

/** A provider that knows tools answers those who still ask with `functions`, in their own words. */
export function withLegacyFunctions(provider: Chatting): Chatting {
  return {
    ...provider,
    chat(request, io, native) {
      if (!isLegacy(request)) return provider.chat(request, io, native);
      const answer = provider.chat(modernised(request), io);
      return Array.isArray(request['functions']) ? oldAnswer(answer) : answer;
    },
  };
}

function isLegacy(request: ChatRequest): boolean {
  if (Array.isArray(request['functions']) || given(request['function_call'])) return true;
  return request.messages.some(
    (message) => message.role === 'function' || isRecord(message['function_call']),
  );
}

const given = (value: unknown): boolean => value !== undefined && value !== null;

/** The same request with tools, and the history to match. */
export function modernised(request: ChatRequest): ChatRequest {
  const { functions, function_call: choice, ...rest } = request;
  const calls: { id: string; name: unknown }[] = [];
  const messages = request.messages.map((message, index): ChatMessage => {
    const { function_call: call, ...others } = message;
    if (isRecord(call)) {
      const id = `call_${index}`;
      calls.push({ id, name: call['name'] });
      const fn = { name: asText(call['name'] ?? ''), arguments: asText(call['arguments'] ?? '') };
      return { ...others, tool_calls: [{ id, type: 'function', function: fn }] };
    }
    if (message.role !== 'function') return message;
    const answered = calls.findLast(({ name }) => name === message.name);
    return { ...others, role: 'tool', tool_call_id: answered?.id ?? `call_${index}` };
  });
  const tools = Array.isArray(functions)
    ? functions.map((fn: unknown) => ({ type: 'function', function: fn }))
    : null;
  return {
    ...rest,
    messages,
    ...(tools && { tools, parallel_tool_calls: false }),
    ...(given(choice) && {
      tool_choice: isRecord(choice) ? { type: 'function', function: choice } : choice,
    }),
  };
}

function oldAnswer(answer: ChatAnswer): ChatAnswer {
  if (Symbol.asyncIterator in answer) return oldChunks(answer);
  return answer.then((given): ChatBody | ChatStream => {
    if (given.kind === 'stream')
      return { kind: 'stream', frames: { [Symbol.asyncIterator]: () => oldFrames(given) } };
    const whole = oldCompletion(given.json());
    return { kind: 'completion', bytes: replyBytes(whole), json: () => whole };
  });
}

async function* oldChunks(chunks: AsyncIterable<ChatChunk>): AsyncGenerator<ChatChunk> {
  for await (const chunk of chunks) yield oldChunk(chunk);
}

async function* oldFrames({ frames }: ChatStream): AsyncGenerator<Frame, StreamEnd | undefined, undefined> {
  const reader = frames[Symbol.asyncIterator]();
  try {
    for (;;) {
      const step = await reader.next();
      if (step.done) return step.value;
      yield frameOf(...step.value.chunks().map(oldChunk));
    }
  } finally {
    await reader.return?.();
  }
}

const oldReason = (reason: string | null): string | null =>
  reason === 'tool_calls' ? 'function_call' : reason;

function oldCompletion(completion: ChatCompletion): ChatCompletion {
  return {
    ...completion,
    choices: completion.choices.map(({ message: { tool_calls: calls, ...message }, ...choice }) => {
      const fn = calls?.[0]?.function;
      return {
        ...choice,
        message: fn ? { ...message, content: message.content ?? null, function_call: fn } : message,
        finish_reason: oldReason(choice.finish_reason),
      };
    }),
  };
}

/** Only one function is called at a time. */
function oldChunk(chunk: ChatChunk): ChatChunk {
  return {
    ...chunk,
    choices: chunk.choices.map(({ delta, ...choice }) => {
      const { tool_calls: calls, ...rest } = delta;
      const fn = calls?.find(({ index }) => index === 0)?.function;
      return {
        ...choice,
        delta: fn ? { ...rest, function_call: fn } : rest,
        finish_reason: oldReason(choice.finish_reason),
      };
    }),
  };
}
