import { once } from 'node:events';
import { connect } from 'node:net';
import type { TestGateway } from './gateway.ts';

/** A client on a bare socket, which sends what it likes and reads when it likes. */
export interface RawClient {
  send(text: string): void;
  /** All that has come. */
  received(): string;
  /** Resolves when so much has come, or the connection is gone, or the time is over. */
  until(enough: (received: string) => boolean, mostMs?: number): Promise<string>;
  /** Reads nothing any more. */
  stall(): void;
  readonly closed: boolean;
  leave(): void;
}

export async function rawClient({ url }: TestGateway): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.on('data', (piece) => (received += piece.toString('latin1')));
  await once(socket, 'connect');
  return {
    send: (text) => void socket.write(text, 'utf8'),
    received: () => received,
    async until(enough, mostMs = 2_000) {
      const end = Date.now() + mostMs;
      while (!enough(received) && !socket.closed && Date.now() < end)
        await new Promise((resolve) => setTimeout(resolve, 5));
      return received;
    },
    stall: () => void socket.pause(),
    get closed() {
      return socket.closed;
    },
    leave: () => void socket.destroy(),
  };
}

export interface RawRequest {
  readonly key: string;
  readonly body: string;
  readonly version?: '1.0' | '1.1';
  /** Default: content-length, as the body has it. */
  readonly headers?: string;
}

/** A chat request as text. */
export function rawRequest({ key, body, version = '1.1', headers }: RawRequest): string {
  const own = headers ?? `content-length: ${Buffer.byteLength(body)}\r\n`;
  return `POST /v1/chat/completions HTTP/${version}\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n${own}\r\n${body}`;
}

/** A text in chunks of that size. */
export function chunkedBody(text: string, size: number): string {
  const chunks: string[] = [];
  for (let at = 0; at < text.length; at += size) {
    const piece = text.slice(at, at + size);
    chunks.push(`${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`);
  }
  return `${chunks.join('')}0\r\n\r\n`;
}
