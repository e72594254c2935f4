import type { NativeReply, Outcome, Reply, Stream, Usage } from '@inferbridge/core';
import { type Clock, type Frame, onFinish } from '@inferbridge/core';

/** Bytes as they were sent, and in the upstream's own dialect where that is what the caller spoke. */
export interface Saying {
  readonly bytes: Uint8Array;
  readonly native?: Uint8Array;
}

/** One frame of a stream, and how long after the one before it came. */
export interface Piece extends Saying {
  readonly afterMs: number;
}

/** A complete answer as it is kept. Times are milliseconds since 1970. */
export interface Entry {
  readonly at: number;
  /** Until then it is an answer like any other. */
  readonly fresh: number;
  /** Until then it may stand in for a failure. */
  readonly until: number;
  readonly by: Pick<Outcome['by'], 'provider' | 'model' | 'residency'>;
  readonly usage: Usage | null;
  readonly dropped?: readonly string[];
  /** Of the native bytes. */
  readonly dialect?: string;
  /** What was said: whole, or as the pieces of a stream. */
  readonly said: Saying | readonly Piece[];
  /** Names the request that was answered, where another one may ask for the same entry. */
  readonly meaning?: string;
  /** How that request was routed. */
  readonly mode?: string;
}

export const isStreamed = (said: Entry['said']): said is readonly Piece[] => Array.isArray(said);

/** Larger answers are not kept. */
export const MOST_ENTRY_BYTES = 4_194_304;

/** What an entry says of its bytes, which follow behind it: how many each has, and how many of its own dialect. */
type Head = Omit<Entry, 'said'> & {
  readonly said: Lengths | readonly (readonly [...Lengths, afterMs: number])[];
};
type Lengths = readonly [bytes: number, native: number | null];

const LINE_END = 10;

/** A line of JSON, and behind it all that was said as it was sent: nothing of it is escaped, nor read again. */
export function encode({ said, ...about }: Entry): Buffer {
  const sayings = isStreamed(said) ? said : [said];
  const lengths = isStreamed(said)
    ? said.map((piece) => [...lengthsOf(piece), piece.afterMs] as const)
    : lengthsOf(said);
  const head = `${JSON.stringify({ ...about, said: lengths } satisfies Head)}\n`;
  let at = Buffer.byteLength(head);
  let size = at;
  for (const { bytes, native } of sayings) size += bytes.length + (native?.length ?? 0);
  const entry = Buffer.allocUnsafe(size);
  entry.write(head);
  for (const { bytes, native } of sayings) {
    entry.set(bytes, at);
    at += bytes.length;
    if (native) entry.set(native, at);
    at += native?.length ?? 0;
  }
  return entry;
}

const lengthsOf = ({ bytes, native }: Saying): Lengths => [bytes.length, native?.length ?? null];

/** What a store gave back as bytes; `null` for what cannot be. */
export function bytesOf(stored: unknown): Buffer | null {
  if (Buffer.isBuffer(stored)) return stored;
  if (typeof stored === 'string') return Buffer.from(stored);
  const { type, data } = (stored ?? {}) as { type?: unknown; data?: unknown }; // whatever was stored; only looked at
  if (type === 'Buffer' && Array.isArray(data)) return Buffer.from(data); // as JSON.stringify writes one
  return stored instanceof Uint8Array ? Buffer.from(stored.buffer, stored.byteOffset, stored.length) : null;
}

/** `null` for what is no entry. What was said are views of these bytes. */
export function decode(bytes: Buffer): Entry | null {
  const end = bytes.indexOf(LINE_END);
  try {
    const head: Partial<Head> | null = JSON.parse(bytes.toString('utf8', 0, Math.max(0, end)));
    const { at, fresh, until, by, said } = head ?? {};
    const times = [at, fresh, until].every((time) => typeof time === 'number');
    const served = typeof by?.provider === 'string' && typeof by.model === 'string';
    const whole = times && served ? heard(said, bytes.subarray(end + 1)) : null;
    return whole && ({ ...head, said: whole } as Entry); // checked just above
  } catch {
    return null;
  }
}

/** The bytes as the sayings that they are; `null` where there are fewer of them, or more. */
function heard(said: unknown, bytes: Uint8Array): Entry['said'] | null {
  if (!Array.isArray(said)) return null;
  let at = 0;
  const take = (length: unknown): Uint8Array => {
    if (!Number.isInteger(length) || Number(length) < 0) throw new RangeError('no length');
    at += Number(length);
    return bytes.subarray(at - Number(length), at);
  };
  const saying = ([length, native]: readonly unknown[]): Saying => ({
    bytes: take(length),
    ...(native !== null && { native: take(native) }),
  });
  const whole =
    typeof said[0] === 'number'
      ? saying(said)
      : said.map((one: readonly unknown[]) => ({ ...saying(one), afterMs: Number(one[2]) }));
  return at === bytes.length ? whole : null;
}

export type Times = Pick<Entry, 'at' | 'fresh' | 'until'>;

/** An answer that is there at once. */
export const entryOf = (reply: Exclude<Reply, Stream>, times: Times): Entry => ({
  ...about(reply, times),
  ...(nativeOf(reply) && { dialect: nativeOf(reply)?.dialect ?? '' }),
  said: sayingOf(reply.bytes, nativeOf(reply)),
});

const nativeOf = (reply: Exclude<Reply, Stream>): NativeReply | undefined =>
  reply.kind === 'completion' ? reply.native : undefined;

const about = ({ by, usage, dropped }: Reply, times: Times) => ({
  ...times,
  by: { provider: by.provider, model: by.model, residency: by.residency },
  usage: usage(),
  ...(dropped && { dropped }),
});

const sayingOf = (bytes: Uint8Array, native?: NativeReply): Saying => ({
  bytes,
  ...(native && { native: native.bytes }),
});

/**
 * Writes an answer down: at once, or while its stream passes. `kept` gets the entry when the answer is complete; a stream
 * that failed, was left by its reader, or is too large is forgotten.
 */
export function recorded<One extends Reply>(
  reply: One,
  clock: Clock,
  times: () => Times,
  kept: (entry: Entry) => void,
): One {
  if (reply.kind === 'stream') return recordedStream(reply, clock, times, kept) as One; // a stream stays one
  const native = nativeOf(reply)?.bytes.length ?? 0;
  if (reply.bytes.length + native <= MOST_ENTRY_BYTES) kept(entryOf(reply, times()));
  return reply;
}

function recordedStream(
  reply: Stream,
  clock: Clock,
  times: () => Times,
  kept: (entry: Entry) => void,
): Stream {
  let pieces: Piece[] | null = [];
  let bytes = 0;
  let dialect: string | undefined;
  let last = clock.now();
  const note = (frame: Frame) => {
    if (!pieces) return;
    const { native } = frame;
    const saying = sayingOf(frame.bytes, native);
    bytes += saying.bytes.length + (saying.native?.length ?? 0);
    if (bytes > MOST_ENTRY_BYTES) {
      pieces = null;
      return;
    }
    dialect ??= native?.dialect;
    const now = clock.now();
    pieces.push({ ...saying, afterMs: Math.round(now - last) });
    last = now;
  };
  onFinish(reply, ({ error, abandoned }) => {
    if (error || abandoned || !pieces) return;
    kept({ ...about(reply, times()), ...(dialect !== undefined && { dialect }), said: pieces });
  });
  return { ...reply, frames: noted(reply.frames, note) };
}

function noted(frames: AsyncIterable<Frame>, note: (frame: Frame) => void): AsyncIterable<Frame> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = frames[Symbol.asyncIterator]();
      return {
        async next() {
          const step = await iterator.next();
          if (!step.done) note(step.value);
          return step;
        },
        return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}
