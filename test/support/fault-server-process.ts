/*
 * The process behind `fault-server.ts`: bare sockets, so that what no HTTP server would ever write can be written. Its
 * parent talks to it over IPC.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import type { Fault, FaultedRequest, Order, Step } from './fault-server.ts';

const BACKLOG = Number(process.argv[2] ?? 512);
const HEAD_END = Buffer.from('\r\n\r\n');
const FILL_BYTES = 65_536;

let script: Fault[] = [];
let requests: FaultedRequest[] = [];
let connections = 0;
let port = 0;
const sockets = new Set<Socket>();

const next = (): Fault | undefined => (script.length > 1 ? script.shift() : script[0]);

const server = createServer((socket) => {
  const connection = ++connections;
  const mine: FaultedRequest[] = [];
  let held: Buffer = Buffer.alloc(0);
  sockets.add(socket);
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.on('close', () => {
    sockets.delete(socket);
    for (const request of mine) request.closedAt = Date.now();
  });
  if (script[0]?.on === 'accept') {
    const fault = next();
    if (fault) void perform(socket, fault);
    return;
  }
  socket.on('data', (piece: Buffer) => {
    held = Buffer.concat([held, piece]);
    for (let request = whole(); request; request = whole()) {
      mine.push(request);
      requests.push(request);
      const fault = next();
      if (fault) void perform(socket, fault);
    }
  });
  /** The next request that has come whole; the gateway always says how long its body is. */
  const whole = (): FaultedRequest | null => {
    const end = held.indexOf(HEAD_END);
    if (end < 0) return null;
    const head = held.subarray(0, end).toString('latin1');
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    const from = end + HEAD_END.length;
    if (held.length < from + length) return null;
    const body = held.subarray(from, from + length).toString('utf8');
    held = held.subarray(from + length);
    return { connection, head, body, closedAt: null };
  };
});

async function perform(socket: Socket, { steps, slice }: Fault): Promise<void> {
  for (const step of steps) {
    if (socket.destroyed) return;
    if ('waitMs' in step) await wait(step.waitMs);
    else if ('over' in step) {
      if (step.over === 'reset') socket.resetAndDestroy();
      else socket.end();
      return;
    } else await send(socket, step, slice);
  }
}

async function send(
  socket: Socket,
  step: Exclude<Step, { waitMs: number } | { over: string }>,
  slice: Fault['slice'],
): Promise<void> {
  if ('fill' in step) return fill(socket, step);
  const bytes = 'write' in step ? Buffer.from(step.write) : Buffer.from(step.bytes, 'base64');
  if (!slice) return void socket.write(bytes);
  for (let at = 0; at < bytes.length && !socket.destroyed; at += slice.bytes) {
    socket.write(bytes.subarray(at, at + slice.bytes));
    await (slice.gapMs > 0 ? wait(slice.gapMs) : turn());
  }
}

async function fill(socket: Socket, { fill: text, times }: { fill: string; times: number }): Promise<void> {
  const atOnce = Math.max(1, Math.floor(FILL_BYTES / Buffer.byteLength(text)));
  const block = Buffer.from(text.repeat(Math.min(times, atOnce)));
  for (let left = times; left > 0 && !socket.destroyed; left -= atOnce) {
    const piece = left >= atOnce ? block : Buffer.from(text.repeat(left));
    if (socket.write(piece)) continue;
    await drained(socket);
  }
}

/** Resolves when there is room again, or nobody who reads. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

/** Waits until nobody is connected any more. */
async function dropAll(): Promise<void> {
  const gone = [...sockets].map((socket) => once(socket, 'close'));
  for (const socket of sockets) socket.destroy();
  await Promise.all(gone);
}

async function obey({ type, faults = [] }: Order): Promise<unknown> {
  if (type === 'witnessed') return { connections, open: sockets.size, requests };
  if (type === 'up') return listen();
  if (type === 'down') {
    const closed = once(server, 'close');
    server.close();
    await dropAll();
    return void (await closed);
  }
  script = [];
  await dropAll();
  script = [...faults];
  requests = [];
  connections = 0;
  return undefined;
}

async function listen(): Promise<void> {
  server.listen({ port, host: '127.0.0.1', backlog: BACKLOG });
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port; // listening on a port
}

process.on('message', (order: Order) => {
  void obey(order).then((value) => process.send?.({ reply: order.reply, value }));
});
process.on('disconnect', () => process.exit(0));
await listen();
process.send?.({ port });
