import { chunks, completion, message, messageStream } from './answers.ts';
import type { Fault, Step } from './fault-server.ts';
import type { Act } from './upstream.ts';

/* How scripts of the fault server are written: heads, bodies, streams, and what a sound provider says. */

/** What the provider that stands first says when nothing is wrong. */
export const FIRST = 'Hello from the first.';

export const fault = (...steps: Step[]): Fault => ({ steps });
export const write = (text: string): Step => ({ write: text });
export const bytes = (data: Uint8Array): Step => ({ bytes: Buffer.from(data).toString('base64') });
export const pause = (waitMs: number): Step => ({ waitMs });
/** What was written before is read before it: a reset on its heels would throw it away. */
export const reset: readonly Step[] = [{ waitMs: 30 }, { over: 'reset' }];
export const end: Step = { over: 'end' };

/** As soon as somebody has connected. */
export const atAccept = (...steps: Step[]): Fault => ({ on: 'accept', steps });

type Headers = Readonly<Record<string, string>>;
const lines = (headers: Headers) =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');

/** The head of an answer, with the headers that are given and no other. */
export const head = (status: number | string, headers: Headers = {}): string =>
  `HTTP/1.1 ${typeof status === 'number' ? `${status} Status` : status}\r\n${lines(headers)}\r\n`;

/** A whole answer with its true length; the connection is kept. */
export const answer = (body: string, headers: Headers = {}, status: number | string = 200): string =>
  head(status, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  }) + body;

export const json = (value: unknown, status = 200, headers: Headers = {}): Fault =>
  fault(write(answer(JSON.stringify(value), headers, status)));

/** The head of a stream that lasts as long as its connection. */
export const SSE = head(200, { 'content-type': 'text/event-stream', connection: 'close' });

/** Events in one write, then the end of the connection. */
export const stream = (...events: readonly string[]): Fault => fault(write(SSE + events.join('')), end);

const bodyOf = (act: Act): string => ('body' in act ? act.body : '');
const eventsOf = (act: Act): readonly string[] => ('sse' in act ? act.sse : []);

/** The dialects in which the provider that fails is spoken to. */
export type Dialect = 'openai' | 'anthropic';

/** A whole answer in a dialect. */
export const bodyIn = (dialect: Dialect, text = FIRST): string =>
  bodyOf(dialect === 'anthropic' ? message(text) : completion(text));

/** The events of an answer in a dialect; OpenAI's begin with the role and end with finish, usage and `[DONE]`. */
export const eventsIn = (dialect: Dialect, text = FIRST): readonly string[] =>
  dialect === 'anthropic' ? eventsOf(messageStream(text)) : chunks(text);

/** The events before the first content, and the first `words` words: one event each. */
export const begun = (dialect: Dialect, words: number): readonly string[] =>
  eventsIn(dialect, 'One two three four five').slice(0, (dialect === 'anthropic' ? 3 : 1) + words);

/** What a provider says to which nothing has happened, whole or streamed, its connection kept. */
export function sound(dialect: Dialect, streamed: boolean, text = FIRST): Fault {
  if (!streamed) return fault(write(answer(bodyIn(dialect, text))));
  const whole = eventsIn(dialect, text).join('');
  return fault(write(answer(whole, { 'content-type': 'text/event-stream' })));
}
