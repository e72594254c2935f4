import { Worker } from 'node:worker_threads';
import { type Connection, connect, type Exchange } from './client.ts';
import type { Job, Outcome } from './job.ts';
import { requestTemplate } from './payload.ts';
import { quantile } from './stats.ts';

/* The load generator, a process of its own: one job at a time, told and answered over IPC. */

let counter = 0;

/** So many connections, each asking again as soon as it is answered: how much goes through. */
async function closedLoop(job: Job): Promise<Outcome> {
  const template = templateOf(job);
  const all = await Promise.all(Array.from({ length: job.connections }, () => connect(job.port, template)));
  const tally = createTally(job);
  const startedAt = performance.now();
  const until = startedAt + job.seconds * 1000;
  const loop = (connection: Connection) =>
    new Promise<void>((resolve) => {
      const next = () => {
        if (performance.now() >= until) return resolve();
        connection.send(counter++, (exchange) => {
          tally.add(exchange, exchange.sentAt);
          if (exchange.status === 0) resolve();
          else next();
        });
      };
      next();
    });
  await Promise.all(
    all.map(async (connection, at) => {
      // streams that began together would end together
      if (job.stream) await new Promise((resolve) => setTimeout(resolve, (at * 500) / all.length));
      await loop(connection);
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  for (const connection of all) connection.close();
  return tally.outcome(seconds);
}

/**
 * A constant rate, whatever the answers do: how long a caller waits. Each wait counts from the moment at which the
 * request was due, so that a server that stalls is charged for those that queued behind it.
 */
async function openLoop(job: Job): Promise<Outcome> {
  const rate = job.rate ?? 500;
  const count = Math.round(rate * job.seconds);
  const template = templateOf(job);
  const all = await Promise.all(Array.from({ length: job.connections }, () => connect(job.port, template)));
  const tally = createTally(job);
  const waiting: number[] = [];
  const ticker = new Worker(new URL('./ticker.ts', import.meta.url), {
    workerData: { gapMs: 1000 / rate, count },
  });
  const startedAt = performance.now();
  let answered = 0;
  await new Promise<void>((resolve) => {
    const send = (dueAt: number) => {
      const free = all.find((connection) => !connection.busy);
      if (!free) return void waiting.push(dueAt);
      free.send(counter++, (exchange) => {
        tally.add(exchange, dueAt);
        answered += 1;
        if (answered === count) return resolve();
        const next = waiting.shift();
        if (next !== undefined) send(next);
      });
    };
    ticker.on('message', (dueAt: number) => send(dueAt - performance.timeOrigin));
    setTimeout(resolve, job.seconds * 1000 + 20_000).unref(); // bounded whatever happens; the counts will tell
  });
  const seconds = (performance.now() - startedAt) / 1000;
  await ticker.terminate();
  for (const connection of all) connection.close();
  return tally.outcome(seconds);
}

const templateOf = ({ events, spoken, ...job }: Job) =>
  requestTemplate({
    ...job,
    ...(events !== undefined && { wish: `${spoken ? 'spoken' : 'events'} ${events}` }),
  });

function createTally({ stream }: Job) {
  const waits: number[] = [];
  const refused: Record<string, number> = {};
  let ok = 0;
  let broken = 0;
  let pieces = 0;
  return {
    add({ status, whole, endedAt, contentAt, pieces: came }: Exchange, from: number) {
      pieces += came;
      if (status < 200 || status > 299) refused[status] = (refused[status] ?? 0) + 1;
      else if (!whole) broken += 1;
      else ok += 1;
      waits.push((stream ? (contentAt ?? Number.POSITIVE_INFINITY) : endedAt) - from);
    },
    outcome: (seconds: number): Outcome => ({
      ok,
      refused,
      broken,
      seconds,
      pieces,
      p50: quantile(waits, 0.5),
      p99: quantile(waits, 0.99),
    }),
  };
}

process.on('message', (job: Job) => {
  (job.rate === undefined ? closedLoop(job) : openLoop(job)).then(
    (outcome) => process.send?.(outcome),
    (error: unknown) => {
      process.stderr.write(`load: ${error instanceof Error ? error.stack : error}\n`);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ port: 0 });
