import {
  type ChatChunk,
  createCutter,
  type Frame,
  type Frames,
  frameOf,
  type GatewayError,
  latin1,
  mayTell,
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
    counted(): readonly ChatChunk[];
  };
  /** An error event as the error that it is. */
  failure(body: unknown): GatewayError;
}

/** What may be more than content: the end, an error. */
const SPECIAL = /\[DONE\]|"error"/;

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

/** Where one of these events reports an error: what came before it is sent on, and then it is thrown. */
function* upToError(
  bytes: Uint8Array,
  failure: StreamOptions['failure'],
): Generator<Frame, undefined, undefined> {
  if (latin1(bytes).includes('"error"')) {
    const before: ChatChunk[] = [];
    for (const { data } of parseEvents(bytes)) {
      const value = parseJson(data);
      if (isRecord(value) && value['error']) {
        if (before.length > 0) yield frameOf(...before);
        throw failure(value);
      }
      before.push(...[readChunk(data)].filter((chunk) => chunk !== null));
    }
  }
  yield* rawFrames(bytes);
  return undefined;
}

const EVENT_END = /\r\n\r\n|\n\n|\r\r/g;

/** What tells something is read and written anew; what came before it in the same piece passes as it is. */
function* rawFrames(bytes: Uint8Array): Generator<Frame, undefined, undefined> {
  const all = rawFrame(bytes);
  if (all.tells()) {
    const text = latin1(bytes);
    let from = 0;
    for (const { index, 0: end } of text.matchAll(EVENT_END)) {
      const to = index + end.length;
      if (rawFrame(bytes.subarray(from, to)).tells()) break;
      from = to;
    }
    // the last one may end with half of a line end: then it is what is left
    if (from > 0 && from < bytes.length) {
      yield rawFrame(bytes.subarray(0, from));
      yield rawFrame(bytes.subarray(from));
      return;
    }
  }
  yield all;
  return undefined;
}

type Step = IteratorResult<Frame, StreamEnd>;

/** By hand: most pieces are content alone, and each generator that they passed would cost as much as sending them. */
function cleanFrames(
  body: AsyncIterable<Uint8Array>,
  { failure }: StreamOptions,
): AsyncIterator<Frame, StreamEnd, undefined> {
  const source = body[Symbol.asyncIterator]();
  const cutter = createCutter();
  /** The frames of one piece that is more than content. */
  let special: Iterator<Frame, StreamEnd | undefined> | null = null;
  let end: StreamEnd | null = null;
  /** It has ended or failed by itself. */
  let dry = false;

  const over = async (how: StreamEnd): Promise<IteratorReturnResult<StreamEnd>> => {
    end = how;
    if (!dry) await source.return?.();
    return { done: true, value: how };
  };
  const failed = async (error: unknown): Promise<never> => {
    end = 'cut';
    if (!dry) await Promise.resolve(source.return?.()).catch(() => {}); // the error says more
    throw error;
  };
  /** The frame of a piece that is content alone; what is more is left in `special`. */
  const read = (step: IteratorResult<Uint8Array, unknown>): Frame | null => {
    dry = step.done === true;
    const bytes = step.done ? cutter.end() : cutter.push(step.value);
    if (!bytes) return null;
    const text = latin1(bytes);
    if (!step.done && !mayTell(text) && !SPECIAL.test(text)) return rawFrame(bytes, false);
    special = specialFrames(bytes, failure, step.done === true);
    return null;
  };
  const more = async (): Promise<Step> => {
    try {
      for (;;) {
        if (end) return { done: true, value: end };
        if (special) {
          const step = special.next();
          if (!step.done) return step;
          special = null;
          if (step.value) return await over(step.value);
        }
        if (dry) return await over('cut');
        dry = true; // where it throws
        const frame = read(await source.next());
        if (frame) return { done: false, value: frame };
      }
    } catch (error) {
      return failed(error);
    }
  };
  const came = (step: IteratorResult<Uint8Array, unknown>): Step | Promise<Step> => {
    try {
      const frame = read(step);
      return frame ? { done: false, value: frame } : more();
    } catch (error) {
      return failed(error);
    }
  };
  // handlers that are there once, and no async functions: every event passes here
  return {
    next() {
      if (end || special || dry) return more();
      dry = true; // where it throws
      return source.next().then(came, failed);
    },
    async return() {
      end ??= 'cut';
      await source.return?.();
      return { done: true, value: end };
    },
  };
}

/** The frames of whole events up to the one that ends the stream, and how it ended there. */
function* specialFrames(
  bytes: Uint8Array,
  failure: StreamOptions['failure'],
  last: boolean,
): Generator<Frame, StreamEnd | undefined, undefined> {
  if (latin1(bytes).includes('[DONE]') && parseEvents(bytes).some(({ data }) => data === '[DONE]')) {
    const before = beforeDone(bytes);
    if (before.length > 0) yield* upToError(before, failure);
    return 'complete';
  }
  yield* upToError(bytes, failure);
  return last ? 'cut' : undefined;
}

/** The whole events before the one that says `[DONE]`. */
function beforeDone(bytes: Uint8Array): Uint8Array {
  const text = latin1(bytes);
  return bytes.subarray(0, /^data: ?\[DONE\]\r?$/m.exec(text)?.index ?? bytes.length);
}

async function* normalFrames(
  body: AsyncIterable<Uint8Array>,
  options: StreamOptions,
): AsyncGenerator<Frame, StreamEnd, undefined> {
  const normal = options.normaliser();
  const framed = (chunks: readonly ChatChunk[]) => (chunks.length > 0 ? [frameOf(...chunks)] : []);
  try {
    for await (const bytes of whole(body)) {
      const chunks: ChatChunk[] = [];
      const done = readInto(chunks, bytes, normal, options.failure);
      yield* framed(chunks);
      if (done instanceof Error) throw done;
      if (!done) continue;
      yield* framed(normal.end());
      return 'complete';
    }
  } catch (error) {
    yield* framed(normal.counted());
    throw error;
  }
  yield* framed(normal.finished() ? normal.end() : normal.counted());
  return 'cut';
}

/** Adds the chunks of these events; true once the stream has said that it is done, or the failure that it reports. */
function readInto(
  chunks: ChatChunk[],
  bytes: Uint8Array,
  normal: ReturnType<StreamOptions['normaliser']>,
  failure: StreamOptions['failure'],
): boolean | GatewayError {
  for (const { data } of parseEvents(bytes)) {
    if (data === '[DONE]') return true;
    const value = parseJson(data);
    if (isErrorBody(value)) return failure(value);
    // usage may come in an event without choices; the normaliser checks what it reads
    const all =
      isRecord(value) && value['choices'] === undefined && isRecord(value['usage'])
        ? { ...value, choices: [] }
        : value;
    const chunk =
      isRecord(all) && Array.isArray(all['choices']) ? normal.add(all as unknown as ChatChunk) : null; // has choices
    if (chunk) chunks.push(chunk);
  }
  return false;
}
