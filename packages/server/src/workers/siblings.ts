import { type Clock, type Log, systemClock } from '@inferbridge/core';
import { type Answer, createGuard, type Ledger } from '@inferbridge/plugins';
import type { FromWorker, ToWorker } from './messages.ts';

/** The other processes that serve the same data directory, if there are any. */
export interface Siblings {
  /** How many serve. */
  readonly count: number;
  /** What callers have used, for all of them; `null` where this process alone knows. */
  readonly ledger: Ledger | null;
  /** Retention and the like are somebody else's. */
  readonly housekeeping: boolean;
  /** A user's keys or limits have changed. */
  forget(user: string): void;
  /** An account was deleted: what is left of it goes as well. */
  purge(): void;
  /** Rows that wait in other processes are written; nobody waits for one that hangs. */
  flush(): Promise<void>;
  /** What is cached of this owner goes in every process. */
  forgetCached(owner: string): void;
  /** What the others tell. */
  listen(to: Listener): void;
}

export interface Listener {
  forget(user: string): void;
  forgetCached(owner: string): void;
  flush(): Promise<void>;
}

/** Messages to and from the process that started this one. */
export interface Line {
  send(message: FromWorker): void;
  hear(on: (message: ToWorker) => void): void;
}

/** Beyond it rows of the others are read a little later. */
const FLUSH_PATIENCE_MS = 500;
const LEDGER_PATIENCE_MS = 250;

export function siblingsOver(line: Line, count: number, log: Log, clock: Clock = systemClock): Siblings {
  const guard = createGuard({
    what: 'the process that counts limits',
    clock,
    log,
    patienceMs: LEDGER_PATIENCE_MS,
  });
  const asked = new Map<number, (over: Extract<ToWorker, { kind: 'taken' }>['over']) => void>();
  const flushing = new Map<number, () => void>();
  let listener: Listener | null = null;
  let last = 0;
  line.hear((message) => {
    if (message.kind === 'taken') {
      asked.get(message.id)?.(message.over);
      asked.delete(message.id);
    } else if (message.kind === 'flushed') {
      flushing.get(message.id)?.();
    } else if (message.kind === 'forget') listener?.forget(message.user);
    else if (message.kind === 'forgetCached') listener?.forgetCached(message.owner);
    else if (message.kind === 'flush') {
      const done = () => line.send({ kind: 'flushed', id: message.id });
      void (listener?.flush() ?? Promise.resolve()).then(done, done);
    }
  });

  return {
    count,
    housekeeping: false,
    ledger: {
      async take(asking): Promise<Answer> {
        last += 1;
        const id = last;
        const settle = (tokens: number, spent: number, requests = 0) =>
          line.send({ kind: 'settle', id, tokens, spent, requests });
        const answer = () =>
          new Promise<Answer>((resolve) => {
            asked.set(id, (over) => resolve(over ?? { settle }));
            line.send({ kind: 'take', id, asking });
          });
        // let through where there is no answer; one that comes later is settled all the same
        return guard.run(answer, { settle });
      },
    },
    forget: (user) => line.send({ kind: 'forget', user }),
    purge: () => line.send({ kind: 'purge' }),
    forgetCached() {}, // told by the process that purges
    flush: () =>
      new Promise((resolve) => {
        last += 1;
        const id = last;
        const timer = clock.setTimeout(() => over(), FLUSH_PATIENCE_MS);
        const over = () => {
          clock.clearTimeout(timer);
          flushing.delete(id);
          resolve();
        };
        flushing.set(id, over);
        line.send({ kind: 'flush', id });
      }),
    listen(to) {
      listener = to;
    },
  };
}
