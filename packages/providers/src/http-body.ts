import { createPieces, GatewayError } from '@inferbridge/core';

/** How much of a body may wait for its reader before the upstream is told to pause. */
const HIGH_WATER_BYTES = 256 * 1024;
/** A reply without streaming that is larger is refused. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Who is woken in the next turn of the event loop. */
let waking: (() => void)[] = [];

/**
 * Readers are woken together, when all sockets have been read on which something had come: what each of them does is
 * then done for many in a row, which is far cheaper than each for itself.
 */
function nextTurn(wake: () => void): void {
  if (waking.push(wake) > 1) return;
  setImmediate(() => {
    const now = waking;
    waking = [];
    for (const one of now) one();
  });
}

/** Bytes up to which pieces that came together are put together. */
const MOST_JOINED = 65_536;

export interface Valve {
  pause(): void;
  resume(): void;
  /** The reader left before the end. */
  leave(): void;
}

/** A response body between the socket that fills it and the reader who empties it, at the reader's pace. */
export function createBody(valve: Valve) {
  const queue: Uint8Array[] = [];
  let queued = 0;
  let paused = false;
  let ended = false;
  let failure: { reason: unknown } | null = null;
  let wake: (() => void) | null = null;

  const ring = () => {
    if (wake) nextTurn(wake);
    wake = null;
  };
  const taken = (): Uint8Array | undefined => {
    const [only] = queue;
    if (only === undefined) return undefined;
    // what came together goes on together
    const piece = queue.length > 1 && queued <= MOST_JOINED ? Buffer.concat(queue, queued) : only;
    if (piece === only) queue.shift();
    else queue.length = 0;
    queued -= piece.length;
    if (paused && queued < HIGH_WATER_BYTES / 2) {
      paused = false;
      valve.resume();
    }
    return piece;
  };
  /** What there is for a reader now, if anything. */
  const step = (): IteratorResult<Uint8Array, undefined> | null => {
    const piece = taken();
    if (piece) return { done: false, value: piece };
    if (failure) throw failure.reason;
    return ended ? { done: true, value: undefined } : null;
  };
  /** Resolves with what `look` finds, now or when there is more. */
  const whenThere = <T>(look: () => T | null): Promise<T> =>
    new Promise((resolve, reject) => {
      const again = () => {
        try {
          const found = look();
          if (found !== null) resolve(found);
          else wake = again;
        } catch (error) {
          reject(error);
        }
      };
      again();
    });
  const leave = () => {
    queue.length = 0;
    if (ended || failure) return;
    ended = true;
    valve.leave();
  };
  const pieces = new Steps({
    next: () => whenThere(step),
    async return() {
      leave();
      return { done: true, value: undefined };
    },
  });
  return {
    push(piece: Uint8Array) {
      if (ended || failure) return;
      queue.push(piece);
      queued += piece.length;
      if (!paused && queued > HIGH_WATER_BYTES) {
        paused = true;
        valve.pause();
      }
      ring();
    },
    end() {
      ended = true;
      ring();
    },
    fail(reason: unknown) {
      if (ended || failure) return;
      failure = { reason };
      ring();
    },
    pieces,
    bytes(limit = MOST_BYTES): Promise<Uint8Array> {
      const all = createPieces();
      return whenThere(() => {
        for (let found = step(); found; found = step()) {
          if (found.done) return all.whole();
          if (all.push(found.value) <= limit) continue;
          leave();
          throw tooLarge(limit);
        }
        return null;
      });
    },
  };
}

/** A class, since a literal with a computed key is made the slow way. */
class Steps implements AsyncIterable<Uint8Array> {
  readonly #iterator: AsyncIterator<Uint8Array, undefined, undefined>;

  constructor(iterator: AsyncIterator<Uint8Array, undefined, undefined>) {
    this.#iterator = iterator;
  }

  [Symbol.asyncIterator]() {
    return this.#iterator;
  }
}

const tooLarge = (limit: number): GatewayError =>
  new GatewayError('malformed', `the upstream's answer is larger than ${limit} bytes`, {
    code: 'upstream_too_large',
  });

/** All pieces as one; refuses more than `limit` bytes and leaves then. */
export async function gather(iterator: AsyncIterator<Uint8Array>, limit = MOST_BYTES): Promise<Uint8Array> {
  const pieces = createPieces();
  for (;;) {
    const { done, value } = await iterator.next();
    if (done) return pieces.whole();
    if (pieces.push(value) <= limit) continue;
    await iterator.return?.();
    throw tooLarge(limit);
  }
}
