import type { ChatChunk, ChatCompletion } from '@inferbridge/core';
import { createAnswer } from './answer.ts';

/**
 * A completion as a response: the very object with which the stream of the same answer ends. Ids come from `about.id`.
 * Source: https://platform.openai.com/docs/api-reference/responses/object (openai 7.55.0, read 2026-11-20).
 */
export function responseOf(
  completion: ChatCompletion,
  request: Record<string, unknown>,
  about: { readonly id: string },
): Record<string, unknown> {
  const answer = createAnswer(request, about.id);
  const { usage = null, choices, ...head } = completion;
  const chunk: ChatChunk = {
    ...head,
    object: 'chat.completion.chunk',
    choices: choices.map(({ message: { tool_calls: calls, ...message }, ...choice }) => ({
      ...choice,
      delta: {
        ...message,
        tool_calls: Array.isArray(calls) ? calls.map((call, index) => ({ ...call, index })) : [],
      },
    })),
  };
  answer.note(chunk);
  answer.chunk(chunk);
  answer.end(usage);
  return answer.response();
}
