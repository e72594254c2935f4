/** A pending timer, as `Clock.setTimeout` returns it; opaque to everybody but its clock. */
export type Timer = unknown;

/** Where time comes from. Injected everywhere, so that tests and simulations run on a clock of their own. */
export interface Clock {
  /** Milliseconds that only ever grow; for durations and deadlines, meaningless as a date. */
  now(): number;
  /** Milliseconds since 1970 (UTC), microseconds as fraction; for what is shown or stored. */
  wall(): number;
  setTimeout(fn: () => void, ms: number): Timer;
  clearTimeout(timer: Timer): void;
}

/** The process need not wait for this one; a Node timer can be let go of, others have nothing to keep. */
export const letGo = (timer: Timer): void => (timer as { unref?: () => void } | null)?.unref?.();

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall() {
    const ms = performance.now();
    return Date.now() + ms - Math.floor(ms); // `%` is a division in software
  },
  setTimeout: (fn, ms) => setTimeout(fn, Math.min(Math.ceil(ms) + 1, 2_147_483_647)),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout), // only ever given what setTimeout above returned
};

/** Resolves after `ms`, or rejects with the signal's reason as soon as that aborts; leaves no timer behind. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = clock.setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    const abort = () => {
      clock.clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
  });
}

/**
 * The same promise, but for one that does not end when its signal aborts: this one then rejects with the reason. What
 * the other comes to is nobody's any more.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    const over = () => signal.removeEventListener('abort', abort);
    Promise.resolve(promise).then(
      (value) => {
        over();
        resolve(value);
      },
      (error) => {
        over();
        reject(error);
      },
    );
  });
}

/** A controller that aborts when its parent does, with the parent's reason. */
export function linked(parent: AbortSignal): AbortController {
  const controller = new AbortController();
  if (parent.aborted) controller.abort(parent.reason);
  else parent.addEventListener('abort', () => controller.abort(parent.reason), { once: true });
  return controller;
}
