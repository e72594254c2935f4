import { type ChatCompletion, type ChatMessage, GatewayError, type ToolCall } from '@inferbridge/core';
import { asText, parseJson } from '../../json.ts';
import { isRecord } from '../openai/errors.ts';
import { unfenced } from './fences.ts';
import { PLAIN, type Reading } from './reading.ts';
import { UsageTally } from './usage.ts';

/** Source: https://docs.anthropic.com/en/api/handling-stop-reasons (read 2026-11-20). */
const FINISH: ReadonlyMap<string, string> = new Map(
  Object.entries({
    end_turn: 'stop',
    stop_sequence: 'stop',
    pause_turn: 'stop',
    max_tokens: 'length',
    model_context_window_exceeded: 'length',
    compaction: 'length',
    tool_use: 'tool_calls',
    refusal: 'content_filter',
  }),
);

/** Calls make it `tool_calls`, and the want of them `stop`, whatever the vendor calls it. */
export function finishReason(stopReason: unknown, calls: boolean): string {
  const reason = FINISH.get(asText(stopReason)) ?? 'stop';
  if (reason === 'stop' && calls) return 'tool_calls';
  return reason === 'tool_calls' && !calls ? 'stop' : reason;
}

/** A message as a completion; `null` where it is none. Throws `malformed` where it is not what was asked for by other means. */
export function completionOf(
  body: unknown,
  created: number,
  reading: Reading = PLAIN,
): ChatCompletion | null {
  if (!isRecord(body) || body['type'] !== 'message' || !Array.isArray(body['content'])) return null;
  const tally = new UsageTally();
  tally.note(body['usage']);
  const usage = tally.wire();
  const blocks = body['content'].filter(isRecord);
  const message = messageOf(blocks, reading);
  const calls = (message.tool_calls?.length ?? 0) > 0;
  const finish = finishReason(body['stop_reason'], calls);
  check(message, finish, reading);
  const refusal = refusalOf(body);
  const own = ownFields(body, blocks);
  return {
    id: asText(body['id'] || `msg_${created}`),
    object: 'chat.completion',
    created,
    model: asText(body['model'] ?? ''),
    choices: [
      {
        index: 0,
        message: { ...message, refusal, ...(own && { provider_specific_fields: { anthropic: own } }) },
        finish_reason: finish,
        logprobs: null,
      },
    ],
    ...(usage && { usage }),
    ...tally.serviceTier(),
  };
}

function messageOf(blocks: readonly Record<string, unknown>[], reading: Reading): ChatMessage {
  const answer = blocks.find((block) => isAnswer(block, reading));
  const text = answer ? JSON.stringify(answer['input'] ?? {}) : joined(blocks, 'text', 'text');
  const calls = blocks.flatMap((block) =>
    block['type'] === 'tool_use' && block !== answer ? [toolCall(block, reading)] : [],
  );
  const thinking = joined(blocks, 'thinking', 'thinking');
  const thoughts = blocks.filter(isThought);
  const annotations = blocks.flatMap(({ citations }) =>
    Array.isArray(citations) ? citations.flatMap((citation) => annotation(citation) ?? []) : [],
  );
  const said = reading.json === 'words' ? unfenced(text) : text;
  return {
    role: 'assistant',
    content: said === '' && calls.length > 0 ? null : said,
    ...(thinking !== '' && { reasoning_content: thinking }),
    ...(thoughts.length > 0 && { thinking_blocks: thoughts }),
    ...(annotations.length > 0 && { annotations }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

const joined = (blocks: readonly Record<string, unknown>[], type: string, field: string): string =>
  blocks.flatMap((block) => (block['type'] === type ? [asText(block[field] ?? '')] : [])).join('');

/** The tool that stands for a JSON answer, where one was asked for that way. */
export const isAnswer = (block: Readonly<Record<string, unknown>>, { answer }: Reading): boolean =>
  answer !== null && block['type'] === 'tool_use' && block['name'] === answer;

export const isThought = ({ type }: Readonly<Record<string, unknown>>): boolean =>
  type === 'thinking' || type === 'redacted_thinking';

const SAYABLE: ReadonlySet<unknown> = new Set(['text', 'thinking', 'redacted_thinking', 'tool_use']);

/** Has chat completions words for it? All else travels as it is, citations of what has no address included. */
const isSayable = ({ type, citations }: Readonly<Record<string, unknown>>): boolean =>
  SAYABLE.has(type) &&
  (!Array.isArray(citations) || citations.every((citation) => annotation(citation) !== null));

/** What no other dialect has words for: blocks of the vendor's own tools, and the sequence that ended the text. */
export function ownFields(
  message: Readonly<Record<string, unknown>>,
  blocks: readonly Record<string, unknown>[],
): Record<string, unknown> | null {
  const content = blocks.every(isSayable) ? null : { content: blocks };
  const sequence = message['stop_sequence'];
  const stop = typeof sequence === 'string' ? { stop_sequence: sequence } : null;
  return content || stop ? { ...content, ...stop } : null;
}

function toolCall(block: Record<string, unknown>, { names, custom }: Reading): ToolCall {
  const wire = asText(block['name'] ?? '');
  const name = names.own(wire);
  const id = asText(block['id'] ?? '');
  const { input } = block;
  if (custom.has(wire)) return { id, type: 'custom', custom: { name, input: freeInput(input) } };
  return { id, type: 'function', function: { name, arguments: JSON.stringify(input ?? {}) } };
}

/** What a free-form tool is given: the one text that its arguments wrap. */
export const freeInput = (input: unknown): string =>
  isRecord(input) && typeof input['input'] === 'string' ? input['input'] : JSON.stringify(input ?? {});

/** A citation of something on the web, as OpenAI annotates it; `null` for others. */
export function annotation(citation: unknown): Record<string, unknown> | null {
  if (!isRecord(citation) || typeof citation['url'] !== 'string') return null;
  const { url, title } = citation;
  return {
    type: 'url_citation',
    url_citation: { url, title: typeof title === 'string' ? title : '', start_index: 0, end_index: 0 },
  };
}

/** Why the model refused, where it says so. */
export function refusalOf(message: Readonly<Record<string, unknown>>): string | null {
  const details = message['stop_details'];
  return isRecord(details) && typeof details['explanation'] === 'string' ? details['explanation'] : null;
}

/** What could only be asked for in words must also have happened. */
export function check(
  { content, tool_calls: calls }: ChatMessage,
  finish: string,
  { json, mustCall }: Reading,
): void {
  if (finish !== 'stop') return;
  if (mustCall && !calls)
    throw new GatewayError('malformed', 'the model answered in text where a tool call was required', {
      code: 'tool_call_missing',
    });
  if (json === 'words' && (typeof content !== 'string' || parseJson(content) === null))
    throw new GatewayError('malformed', 'the model answered with something that is no JSON', {
      code: 'invalid_json_output',
    });
}
