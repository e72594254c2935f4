import cluster, { type Worker } from 'node:cluster';
import { type Clock, type Log, systemClock } from '@inferbridge/core';
import { isOver, type Ledger } from '@inferbridge/plugins';
import { ConfigError } from '../config/config-error.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { createReservations, type Reservations } from './reservations.ts';

export interface PrimaryOptions {
  readonly count: number;
  /** What callers have used, for all workers. */
  readonly ledger: Ledger;
  /** An account was deleted. */
  readonly purge: () => void;
  readonly log: Log;
  readonly clock?: Clock;
}

/** The processes that serve, and what they have in common. */
export interface Workers {
  /** Resolves when all of them serve; rejects where one cannot. */
  serve(): Promise<string>;
  /** Each writes the rows that wait. */
  flush(): Promise<void>;
  /** Cached answers of this owner are forgotten by all. */
  forgetCached(owner: string): void;
  /** SIGTERM to each; resolves when all have ended, with the worst of their codes. */
  stop(): Promise<number>;
  kill(): void;
}

const FLUSH_PATIENCE_MS = 400;
/** One that dies sooner than this after its start is started again ever more slowly. */
const YOUNG_MS = 10_000;
const LONGEST_PAUSE_MS = 10_000;

/** Starts this program again as many times as asked, each with the same port. */
export function startWorkers({ count, ledger, purge, log, clock = systemClock }: PrimaryOptions): Workers {
  const serving = new Set<number>();
  const reserved = new Map<number, Reservations>();
  const flushes = new Map<number, { readonly wanted: Set<number>; readonly done: () => void }>();
  let lastFlush = 0;
  let stopping = false;
  let started = false;
  let early = 0;

  const workers = (): readonly Worker[] =>
    Object.values(cluster.workers ?? {}).filter((one) => one !== undefined);
  const tell = (worker: Worker, message: ToWorker) => {
    if (worker.isConnected()) worker.send(message);
  };
  const others = (than: Worker | null) => workers().filter(({ id }) => id !== than?.id);

  const flush = (except: Worker | null): Promise<void> => {
    const asked = others(except).filter(({ id }) => serving.has(id));
    if (asked.length === 0) return Promise.resolve();
    lastFlush += 1;
    const id = lastFlush;
    return new Promise((resolve) => {
      const timer = clock.setTimeout(() => done(), FLUSH_PATIENCE_MS);
      const done = () => {
        clock.clearTimeout(timer);
        flushes.delete(id);
        resolve();
      };
      flushes.set(id, { wanted: new Set(asked.map((worker) => worker.id)), done });
      for (const worker of asked) tell(worker, { kind: 'flush', id });
    });
  };
  const flushed = (worker: Worker, id: number) => {
    const waiting = flushes.get(id);
    waiting?.wanted.delete(worker.id);
    if (waiting?.wanted.size === 0) waiting.done();
  };

  const heard = async (worker: Worker, message: FromWorker): Promise<void> => {
    const own = reserved.get(worker.id) ?? createReservations(clock);
    reserved.set(worker.id, own);
    if (message.kind === 'take') {
      const { id, asking } = message;
      const asked = Promise.resolve(ledger.take(asking));
      own.put(
        id,
        asking,
        asked.then((answer) => (isOver(answer) ? null : answer)),
      );
      const answer = await asked;
      if (isOver(answer)) own.take(id);
      tell(worker, { kind: 'taken', id, over: isOver(answer) ? answer : null });
    } else if (message.kind === 'settle') {
      const { id, tokens, spent, requests } = message;
      const reservation = await own.take(id); // it may be settled before it is known that it was had
      reservation?.settle(tokens, spent, requests);
    } else if (message.kind === 'forget') for (const one of others(worker)) tell(one, message);
    else if (message.kind === 'purge') purge();
    else if (message.kind === 'flush') {
      await flush(worker);
      tell(worker, { kind: 'flushed', id: message.id });
    } else if (message.kind === 'flushed') flushed(worker, message.id);
  };

  const fork = () => {
    const at = clock.now();
    const worker = cluster.fork();
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'serving') serving.add(worker.id);
      heard(worker, message).catch((error: unknown) =>
        log.error({ err: error }, 'a message of a worker was lost'),
      );
    });
    worker.on('exit', (code, signal) => {
      serving.delete(worker.id);
      reserved.delete(worker.id); // what it had reserved counts as used: nobody knows what became of it
      for (const [id] of flushes) flushed(worker, id);
      if (stopping || !started) return;
      early = clock.now() - at < YOUNG_MS ? early + 1 : 0;
      // one that ended well was told to: so will this process be, in a moment
      const pauseMs = Math.min(LONGEST_PAUSE_MS, early === 0 && code !== 0 ? 0 : 100 * 2 ** early);
      log.error({ pid: worker.process.pid, code, signal, pauseMs }, 'a worker ended; another one is started');
      clock.setTimeout(() => {
        if (!stopping) fork();
      }, pauseMs);
    });
    return worker;
  };

  const ended = (worker: Worker): Promise<number> =>
    new Promise((resolve) => {
      if (worker.isDead()) return resolve(worker.process.exitCode ?? 0);
      worker.once('exit', (code, signal) => resolve(signal === 'SIGTERM' ? 0 : (code ?? 1)));
    });

  return {
    async serve() {
      cluster.setupPrimary({ serialization: 'advanced' }); // numbers as they are
      const all = Array.from({ length: count }, fork);
      const up = all.map(
        (worker) =>
          new Promise<string>((resolve, reject) => {
            worker.on('message', (message: FromWorker) => {
              if (message.kind === 'serving') resolve(message.url);
            });
            worker.once('exit', () =>
              reject(new ConfigError(['workers: one of them could not start; see above'])),
            );
          }),
      );
      const [url = ''] = await Promise.all(up);
      started = true;
      return url;
    },
    flush: () => flush(null),
    forgetCached(owner) {
      for (const worker of workers()) tell(worker, { kind: 'forgetCached', owner });
    },
    async stop() {
      stopping = true;
      const codes = workers().map((worker) => {
        const code = ended(worker);
        worker.process.kill('SIGTERM');
        return code;
      });
      return Math.max(0, ...(await Promise.all(codes)));
    },
    kill() {
      stopping = true;
      for (const worker of workers()) worker.process.kill('SIGKILL');
    },
  };
}
