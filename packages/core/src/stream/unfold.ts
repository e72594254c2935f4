import type { ChatChunk, ChatCompletion, ChunkDelta } from '../chat.ts';

/**
 * A whole completion as the chunks of a stream that says the same: the opposite of a fold. What a choice says comes in
 * one chunk, its finish reason in another, the usage in a last one without choices.
 */
export function* unfold({ choices, usage, object: _, ...head }: ChatCompletion): Generator<ChatChunk> {
  const about = { ...head, object: 'chat.completion.chunk' };
  for (const { index, message, finish_reason: __, logprobs, ...rest } of choices) {
    const { tool_calls: calls, ...said } = message;
    const delta: ChunkDelta = {
      ...said,
      ...(calls && { tool_calls: calls.map((call, place) => ({ ...call, index: place })) }),
    };
    yield {
      ...about,
      choices: [{ ...rest, index, delta, finish_reason: null, ...(logprobs !== undefined && { logprobs }) }],
    };
  }
  for (const { index, finish_reason } of choices)
    yield { ...about, choices: [{ index, delta: {}, finish_reason }] };
  if (usage) yield { ...about, choices: [], usage };
}
