import { GatewayError } from '@inferbridge/core';

/** How much of a body may wait for its reader before the upstream is told to pause. */
const HIGH_WATER_BYTES = 256 * 1024;
/** A reply without streaming that is larger is refused. */
const MOST_BYTES = 64 * 1024 * 1024;

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
    wake?.();
    wake = null;
  };
  const iterator: AsyncIterator<Uint8Array, undefined, undefined> = {
    async next() {
      for (;;) {
        const piece = queue.shift();
        if (piece) {
          queued -= piece.length;
          if (paused && queued < HIGH_WATER_BYTES / 2) {
            paused = false;
            valve.resume();
          }
          return { done: false, value: piece };
        }
        if (failure) throw failure.reason;
        if (ended) return { done: true, value: undefined };
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async return() {
      queue.length = 0;
      if (!ended && !failure) {
        ended = true;
        valve.leave();
      }
      return { done: true, value: undefined };
    },
  };
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
    pieces: { [Symbol.asyncIterator]: () => iterator } satisfies AsyncIterable<Uint8Array>,
    bytes: (limit = MOST_BYTES) => gather(iterator, limit),
  };
}

/** All pieces as one; refuses more than `limit` bytes and leaves then. */
export async function gather(iterator: AsyncIterator<Uint8Array>, limit = MOST_BYTES): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await iterator.next();
    if (done) break;
    length += value.length;
    if (length > limit) {
      await iterator.return?.();
      throw new GatewayError('malformed', `the upstream's answer is larger than ${limit} bytes`, {
        code: 'upstream_too_large',
      });
    }
    pieces.push(value);
  }
  const [only] = pieces;
  return only && pieces.length === 1 ? only : Buffer.concat(pieces, length);
}
