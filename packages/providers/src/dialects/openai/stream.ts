import {
  type ChatChunk,
  createCutter,
  type Frame,
  type Frames,
  frameOf,
  type GatewayError,
  parseEvents,
  rawFrame,
  readChunk,
  type StreamEnd,
} from '@inferbridge/core';
import { parseJson } from '../../json.ts';
import { isErrorBody, isRecord } from './errors.ts';

export interface StreamOptions {
  /** The vendor's events can be sent on as they came. */
  readonly clean: boolean;
  normaliser(): {
    add(chunk: ChatChunk): ChatChunk | null;
    finished(): boolean;
    end(): readonly ChatChunk[];
  };
  /** An error event as the error that it is. */
  failure(body: unknown): GatewayError;
}

const DONE = Buffer.from('[DONE]');
const ERROR = Buffer.from('"error"');

/** An upstream's body as frames; ends `complete` at `[DONE]`, `cut` where the connection just closes. */
export function chatFrames(body: AsyncIterable<Uint8Array>, options: StreamOptions): Frames {
  return {
    [Symbol.asyncIterator]: () => (options.clean ? cleanFrames(body, options) : normalFrames(body, options)),
  };
}

async function* whole(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const cutter = createCutter();
  for await (const piece of body) {
    const bytes = cutter.push(piece);
    if (bytes) yield bytes;
  }
  const rest = cutter.end();
  if (rest) yield rest;
}

const has = (bytes: Uint8Array, text: Buffer): boolean =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(text);

/** Throws where one of these events reports an error. */
function throwIfError(bytes: Uint8Array, failure: StreamOptions['failure']): void {
  if (!has(bytes, ERROR)) return;
  for (const { data } of parseEvents(bytes)) {
    const value = parseJson(data);
    if (isRecord(value) && value['error']) throw failure(value);
  }
}

async function* cleanFrames(
  body: AsyncIterable<Uint8Array>,
  { failure }: StreamOptions,
): AsyncGenerator<Frame, StreamEnd, undefined> {
  for await (const bytes of whole(body)) {
    const marked = has(bytes, DONE) && parseEvents(bytes).some(({ data }) => data === '[DONE]');
    if (marked) {
      throwIfError(bytes, failure);
      const before = parseEvents(bytes).flatMap(({ data }) => readChunk(data) ?? []);
      if (before.length > 0) yield frameOf(...before);
      return 'complete';
    }
    throwIfError(bytes, failure);
    yield rawFrame(bytes);
  }
  return 'cut';
}

async function* normalFrames(
  body: AsyncIterable<Uint8Array>,
  { normaliser, failure }: StreamOptions,
): AsyncGenerator<Frame, StreamEnd, undefined> {
  const normal = normaliser();
  const ending = () => {
    const owed = normal.end();
    return owed.length > 0 ? [frameOf(...owed)] : [];
  };
  for await (const bytes of whole(body)) {
    const chunks: ChatChunk[] = [];
    let done = false;
    for (const { data } of parseEvents(bytes)) {
      if (data === '[DONE]') {
        done = true;
        break;
      }
      const value = parseJson(data);
      if (isErrorBody(value)) throw failure(value);
      // usage may come in an event without choices; the normaliser checks what it reads
      const whole =
        isRecord(value) && value['choices'] === undefined && isRecord(value['usage'])
          ? { ...value, choices: [] }
          : value;
      const chunk =
        isRecord(whole) && Array.isArray(whole['choices']) ? normal.add(whole as unknown as ChatChunk) : null; // has choices
      if (chunk) chunks.push(chunk);
    }
    if (chunks.length > 0) yield frameOf(...chunks);
    if (done) {
      yield* ending();
      return 'complete';
    }
  }
  if (normal.finished()) yield* ending();
  return 'cut';
}
