/** What is asked: about 2 KB of JSON with a counter in the prompt, so that no two requests are the same. */
const REQUEST_BYTES = 2_048;
const REPLY_BYTES = 800;
/** Content events of a stream where nothing else is asked for; a role stands before them, finish reason, usage and the end mark behind. */
export const STREAM_EVENTS = 200;
/** Every content begins like this, so that the first one is found without parsing. */
export const CONTENT_MARK = '"content":"w';
const COUNTER = '000000000000';

export interface RequestTemplate {
  /** Head and body of an HTTP/1.1 request. */
  readonly bytes: Buffer;
  /** Where the counter's twelve digits stand; -1 where nothing varies. */
  readonly counterAt: number;
}

export interface RequestOptions {
  readonly model: string;
  readonly stream: boolean;
  readonly key: string;
  readonly port: number;
  /** More header lines, each with its line end. */
  readonly headers?: string;
  /** The same request each time. */
  readonly same?: boolean;
  /** Of the body; default 2,048. It is never shorter than what must be in it. */
  readonly bytes?: number;
  /** What the upstream is asked to do besides; see `mock-upstream.ts`. */
  readonly wish?: string;
}

export function requestTemplate({
  model,
  stream,
  key,
  port,
  headers = '',
  same,
  bytes: size = REQUEST_BYTES,
  wish,
}: RequestOptions): RequestTemplate {
  const body = (padding: string): string =>
    JSON.stringify({
      model,
      ...(stream && { stream: true, stream_options: { include_usage: true } }),
      messages: [
        ...(size < REQUEST_BYTES
          ? []
          : [
              {
                role: 'system',
                content: 'You are a patient assistant who answers in a few plain sentences.',
              },
            ]),
        {
          role: 'user',
          content: `${wish ? `<${wish}> ` : ''}Request ${COUNTER}: please sum this up. ${padding}`,
        },
      ],
      temperature: 0.7,
      max_tokens: 256,
    });
  const filled = body(words(size - body('').length));
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\naccept: application/json\r\nuser-agent: inferbridge-bench\r\n${headers}content-length: ${Buffer.byteLength(filled)}\r\n\r\n`;
  const bytes = Buffer.from(head + filled);
  return { bytes, counterAt: same ? -1 : bytes.indexOf(COUNTER) };
}

/** Text of exactly this length. */
const words = (length: number): string =>
  TEXT.repeat(Math.max(0, length) / TEXT.length + 1).slice(0, Math.max(0, length));
const TEXT = 'when water waits within wide wells ';

const AT = 1_790_000_000;
const USAGE = { prompt_tokens: 480, completion_tokens: 96, total_tokens: 576 };
const CHUNK = { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: AT, model: 'bench-1' };

/** A whole reply in OpenAI's form. */
export function completion(): string {
  const reply = (content: string): string =>
    JSON.stringify({
      id: 'chatcmpl-bench',
      object: 'chat.completion',
      created: AT,
      model: 'bench-1',
      choices: [{ index: 0, message: { role: 'assistant', content }, logprobs: null, finish_reason: 'stop' }],
      usage: USAGE,
      system_fingerprint: 'fp_bench',
    });
  return reply(words(REPLY_BYTES - reply('').length));
}

/** A whole reply in Anthropic's form. */
export function message(): string {
  const reply = (text: string): string =>
    JSON.stringify({
      id: 'msg_bench',
      type: 'message',
      role: 'assistant',
      model: 'bench-1',
      content: [{ type: 'text', text }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 480, output_tokens: 96 },
    });
  return reply(words(REPLY_BYTES - reply('').length));
}

const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const named = (event: { type: string }): string => `event: ${event.type}\n${data(event)}`;
const contents = (events: number): string[] => Array.from({ length: events }, (_, i) => `word ${i} `);

/** A stream in OpenAI's form, as the pieces that are written one by one: the first content comes with the first. */
export function completionPieces(events = STREAM_EVENTS): readonly string[] {
  const chunk = (delta: object, finish_reason: string | null = null) =>
    data({ ...CHUNK, choices: [{ index: 0, delta, logprobs: null, finish_reason }], usage: null });
  const [first = '', ...rest] = contents(events).map((content) => chunk({ content }));
  const end = [chunk({}, 'stop'), data({ ...CHUNK, choices: [], usage: USAGE }), 'data: [DONE]\n\n'].join('');
  return [chunk({ role: 'assistant', content: '' }) + first, ...rest, end];
}

/** The same in Anthropic's form. */
export function messagePieces(events = STREAM_EVENTS): readonly string[] {
  const start = {
    type: 'message_start',
    message: {
      id: 'msg_bench',
      type: 'message',
      role: 'assistant',
      model: 'bench-1',
      content: [],
      stop_reason: null,
      usage: { input_tokens: 480, output_tokens: 1 },
    },
  };
  const block = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } };
  const [first = '', ...rest] = contents(events).map((text) =>
    named({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } } as { type: string }),
  );
  const end = [
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 96 } },
    { type: 'message_stop' },
  ];
  return [named(start) + named(block) + first, ...rest, end.map(named).join('')];
}
