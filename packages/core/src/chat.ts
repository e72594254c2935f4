/*
 * The canonical form: OpenAI chat completions, as the wire spells it. Fields that nobody here decides on stay in
 * the index signature and travel untouched.
 * Source: https://platform.openai.com/docs/api-reference/chat (openai 7.55.0, read 2026-11-20).
 */

/** One part of a message's content. */
export interface ContentPart {
  type: string;
  text?: string;
  [field: string]: unknown;
}

/** A function call that the model asks for; `arguments` is JSON in a string. */
export interface ToolCall {
  id?: string;
  type?: string;
  function?: { name?: string; arguments?: string };
  [field: string]: unknown;
}

export interface ChatMessage {
  role: string;
  content?: string | ContentPart[] | null;
  tool_calls?: ToolCall[] | null;
  tool_call_id?: string;
  name?: string;
  [field: string]: unknown;
}

export interface ChatRequest {
  model: string;
  messages: ChatMessage[];
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean; [field: string]: unknown } | null;
  max_tokens?: number | null;
  max_completion_tokens?: number | null;
  temperature?: number | null;
  top_p?: number | null;
  n?: number | null;
  stop?: string | string[] | null;
  tools?: unknown[] | null;
  user?: string;
  [field: string]: unknown;
}

/** Usage as the wire spells it; `prompt_tokens` includes cached ones, `completion_tokens` includes reasoning. */
export interface WireUsage {
  prompt_tokens?: number;
  completion_tokens?: number;
  total_tokens?: number;
  prompt_tokens_details?: {
    cached_tokens?: number;
    cache_write_tokens?: number;
    [field: string]: unknown;
  } | null;
  completion_tokens_details?: { reasoning_tokens?: number; [field: string]: unknown } | null;
  /** Anthropic's: what was written to its cache, by how long it is kept. */
  cache_creation?: { ephemeral_1h_input_tokens?: number; [field: string]: unknown } | null;
  [field: string]: unknown;
}

export interface CompletionChoice {
  index: number;
  message: ChatMessage;
  finish_reason: string | null;
  [field: string]: unknown;
}

export interface ChatCompletion {
  id: string;
  object: string;
  created: number;
  model: string;
  choices: CompletionChoice[];
  usage?: WireUsage | null;
  [field: string]: unknown;
}

export interface ToolCallDelta extends ToolCall {
  index?: number;
}

export interface ChunkDelta {
  role?: string;
  content?: string | ContentPart[] | null;
  tool_calls?: ToolCallDelta[] | null;
  [field: string]: unknown;
}

export interface ChunkChoice {
  index: number;
  delta: ChunkDelta;
  finish_reason: string | null;
  [field: string]: unknown;
}

export interface ChatChunk {
  id: string;
  object: string;
  created: number;
  model: string;
  choices: ChunkChoice[];
  usage?: WireUsage | null;
  [field: string]: unknown;
}

/** The text of a message, its text parts joined; empty for none. */
export function textOf(message: ChatMessage | undefined): string {
  const content = message?.content;
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (typeof part.text === 'string' ? part.text : '')).join('');
}

/** Chunks of a well-formed stream that says `text`: what a provider written as a generator may yield. */
export function* chunksOf(
  text: string,
  about: { id?: string; model?: string; created?: number } = {},
): Generator<ChatChunk> {
  const head = {
    id: about.id ?? 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: about.created ?? 0,
    model: about.model ?? '',
  };
  yield { ...head, choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }] };
  for (const piece of text.match(/\S+\s*|\s+/g) ?? []) {
    yield { ...head, choices: [{ index: 0, delta: { content: piece }, finish_reason: null }] };
  }
  yield { ...head, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] };
}
