import { createServer, type Socket } from 'node:net';
import { completion, completionPieces, message, messagePieces, STREAM_EVENTS } from './payload.ts';

/*
 * The upstream, a process of its own: answers at once, over plain sockets, so that it costs as little of its core as
 * can be and never is what is measured. `/v1/messages` gets Anthropic's form, everything else OpenAI's. What a prompt
 * wishes for between angle brackets is done: `events 2000` in a stream, `spoken 50` as a model speaks, `slow` ones, a
 * `wait` before the reply, a `flood`.
 */

/** Pause between two pieces of a stream, long enough for each to be a segment of its own. */
const GAP_MS = 5;
/** Fifty events a second. */
const SPOKEN_TURNS = 4;
/** Streams with more events than the usual ones send several in each turn, so that they take about as long. */
const TURNS = STREAM_EVENTS;
/** A slow stream sends a piece in one of so many turns. */
const SLOW_TURNS = 200;
const WAIT_MS = 1_500;
/** Bytes of a flood, as fast as they are taken. */
const FLOOD_BYTES = 64 * 1024 * 1024;
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const STREAM = Buffer.from('"stream":true');
const WISH = /<(events|spoken|slow|wait|flood)(?: (\d+))?>/;
const OPENING = '<'.charCodeAt(0);
/** A wish stands at the beginning. */
const LOOKED_AT = 512;

const whole = (body: string): Buffer =>
  Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const streamed = ([first = '', ...rest]: readonly string[]): readonly Buffer[] => {
  const last = rest.length - 1;
  return [
    Buffer.from(HEAD + chunk(first)),
    ...rest.map((piece, at) => Buffer.from(chunk(piece) + (at === last ? '0\r\n\r\n' : ''))),
  ];
};

const made = new Map<string, readonly Buffer[]>();
const piecesOf = (dialect: 'openai' | 'anthropic', events: number): readonly Buffer[] => {
  const key = `${dialect} ${events}`;
  const pieces =
    made.get(key) ?? streamed(dialect === 'anthropic' ? messagePieces(events) : completionPieces(events));
  made.set(key, pieces);
  return pieces;
};
const replies = { openai: whole(completion()), anthropic: whole(message()) };

interface Open {
  readonly socket: Socket;
  readonly pieces: readonly Buffer[];
  readonly perTurn: number;
  /** A turn in so many. */
  readonly every: number;
  /** Which one of those. */
  readonly from: number;
  next: number;
}

let calls = 0;
let flooded = 0;
let begun = 0;
let tick = 0;
/** By the millisecond of the gap in which they send, so that streams do not all send at once. */
const phases = Array.from({ length: GAP_MS }, () => new Set<Open>());

setInterval(() => {
  tick += 1;
  const open = phases[tick % GAP_MS] ?? new Set();
  const turn = Math.floor(tick / GAP_MS);
  for (const stream of open) {
    if ((turn + stream.from) % stream.every !== 0) continue;
    for (let n = 0; n < stream.perTurn; n++) {
      const piece = stream.pieces[stream.next++];
      if (piece && !stream.socket.destroyed) stream.socket.write(piece);
      else open.delete(stream);
    }
  }
}, 1);

/** Content without end, at the pace at which it is taken. */
function flood(socket: Socket): void {
  const piece = Buffer.from(chunk((completionPieces(1)[0] ?? '').repeat(64)));
  let left = FLOOD_BYTES;
  const pour = () => {
    while (left > 0 && !socket.destroyed) {
      left -= piece.length;
      flooded += piece.length;
      if (!socket.write(piece)) return void socket.once('drain', pour);
    }
    if (!socket.destroyed) socket.write('0\r\n\r\n');
  };
  socket.write(HEAD);
  pour();
}

function answer(socket: Socket, head: string, body: Buffer): void {
  calls += 1;
  const dialect = head.startsWith('POST /v1/messages') ? 'anthropic' : 'openai';
  const start = body.subarray(0, LOOKED_AT);
  const [, wish, count] = start.includes(OPENING) ? (WISH.exec(start.toString('latin1')) ?? []) : [];
  if (!body.includes(STREAM)) {
    if (wish !== 'wait') return void socket.write(replies[dialect]);
    setTimeout(() => socket.write(replies[dialect]), WAIT_MS);
    return;
  }
  if (wish === 'flood') {
    flood(socket);
    return;
  }
  const events = wish === 'events' || wish === 'spoken' ? Number(count) : STREAM_EVENTS;
  const pieces = piecesOf(dialect, events);
  socket.write(pieces[0] ?? '');
  const perTurn = Math.max(1, Math.round(events / TURNS));
  const every = wish === 'slow' ? SLOW_TURNS : wish === 'spoken' ? SPOKEN_TURNS : 1;
  begun += 1;
  phases[begun % GAP_MS]?.add({
    socket,
    pieces,
    perTurn,
    every,
    from: Math.floor(begun / GAP_MS),
    next: 1,
  });
}

const server = createServer({ noDelay: true }, (socket) => {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let wanted = 0;
  socket.on('error', () => socket.destroy());
  socket.on('data', (piece) => {
    held.push(piece);
    heldBytes += piece.length;
    if (heldBytes < wanted) return;
    let bytes = held.length === 1 ? piece : Buffer.concat(held);
    wanted = 0;
    while (bytes.length > 0) {
      const end = bytes.indexOf(END_OF_HEAD);
      if (end < 0) break;
      const head = bytes.toString('latin1', 0, end);
      const from = end + END_OF_HEAD.length;
      const until = from + Number(/\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      wanted = until;
      if (bytes.length < until) break;
      answer(socket, head, bytes.subarray(from, until));
      bytes = bytes.subarray(until);
      wanted = 0;
    }
    held = bytes.length > 0 ? [bytes] : [];
    heldBytes = bytes.length;
  });
});

server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
});
process.on('message', () => process.send?.({ calls, flooded }));
process.on('disconnect', () => process.exit(0));
