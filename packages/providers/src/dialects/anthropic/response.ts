import { type ChatCompletion, type Usage, type WireUsage, writeUsage } from '@inferbridge/core';
import { isRecord } from '../openai/errors.ts';

/** Source: https://docs.anthropic.com/en/api/handling-stop-reasons (read 2026-11-20). */
const FINISH: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

export const finishReason = (stopReason: unknown): string => FINISH[String(stopReason)] ?? 'stop';

/** Token counts as Anthropic keeps them: input leaves out what was read from or written to its cache. */
export class UsageTally {
  #counts: Record<string, number> = {};
  #seen = false;

  /** Later values replace earlier ones, field by field: they are cumulative. */
  note(usage: unknown): void {
    if (!isRecord(usage)) return;
    for (const [name, value] of Object.entries(usage)) {
      if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) continue;
      this.#counts[name] = value;
      this.#seen = true;
    }
    const details = usage['output_tokens_details'];
    if (isRecord(details) && typeof details['thinking_tokens'] === 'number')
      this.#counts['thinking_tokens'] = details['thinking_tokens'];
  }

  /** As OpenAI counts: input includes cache reads and writes. `null` where nothing was reported. */
  wire(): WireUsage | null {
    if (!this.#seen) return null;
    const {
      input_tokens: input = 0,
      output_tokens: output = 0,
      cache_read_input_tokens: read = 0,
      cache_creation_input_tokens: written = 0,
      thinking_tokens: thinking = 0,
    } = this.#counts;
    const usage: Usage = {
      inputTokens: input + read + written,
      outputTokens: output,
      cachedTokens: read,
      cacheWriteTokens: written,
      reasoningTokens: thinking,
    };
    return writeUsage(usage);
  }
}

/** A message as a completion; `null` where it is none. */
export function completionOf(body: unknown, created: number): ChatCompletion | null {
  if (!isRecord(body) || body['type'] !== 'message' || !Array.isArray(body['content'])) return null;
  const tally = new UsageTally();
  tally.note(body['usage']);
  const usage = tally.wire();
  const blocks = body['content'].filter(isRecord);
  const text = blocks
    .filter((block) => block['type'] === 'text')
    .map((block) => String(block['text'] ?? ''))
    .join('');
  const thinking = blocks
    .filter((block) => block['type'] === 'thinking')
    .map((block) => String(block['thinking'] ?? ''))
    .join('');
  return {
    id: String(body['id'] ?? ''),
    object: 'chat.completion',
    created,
    model: String(body['model'] ?? ''),
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: text,
          refusal: refusalOf(body),
          ...(thinking !== '' && { reasoning_content: thinking }),
        },
        finish_reason: finishReason(body['stop_reason']),
        logprobs: null,
      },
    ],
    ...(usage && { usage }),
  };
}

/** Why the model refused, where it says so. */
export function refusalOf(message: Readonly<Record<string, unknown>>): string | null {
  const details = message['stop_details'];
  return isRecord(details) && typeof details['explanation'] === 'string' ? details['explanation'] : null;
}
