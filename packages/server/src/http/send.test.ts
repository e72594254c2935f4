import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createConnection } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { sent, write } from './send.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A response whose client has stopped to read, and that client. */
async function unread() {
  const got = Promise.withResolvers<ServerResponse>();
  const server = createServer((_, response) => got.resolve(response));
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // listening on a port
  const client = createConnection(port, '127.0.0.1', () => client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
  client.pause();
  client.on('error', () => {});
  return { response: await got.promise, client };
}

const MUCH = Buffer.alloc(32 * 1024 * 1024);

describe('a client that takes nothing', () => {
  it('is gone after a while, in the middle of what it gets', async () => {
    const { response } = await unread();
    expect(await write(response, MUCH, 200)).toBe(false);
    expect(response.destroyed).toBe(true);
  });

  it('is gone after a while, behind the end', async () => {
    const { response } = await unread();
    response.end(MUCH);
    expect(await sent(response, 200)).toBe(false);
  });

  it('is waited for as long as it takes something', async () => {
    const { response, client } = await unread();
    const writing = write(response, MUCH, 400);
    let read = 0;
    client.on('data', (piece) => {
      read += piece.length;
      client.pause();
      setTimeout(() => client.resume(), 5);
    });
    client.resume();
    expect(await writing).toBe(true);
    expect(read).toBeGreaterThan(MUCH.length / 2);
    response.end();
    expect(await sent(response, 400)).toBe(true);
    await once(response, 'close');
    client.destroy();
  });

  it('costs nothing where the kernel takes all at once', async () => {
    const { response } = await unread();
    expect(write(response, Buffer.from('a little'), 200)).toBe(true);
    response.end();
    expect(sent(response, 200)).toBe(true);
  });
});
