import { type ChatMessage, type ChatRequest, GatewayError, textOf } from '@inferbridge/core';

/*
 * OpenAI chat completions → Anthropic messages: text, system, sampling, stop sequences, streaming.
 * What this translation cannot honour is refused as `unsupported`, so that the next candidate gets the request.
 * Source: https://docs.anthropic.com/en/api/messages (read 2026-11-20).
 */

/** What a model lets its caller say; by the longest prefix of its name. */
interface Abilities {
  readonly maxOutput: number;
  /** `both`: temperature and top_p together; `one`: either; `none`: neither. */
  readonly sampling: 'both' | 'one' | 'none';
}

/** Newest first matters not: the longest matching prefix wins. Unknown models are taken for the newest. */
const MODELS: Readonly<Record<string, Abilities>> = {
  'claude-3-haiku': { maxOutput: 4_096, sampling: 'both' },
  'claude-3-5': { maxOutput: 8_192, sampling: 'both' },
  'claude-3-7': { maxOutput: 64_000, sampling: 'both' },
  'claude-opus-4-0': { maxOutput: 32_000, sampling: 'one' },
  'claude-opus-4-2025': { maxOutput: 32_000, sampling: 'one' },
  'claude-sonnet-4-2025': { maxOutput: 64_000, sampling: 'one' },
  'claude-opus-4-1': { maxOutput: 32_000, sampling: 'one' },
  'claude-sonnet-4-0': { maxOutput: 64_000, sampling: 'one' },
  'claude-sonnet-4-5': { maxOutput: 64_000, sampling: 'one' },
  'claude-opus-4-5': { maxOutput: 64_000, sampling: 'one' },
  'claude-haiku-4-5': { maxOutput: 64_000, sampling: 'one' },
  'claude-sonnet-4-6': { maxOutput: 128_000, sampling: 'one' },
  'claude-opus-4-6': { maxOutput: 128_000, sampling: 'one' },
};
const NEWEST: Abilities = { maxOutput: 128_000, sampling: 'none' };

export function abilitiesOf(model: string): Abilities {
  const prefix = Object.keys(MODELS)
    .filter((name) => model.startsWith(name))
    .sort((a, b) => b.length - a.length)[0];
  return (prefix && MODELS[prefix]) || NEWEST;
}

/** Request fields that change the meaning and are not translated. */
const UNSUPPORTED = ['tools', 'functions', 'response_format', 'audio', 'web_search_options'];

export function messagesBody(request: ChatRequest): Record<string, unknown> {
  refuseUnsupported(request);
  const abilities = abilitiesOf(request.model);
  const { system, messages } = split(request.messages);
  const stops = (Array.isArray(request.stop) ? request.stop : [request.stop ?? '']).filter(
    (stop) => stop.trim() !== '',
  );
  return {
    model: request.model,
    max_tokens: Math.min(
      request.max_completion_tokens ?? request.max_tokens ?? abilities.maxOutput,
      abilities.maxOutput,
    ),
    ...(system !== '' && { system }),
    messages,
    ...sampling(request, abilities),
    ...(stops.length > 0 && { stop_sequences: [...new Set(stops)] }),
    ...(request.stream === true && { stream: true }),
  };
}

function refuseUnsupported(request: ChatRequest): void {
  const given = UNSUPPORTED.find((field) => {
    const value = request[field];
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return false;
    return !(field === 'response_format' && (value as { type?: unknown }).type === 'text');
  });
  if (given) throw unsupported(given);
  if ((request.n ?? 1) > 1) throw unsupported('n');
  if (request['logprobs'] === true) throw unsupported('logprobs');
}

const unsupported = (param: string) =>
  new GatewayError('unsupported', `this provider cannot honour "${param}"`, {
    param,
    code: 'unsupported_parameter',
  });

function sampling(
  { temperature, top_p }: ChatRequest,
  { sampling: allowed }: Abilities,
): Record<string, number> {
  if (allowed === 'none') return {};
  const t = typeof temperature === 'number' ? { temperature: Math.min(1, temperature) } : null;
  const p = typeof top_p === 'number' ? { top_p } : null;
  return allowed === 'both' ? { ...t, ...p } : { ...(t ?? p) };
}

interface Turn {
  role: 'user' | 'assistant';
  content: string;
}

/** System and developer messages go to `system`; neighbours of one role are joined; the first turn is the user's. */
function split(messages: readonly ChatMessage[]): { system: string; messages: readonly Turn[] } {
  const system: string[] = [];
  const turns: Turn[] = [];
  for (const message of messages) {
    const text = plainText(message);
    if (text.trim() === '') continue;
    if (message.role === 'system' || message.role === 'developer') {
      system.push(text);
      continue;
    }
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const before = turns.at(-1);
    if (before?.role === role) before.content += `\n\n${text}`;
    else turns.push({ role, content: text });
  }
  // Anthropic refuses an empty conversation and, on older models, one that the assistant begins
  if (turns[0]?.role !== 'user') turns.unshift({ role: 'user', content: '.' });
  return { system: system.join('\n\n'), messages: turns };
}

function plainText(message: ChatMessage): string {
  if (message.role === 'tool' || message.role === 'function' || message.tool_calls?.length)
    throw unsupported('messages');
  if (
    Array.isArray(message.content) &&
    message.content.some((part) => part.type !== 'text' && part.type !== 'refusal')
  )
    throw unsupported('messages');
  if (!Array.isArray(message.content)) return textOf(message);
  return message.content.map((part) => String(part.text ?? part['refusal'] ?? '')).join('');
}
