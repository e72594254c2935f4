import { createServer, type Socket } from 'node:net';
import { completion, completionPieces, message, messagePieces } from './payload.ts';

/*
 * The upstream, a process of its own: answers at once, over plain sockets, so that it costs as little of its core as
 * can be and never is what is measured. `/v1/messages` gets Anthropic's form, everything else OpenAI's.
 */

/** Pause between two pieces of a stream, long enough for each to be a segment of its own. */
const GAP_MS = 5;
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const STREAM = Buffer.from('"stream":true');

const whole = (body: string): Buffer =>
  Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const streamed = ([first = '', ...rest]: readonly string[]): readonly Buffer[] => {
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
  const last = rest.length - 1;
  return [
    Buffer.from(head + chunk(first)),
    ...rest.map((piece, at) => Buffer.from(chunk(piece) + (at === last ? '0\r\n\r\n' : ''))),
  ];
};

const answers = {
  openai: { whole: whole(completion()), pieces: streamed(completionPieces()) },
  anthropic: { whole: whole(message()), pieces: streamed(messagePieces()) },
};

let calls = 0;
const open = new Set<{ socket: Socket; pieces: readonly Buffer[]; next: number }>();

setInterval(() => {
  for (const stream of open) {
    const piece = stream.pieces[stream.next++];
    if (piece && !stream.socket.destroyed) stream.socket.write(piece);
    else open.delete(stream);
  }
}, GAP_MS);

function answer(socket: Socket, head: string, body: Buffer): void {
  calls += 1;
  const { whole: reply, pieces } = answers[head.startsWith('POST /v1/messages') ? 'anthropic' : 'openai'];
  const [first] = pieces;
  if (!body.includes(STREAM) || !first) return void socket.write(reply);
  socket.write(first);
  open.add({ socket, pieces, next: 1 });
}

const server = createServer({ noDelay: true }, (socket) => {
  let held: Buffer | null = null;
  socket.on('error', () => socket.destroy());
  socket.on('data', (piece) => {
    let bytes = held ? Buffer.concat([held, piece]) : piece;
    held = null;
    while (bytes.length > 0) {
      const end = bytes.indexOf(END_OF_HEAD);
      if (end < 0) break;
      const head = bytes.toString('latin1', 0, end);
      const from = end + END_OF_HEAD.length;
      const until = from + Number(/\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (bytes.length < until) break;
      answer(socket, head, bytes.subarray(from, until));
      bytes = bytes.subarray(until);
    }
    if (bytes.length > 0) held = bytes;
  });
});

server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
});
process.on('message', () => process.send?.({ calls }));
process.on('disconnect', () => process.exit(0));
