import { createConnection } from 'node:net';
import { CONTENT_MARK, type RequestTemplate } from './payload.ts';

/** How one request went. Times are milliseconds of `performance.now()`. */
export interface Exchange {
  /** The HTTP status, 0 where the connection ended before one came. */
  status: number;
  /** The reply ended as it should: all its bytes, and `[DONE]` where it was a stream. */
  whole: boolean;
  sentAt: number;
  endedAt: number;
  /** When the first content arrived; `null` without streaming. */
  contentAt: number | null;
  /** Pieces in which a stream arrived. */
  pieces: number;
}

/** One keep-alive connection that sends one request at a time. */
export interface Connection {
  readonly busy: boolean;
  /** The exchange fills as the answer comes. */
  send(counter: number, done: (exchange: Exchange) => void): Exchange;
  close(): void;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const END_OF_CHUNKS = Buffer.from('\r\n0\r\n\r\n');
const CONTENT = Buffer.from(CONTENT_MARK);
const DONE = Buffer.from('[DONE]');
const TAIL_BYTES = 64;

/** Plain sockets and just enough HTTP/1.1: an HTTP client would cost more than the server under test. */
export async function connect(port: number, { bytes, counterAt }: RequestTemplate): Promise<Connection> {
  const request = Buffer.from(bytes); // its own copy: the counter in it changes
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  let current: { exchange: Exchange; done: (exchange: Exchange) => void } | null = null;
  let head: Buffer | null = null;
  let left: number | 'chunked' | null = null;
  let tail: Buffer = Buffer.alloc(0);

  const finish = (whole: boolean) => {
    if (!current) return;
    const { exchange, done } = current;
    current = null;
    left = null;
    exchange.whole = whole;
    exchange.endedAt = performance.now();
    done(exchange);
  };
  const body = (piece: Buffer, exchange: Exchange) => {
    if (typeof left === 'number') {
      left -= piece.length;
      if (left <= 0) finish(left === 0);
      return;
    }
    exchange.pieces += 1;
    const seen = tail.length > 0 ? Buffer.concat([tail, piece]) : piece;
    if (exchange.contentAt === null && seen.includes(CONTENT)) exchange.contentAt = performance.now();
    tail = seen.subarray(-TAIL_BYTES);
    if (tail.subarray(-END_OF_CHUNKS.length).equals(END_OF_CHUNKS)) finish(tail.includes(DONE));
  };
  socket.on('data', (piece) => {
    if (!current) return;
    if (left !== null) return body(piece, current.exchange);
    const all: Buffer = head ? Buffer.concat([head, piece]) : piece;
    const end = all.indexOf(END_OF_HEAD);
    head = end < 0 ? all : null;
    if (end < 0) return;
    const text = all.toString('latin1', 0, end);
    const length = /\ncontent-length: *(\d+)/i.exec(text)?.[1];
    current.exchange.status = Number(text.slice(9, 12));
    left = length === undefined ? 'chunked' : Number(length);
    tail = Buffer.alloc(0);
    const rest = all.subarray(end + END_OF_HEAD.length);
    if (rest.length > 0 || left === 0) body(rest, current.exchange);
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => finish(false));

  return {
    get busy() {
      return current !== null || socket.destroyed;
    },
    send(counter, done) {
      if (counterAt >= 0) request.write(String(counter).padStart(12, '0'), counterAt, 'latin1');
      const sentAt = performance.now();
      const exchange: Exchange = { status: 0, whole: false, sentAt, endedAt: 0, contentAt: null, pieces: 0 };
      current = { exchange, done };
      if (!socket.destroyed) socket.write(request);
      else setImmediate(finish, false); // as if it had closed just now
      return exchange;
    },
    close: () => socket.destroy(),
  };
}
