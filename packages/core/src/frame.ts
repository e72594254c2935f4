import type { NativeReply } from './call.ts';
import type { ChatChunk } from './chat.ts';
import { GatewayError } from './errors.ts';
import { parseEvents } from './stream/sse.ts';

/** One or more WHOLE events of a stream: bytes ready to be sent on, parsed only if asked, once. */
export interface Frame {
  readonly bytes: Uint8Array;
  chunks(): readonly ChatChunk[];
  /** False where the bytes can be sent on unread: no finish reason, no usage, every chunk with a choice. */
  tells(): boolean;
  /** The same events as the upstream sent them, where its dialect is the one in which was asked. */
  readonly native?: NativeReply;
}

/** How an upstream's stream ended: it said so itself, or the connection just closed. */
export type StreamEnd = 'complete' | 'cut';

/** Frames as they come; the iterator's return value tells how it ended. */
export interface Frames {
  [Symbol.asyncIterator](): AsyncIterator<Frame, StreamEnd | undefined, undefined>;
}

const encoder = new TextEncoder();

/** A frame made of chunks; serialised when its bytes are first asked for. */
export function frameOf(...chunks: readonly ChatChunk[]): Frame {
  return framed(chunks);
}

/** A frame that carries the upstream's own events as well; `chunks` may be none. */
export const nativeFrame = (native: NativeReply, chunks: readonly ChatChunk[]): Frame =>
  framed(chunks, native);

function framed(chunks: readonly ChatChunk[], native?: NativeReply): Frame {
  let bytes: Uint8Array | undefined;
  return {
    ...(native && { native }),
    tells: () => chunks.some(telling),
    chunks: () => chunks,
    get bytes() {
      bytes ??= encoder.encode(chunks.map(eventOf).join(''));
      return bytes;
    },
  };
}

/** A chunk as the event that carries it; throws `malformed` for one that is nested beyond what can be written. */
export function eventOf(chunk: ChatChunk): string {
  try {
    return `data: ${JSON.stringify(chunk)}\n\n`;
  } catch (error) {
    throw new GatewayError('malformed', 'the upstream sent a chunk that is nested too deeply', {
      cause: error,
    });
  }
}

const telling = (chunk: ChatChunk): boolean =>
  chunk.choices.length === 0 ||
  (chunk.usage ?? null) !== null ||
  chunk.choices.some(({ finish_reason }) => typeof finish_reason === 'string');

/**
 * A frame of bytes as they came: whole events of OpenAI's own dialect, read only where they may tell something; `known`
 * for whoever has looked already.
 */
export function rawFrame(bytes: Uint8Array, known?: boolean): Frame {
  let chunks: readonly ChatChunk[] | undefined;
  let tells = known;
  return {
    bytes,
    tells: () => (tells ??= mayTell(latin1(bytes))),
    chunks: () => (chunks ??= parseEvents(bytes).flatMap(({ data }) => readChunk(data) ?? [])),
  };
}

/** One event's data as a chunk; `null` for what is not one (`[DONE]`, broken JSON). */
export function readChunk(data: string): ChatChunk | null {
  try {
    const value: unknown = JSON.parse(data);
    if (!isObject(value) || !Array.isArray(value['choices']) || !value['choices'].every(isObject))
      return null;
    return value as unknown as ChatChunk; // a chunk is whatever has choices; every reader checks the fields that it uses
  } catch {
    return null;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const TELLING = /"finish_reason": ?"|"usage": ?\{|"choices": ?\[\]/;

/** Do the bytes of these events, a character each, look as if they told something? Looking is far cheaper than parsing. */
export const mayTell = (text: string): boolean => TELLING.test(text);

/** A character for each byte. */
export const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

/** Does this chunk carry content: text, reasoning, a refusal or a tool call? A role alone does not. */
export function carriesContent(chunk: ChatChunk): boolean {
  return chunk.choices.some(({ delta }) => {
    if (typeof delta !== 'object' || delta === null) return false;
    if (delta.tool_calls?.length) return true;
    return (
      CONTENT_FIELDS.some((field) => {
        const value = delta[field];
        return (typeof value === 'string' || Array.isArray(value)) && value.length > 0;
      }) ||
      (typeof delta['function_call'] === 'object' && delta['function_call'] !== null) ||
      (typeof delta['audio'] === 'object' && delta['audio'] !== null)
    );
  });
}

const CONTENT_FIELDS = [
  'content',
  'reasoning_content',
  'reasoning',
  'refusal',
  'thinking_blocks',
  'reasoning_details',
];
