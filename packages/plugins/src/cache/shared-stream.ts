import {
  asGatewayError,
  createEnding,
  type End,
  type Frame,
  type GatewayError,
  type Outcome,
  onFinish,
  type Stream,
} from '@inferbridge/core';

/** Beyond this nobody new is let in, and what all have read is let go. */
const MOST_HELD_BYTES = 4_194_304;

export interface ReaderOptions {
  /** Leaves when this aborts. */
  readonly signal: AbortSignal;
  /** What differs for this reader. */
  readonly about?: Partial<Pick<Outcome, 'cached' | 'cost'>>;
  /** Its reply has finished only when this has as well. */
  readonly until?: (end: End) => Promise<unknown>;
}

/** One upstream's stream for several readers: each gets it from its start, at its own pace. */
export interface SharedStream {
  /** Is what has come so far still there for a new reader? */
  open(): boolean;
  reader(options: ReaderOptions): Stream;
  /** Resolves when the upstream's stream is over, however it ended. */
  readonly over: Promise<End>;
}

interface Reader {
  /** The frame that it reads next. */
  at: number;
}

/**
 * The fastest reader pulls; a slow one holds the others back once too much waits for it. `empty` is told when the last
 * reader has left before the end.
 */
export function shareStream(reply: Stream, empty: () => void): SharedStream {
  const source = reply.frames[Symbol.asyncIterator]();
  const readers = new Set<Reader>();
  let frames: Frame[] = [];
  let first = 0;
  let bytes = 0;
  let whole = true;
  let end: { readonly error?: GatewayError } | null = null;
  let pulling: Promise<void> | null = null;
  let moved = Promise.withResolvers<void>();

  const pull = (): Promise<void> => {
    pulling ??= source
      .next()
      .then(
        (step) => {
          if (step.done) end = {};
          else {
            frames.push(step.value);
            bytes += step.value.bytes.length;
            if (bytes > MOST_HELD_BYTES) whole = false;
          }
        },
        (error: unknown) => {
          end = { error: asGatewayError(error) };
        },
      )
      .finally(() => {
        pulling = null;
      });
    return pulling;
  };

  /** Lets go of what everybody has read, where it is not kept for those who may come. */
  const move = () => {
    if (!whole) {
      const slowest = Math.min(...[...readers].map(({ at }) => at));
      const gone = frames.splice(0, Math.max(0, slowest - first));
      first += gone.length;
      bytes -= gone.reduce((sum, frame) => sum + frame.bytes.length, 0);
    }
    moved.resolve();
    moved = Promise.withResolvers();
  };

  const leave = (reader: Reader) => {
    if (!readers.delete(reader)) return;
    if (readers.size > 0) return move();
    whole = false;
    frames = [];
    if (end) return;
    empty();
    void Promise.resolve(source.return?.()).catch(() => {});
  };

  const step = async (reader: Reader): Promise<Frame | null> => {
    for (;;) {
      const frame = frames[reader.at - first];
      if (frame) {
        reader.at += 1;
        if (!whole) move();
        return frame;
      }
      if (end?.error) throw end.error;
      if (end) return null;
      const ahead = bytes > MOST_HELD_BYTES && [...readers].some(({ at }) => at < reader.at);
      await (ahead ? moved.promise : pull());
    }
  };

  return {
    open: () => whole && !end,
    over: new Promise((resolve) => onFinish(reply, resolve)),
    reader({ signal, about, until }) {
      const reader: Reader = { at: first };
      readers.add(reader);
      const ending = createEnding();
      const finish = (told: End) => {
        leave(reader);
        if (until) void until(told).then(() => ending.finish(told));
        else ending.finish(told);
      };
      let over: { readonly error?: GatewayError } | null = null;
      let giveUp: ((reason: GatewayError) => void) | null = null;
      const gone = () => {
        if (over) return;
        over = { error: asGatewayError(signal.reason) };
        finish({ abandoned: false, ...over });
        if (over.error) giveUp?.(over.error);
      };
      if (signal.aborted) gone();
      else signal.addEventListener('abort', gone, { once: true });
      const settle = (error?: GatewayError) => {
        if (over) return;
        over = error ? { error } : {};
        signal.removeEventListener('abort', gone);
        finish({ abandoned: false, ...over });
      };
      return {
        ...reply,
        ...about,
        ending,
        frames: {
          [Symbol.asyncIterator]: () => ({
            next: () =>
              new Promise((resolve, reject) => {
                if (over?.error) return reject(over.error);
                if (over) return resolve({ done: true, value: undefined });
                giveUp = reject;
                step(reader).then(
                  (frame) => {
                    if (frame) return resolve({ done: false, value: frame });
                    settle();
                    resolve({ done: true, value: undefined });
                  },
                  (error) => {
                    const failure = asGatewayError(error);
                    settle(failure);
                    reject(failure);
                  },
                );
              }),
            async return() {
              if (!over) {
                over = {};
                signal.removeEventListener('abort', gone);
                finish({ abandoned: true });
              }
              return { done: true, value: undefined };
            },
          }),
        },
      };
    },
  };
}
