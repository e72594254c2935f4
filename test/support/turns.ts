import type { Act } from './upstream.ts';

/* What a model says in one turn, written in the dialects of the upstreams, whole and streamed. */

export interface Turn {
  readonly text?: string;
  readonly thinking?: string;
  readonly calls?: readonly { readonly id: string; readonly name: string; readonly args: object }[];
}

const USAGE = { prompt_tokens: 20, completion_tokens: 10, total_tokens: 30 };
const pieces = (text: string): string[] => text.match(/[\s\S]{1,6}/g) ?? [];
const sse = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const named = (value: { type: string; [field: string]: unknown }): string =>
  `event: ${value.type}\n${sse(value)}`;

export function openaiTurn({ text, calls = [] }: Turn): Act {
  const head = { id: 'chatcmpl-turn', created: 1_780_000_000, model: 'gpt-test' };
  const finish = calls.length > 0 ? 'tool_calls' : 'stop';
  const message = {
    role: 'assistant',
    content: text ?? null,
    refusal: null,
    ...(calls.length > 0 && {
      tool_calls: calls.map(({ id, name, args }) => ({
        id,
        type: 'function',
        function: { name, arguments: JSON.stringify(args) },
      })),
    }),
  };
  const chunk = (delta: object, reason: string | null = null) =>
    sse({
      ...head,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
      usage: null,
    });
  const whole: Act = {
    status: 200,
    body: JSON.stringify({
      ...head,
      object: 'chat.completion',
      choices: [{ index: 0, message, logprobs: null, finish_reason: finish }],
      usage: USAGE,
    }),
  };
  const stream: Act = {
    sse: [
      chunk({ role: 'assistant', content: text === undefined ? null : '' }),
      ...pieces(text ?? '').map((content) => chunk({ content })),
      ...calls.flatMap(({ id, name, args }, index) => [
        chunk({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }),
        ...pieces(JSON.stringify(args)).map((piece) =>
          chunk({ tool_calls: [{ index, function: { arguments: piece } }] }),
        ),
      ]),
      chunk({}, finish),
      sse({ ...head, object: 'chat.completion.chunk', choices: [], usage: USAGE }),
      'data: [DONE]\n\n',
    ],
  };
  return { whole, stream };
}

export function anthropicTurn({ text, thinking, calls = [] }: Turn): Act {
  const head = { id: 'msg_01turn', type: 'message', role: 'assistant', model: 'claude-test' };
  const stop = calls.length > 0 ? 'tool_use' : 'end_turn';
  const blocks = [
    ...(thinking === undefined ? [] : [{ type: 'thinking', thinking, signature: 'c2lnbmVk' }]),
    ...(text === undefined ? [] : [{ type: 'text', text }]),
    ...calls.map(({ id, name, args }) => ({ type: 'tool_use', id, name, input: args })),
  ];
  const whole: Act = {
    status: 200,
    body: JSON.stringify({
      ...head,
      content: blocks,
      stop_reason: stop,
      stop_sequence: null,
      usage: { input_tokens: 20, output_tokens: 10 },
    }),
  };
  const delta = (index: number, given: object) => named({ type: 'content_block_delta', index, delta: given });
  const block = (content: Record<string, unknown>, index: number): string[] => {
    const { type } = content;
    const empty = {
      ...content,
      ...(type === 'text' && { text: '' }),
      ...(type === 'tool_use' && { input: {} }),
    };
    const start = type === 'thinking' ? { type, thinking: '', signature: '' } : empty;
    const grown =
      type === 'text'
        ? pieces(String(content['text'])).map((piece) => delta(index, { type: 'text_delta', text: piece }))
        : type === 'thinking'
          ? [
              delta(index, { type: 'thinking_delta', thinking: content['thinking'] }),
              delta(index, { type: 'signature_delta', signature: content['signature'] }),
            ]
          : [
              delta(index, { type: 'input_json_delta', partial_json: '' }),
              ...pieces(JSON.stringify(content['input'])).map((piece) =>
                delta(index, { type: 'input_json_delta', partial_json: piece }),
              ),
            ];
    return [
      named({ type: 'content_block_start', index, content_block: start }),
      ...grown,
      named({ type: 'content_block_stop', index }),
    ];
  };
  const stream: Act = {
    sse: [
      named({
        type: 'message_start',
        message: {
          ...head,
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: 20, output_tokens: 1 },
        },
      }),
      named({ type: 'ping' }),
      ...blocks.flatMap(block),
      named({
        type: 'message_delta',
        delta: { stop_reason: stop, stop_sequence: null },
        usage: { output_tokens: 10 },
      }),
      named({ type: 'message_stop' }),
    ],
  };
  return { whole, stream };
}

/** Google's dialect: a signature on the first of them, no mark at the end. */
export function geminiTurn({ text, thinking, calls = [] }: Turn): Act {
  const usageMetadata = { promptTokenCount: 20, candidatesTokenCount: 10, totalTokenCount: 30 };
  const about = { usageMetadata, modelVersion: 'gemini-test', responseId: 'turn' };
  const made = calls.map(({ id, name, args }, index) => ({
    functionCall: { id, name, args },
    ...(index === 0 && { thoughtSignature: 'c2lnbmVk' }),
  }));
  const thought = thinking === undefined ? [] : [{ text: thinking, thought: true }];
  const all = [...thought, ...(text === undefined ? [] : [{ text }]), ...made];
  const answer = (parts: object[], finishReason?: string) => ({
    candidates: [{ content: { role: 'model', parts }, index: 0, ...(finishReason && { finishReason }) }],
    ...about,
  });
  return {
    whole: { status: 200, body: JSON.stringify(answer(all, 'STOP')) },
    stream: {
      sse: [...thought, ...pieces(text ?? '').map((piece) => ({ text: piece })), ...made]
        .map((part) => `data: ${JSON.stringify(answer([part]))}\r\n\r\n`)
        .concat(`data: ${JSON.stringify(answer([{ text: '' }], 'STOP'))}\r\n\r\n`),
    },
  };
}

/** The upstreams over which every client is run: who answers, and whether somebody else failed before. */
export const ROUTES = [
  { name: 'an OpenAI upstream', model: 'by/openai', answers: 'openai', fails: null },
  { name: 'an Anthropic upstream', model: 'by/anthropic', answers: 'anthropic', fails: null },
  { name: 'a Gemini upstream', model: 'by/gemini', answers: 'gemini', fails: null },
  { name: 'OpenAI after a fallback', model: 'by/anthropic-first', answers: 'openai', fails: 'anthropic' },
  { name: 'Anthropic after a fallback', model: 'by/openai-first', answers: 'anthropic', fails: 'openai' },
] as const;

export type Route = (typeof ROUTES)[number];

const OPENAI = 'openai:gpt-4.1';
const CLAUDE = 'anthropic:claude-sonnet-4-5';
const GEMINI = 'gemini:gemini-3-flash';

/** The tiers that `ROUTES` names, for a gateway's configuration. */
export const routeTiers = {
  'by/openai': { targets: [OPENAI] },
  'by/anthropic': { targets: [CLAUDE] },
  'by/gemini': { targets: [GEMINI] },
  'by/openai-first': { targets: [OPENAI, CLAUDE] },
  'by/anthropic-first': { targets: [CLAUDE, OPENAI] },
};

const WRITE = { openai: openaiTurn, anthropic: anthropicTurn, gemini: geminiTurn };

/** Everybody who answers on one of the routes. */
export const ANSWERING = Object.keys(WRITE);

/** Scripts the upstreams of a route: whoever is to fail always fails, the other says one turn after the other. */
export function conversation(
  upstream: { script(vendor: string, ...acts: Act[]): void },
  { answers, fails }: Route,
  ...turns: readonly Turn[]
): void {
  if (fails)
    upstream.script(fails, {
      status: 503,
      body: JSON.stringify({ error: { type: 'overloaded_error', message: 'busy' } }),
    });
  upstream.script(answers, ...turns.map(WRITE[answers]));
}
