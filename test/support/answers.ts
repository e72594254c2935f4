import type { Act } from './upstream.ts';

/* Small hand-written answers in the vendors' own shapes; the recorded ones are in `fixtures.ts`. */

const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

/** A whole answer as OpenAI gives it. */
export const completion = (text: string, usage: object | null = USAGE): Act => ({
  status: 200,
  body: JSON.stringify({
    id: 'chatcmpl-abc',
    object: 'chat.completion',
    created: 1_780_000_000,
    model: 'gpt-test',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: text, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    ...(usage && { usage }),
  }),
});

const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const head = {
  id: 'chatcmpl-abc',
  object: 'chat.completion.chunk',
  created: 1_780_000_000,
  model: 'gpt-test',
};
const chunk = (delta: object, finish: string | null = null) =>
  event({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }], usage: null });

/** The events of a streamed answer as OpenAI gives it when asked for usage. */
export const chunks = (text: string): string[] => [
  chunk({ role: 'assistant', content: '' }),
  ...(text.match(/\S+\s*/g) ?? []).map((piece) => chunk({ content: piece })),
  chunk({}, 'stop'),
  event({ ...head, choices: [], usage: USAGE }),
  'data: [DONE]\n\n',
];

export const streamed = (text: string, gapMs = 0): Act => ({ sse: chunks(text), gapMs });

/** Role alone, then as many words, then whatever comes. */
export const broken = (words: string, end: 'end' | 'reset' | 'hang'): Act => ({
  sse: [
    chunk({ role: 'assistant', content: '' }),
    ...(words.match(/\S+\s*/g) ?? []).map((piece) => chunk({ content: piece })),
  ],
  gapMs: 5,
  end,
});

/** A whole answer as Anthropic gives it. */
export const message = (text: string): Act => ({
  status: 200,
  body: JSON.stringify({
    id: 'msg_01abc',
    type: 'message',
    role: 'assistant',
    model: 'claude-test',
    content: [{ type: 'text', text }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
  }),
});

const named = (value: { type: string; [field: string]: unknown }) => `event: ${value.type}\n${event(value)}`;

/** A streamed answer as Anthropic gives it. */
export const messageStream = (text: string): Act => ({
  sse: [
    named({
      type: 'message_start',
      message: {
        id: 'msg_01abc',
        type: 'message',
        role: 'assistant',
        model: 'claude-test',
        content: [],
        usage: { input_tokens: 10, output_tokens: 1 },
      },
    }),
    named({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    named({ type: 'ping' }),
    ...(text.match(/\S+\s*/g) ?? []).map((piece) =>
      named({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: piece } }),
    ),
    named({ type: 'content_block_stop', index: 0 }),
    named({
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { output_tokens: 5 },
    }),
    named({ type: 'message_stop' }),
  ],
});

/** A refusal in the shape that OpenAI-compatible vendors share. */
export const refusal = (
  status: number,
  error: object = { message: `status ${status}`, type: 'server_error', code: null },
  headers: Record<string, string> = {},
): Act => ({
  status,
  headers,
  body: JSON.stringify({ error }),
});

export const limited = (retryAfter?: string): Act =>
  refusal(
    429,
    { message: 'slow down', type: 'requests', code: 'rate_limit_exceeded' },
    retryAfter === undefined ? {} : { 'retry-after': retryAfter },
  );
