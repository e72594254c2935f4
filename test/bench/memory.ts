import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Program } from './child.ts';
import { type Connection, connect, type Exchange } from './client.ts';
import { rssMegabytes } from './cpu.ts';
import { type BenchGateway, signUp, startGateway, temporaryFolder } from './gateway.ts';
import { requestTemplate } from './payload.ts';

/** What is held while much is on its way, in megabytes (10^6 bytes). */
export interface Memory {
  readonly streams: number;
  /** Resident, with so many streams open. */
  readonly withStreams: number;
  /** For each of the bodies of 1 MB that were on their way together. */
  readonly perBody: number;
  readonly readers: number;
  /** Grown by all the readers who had stopped to read streams that are as long as can be. */
  readonly byReaders: number;
  /** What the upstream could send to each of them. */
  readonly sentToEach: number;
}

const MODEL = 'ib/balanced';
const BODIES = 16;
/** As a server that has been there before its clients; and how long they stay. */
const TIMES = { restMs: 2_500, holdMs: 3_000 };
const SHORT_TIMES: typeof TIMES = { restMs: 1_200, holdMs: 1_000 };
const MEGABYTE = 1_048_576;

/** Each in a gateway of its own, since none gives back what it has had. */
export async function memory(upstream: Program, { quick }: { readonly quick: boolean }): Promise<Memory> {
  const [streams, readers] = quick ? [50, 3] : [1_000, 20];
  const times = quick ? SHORT_TIMES : TIMES;
  const inFresh = fresh(upstream, times.restMs);
  const withStreams = await inFresh((gateway, key) => openStreams(gateway, key, streams, times.holdMs));
  const perBody = await inFresh(bodies);
  const [byReaders, sentToEach] = await inFresh((gateway, key) =>
    slowReaders(gateway, key, readers, times.holdMs, upstream),
  );
  return { streams, withStreams, perBody, readers, byReaders, sentToEach };
}

const fresh =
  (upstream: Program, restMs: number) =>
  async <Found>(measure: (gateway: BenchGateway, key: string) => Promise<Found>): Promise<Found> => {
    const { dir, remove } = temporaryFolder();
    const gateway = await startGateway({ upstreamPort: upstream.port, dir });
    try {
      const key = await signUp(gateway);
      await sleep(restMs);
      return await measure(gateway, key);
    } finally {
      await gateway.stop();
      remove();
    }
  };

async function openStreams(
  { port, pid }: BenchGateway,
  key: string,
  count: number,
  holdMs: number,
): Promise<number> {
  const template = requestTemplate({ model: MODEL, stream: true, key, port, wish: 'slow' });
  const all: Connection[] = [];
  const exchanges: Exchange[] = [];
  for (let n = 0; n < count; n++) {
    const connection = await connect(port, template);
    exchanges.push(connection.send(n, () => {}));
    all.push(connection);
  }
  let most = 0;
  for (const until = performance.now() + holdMs; performance.now() < until; await sleep(100))
    most = Math.max(most, rssMegabytes(pid));
  const open = exchanges.filter(
    ({ status, contentAt, endedAt }) => status === 200 && contentAt !== null && endedAt === 0,
  );
  if (open.length < count) throw new Error(`only ${open.length} of ${count} streams were open`);
  for (const connection of all) connection.close();
  return most;
}

/** At most, while they wait for their replies, over what it was after a few of them one by one. */
async function bodies({ port, pid }: BenchGateway, key: string): Promise<number> {
  const one = (wish?: string) =>
    requestTemplate({ model: MODEL, stream: false, key, port, bytes: MEGABYTE, ...(wish && { wish }) });
  const ask = async (template: ReturnType<typeof one>) => {
    const connection = await connect(port, template);
    const { status } = await new Promise<{ status: number }>((resolve) => connection.send(0, resolve));
    connection.close();
    if (status !== 200) throw new Error(`a body of 1 MB was answered with ${status}`);
  };
  for (let n = 0; n < 3; n++) await ask(one());
  await sleep(500);
  const before = rssMegabytes(pid);
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, rssMegabytes(pid));
  }, 5);
  await Promise.all(Array.from({ length: BODIES }, () => ask(one('wait'))));
  clearInterval(watch);
  return (most - before) / BODIES;
}

/** They read the first content and nothing more. */
async function slowReaders(
  { port, pid }: BenchGateway,
  key: string,
  count: number,
  holdMs: number,
  upstream: Program,
): Promise<[number, number]> {
  const { bytes } = requestTemplate({ model: MODEL, stream: true, key, port, wish: 'flood' });
  const sent = async () => (await upstream.ask<{ flooded: number }>({})).flooded;
  const before = rssMegabytes(pid);
  const sentBefore = await sent();
  const sockets = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createConnection>>((resolve, reject) => {
          const socket = createConnection({ port, host: '127.0.0.1' }, () => socket.write(bytes));
          socket.once('error', reject);
          socket.once('data', (piece) => {
            socket.pause();
            if (piece.toString('latin1', 9, 12) === '200') resolve(socket);
            else reject(new Error(`a reader was answered with ${piece.toString('latin1', 0, 40)}`));
          });
        }),
    ),
  );
  await sleep(holdMs);
  const held = rssMegabytes(pid) - before;
  const each = (await sent()) - sentBefore;
  for (const socket of sockets) socket.destroy();
  return [held, each / count / 1_000_000];
}
