import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createNetServer, type Socket } from 'node:net';
import type { HttpRequest } from '@inferbridge/core';
import { afterEach, describe, expect, it } from 'vitest';
import { createTransport, type TransportOptions } from './http.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function upstream(answer: RequestListener) {
  const server = createServer(answer);
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => void sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // listening on a port
  return { url: `http://127.0.0.1:${port}/`, port, sockets };
}

function transport(options?: TransportOptions) {
  const made = createTransport(options);
  cleanup.push(made.close);
  return (url: string, more: Partial<HttpRequest> = {}) =>
    made.send({ method: 'GET', url, headers: {}, signal: new AbortController().signal, ...more });
}

/** undici frees a socket one turn of the event loop after its answer has ended. */
const turn = () => new Promise((done) => setImmediate(done));

describe('sockets', () => {
  it('uses one socket for two hundred calls in a row', async () => {
    const { url, sockets } = await upstream((_, response) => response.end('{"ok":true}'));
    const send = transport();
    for (let i = 0; i < 200; i++) {
      expect((await (await send(url)).bytes()).length).toBe(11);
      await turn();
    }
    expect(sockets).toHaveLength(1);
  });

  it('never needs more than two, however close the calls follow each other', async () => {
    const { url, sockets } = await upstream((_, response) => response.end('{"ok":true}'));
    const send = transport();
    for (let i = 0; i < 200; i++) await (await send(url)).bytes();
    expect(sockets.length).toBeLessThanOrEqual(2);
  });

  it('opens another socket beside an open stream instead of waiting behind it', async () => {
    const { url, sockets } = await upstream((request, response) => {
      if (request.url === '/open') return void response.write('first');
      response.end('done');
    });
    const send = transport();
    const stream = await send(`${url}open`);
    expect(Buffer.from(await (await send(url)).bytes()).toString()).toBe('done');
    expect(sockets).toHaveLength(2);
    await stream.body[Symbol.asyncIterator]().return?.();
  });
});

describe('abort', () => {
  it('closes the socket when the caller aborts in the middle of a body', async () => {
    const { url, sockets } = await upstream((_, response) => void response.write('one'));
    const controller = new AbortController();
    const { body } = await transport()(url, { signal: controller.signal });
    const reader = body[Symbol.asyncIterator]();
    await reader.next();
    const [socket] = sockets;
    if (!socket) throw new Error('nobody connected');
    const closed = once(socket, 'close');
    const reason = new Error('the client left');
    controller.abort(reason);
    await expect(reader.next()).rejects.toBe(reason);
    await closed;
    expect(socket.destroyed).toBe(true);
  });

  it('closes the socket when the reader leaves in the middle of a body', async () => {
    const { url, sockets } = await upstream((_, response) => void response.write('one'));
    const { body } = await transport()(url);
    const [socket] = sockets;
    if (!socket) throw new Error('nobody connected');
    const closed = once(socket, 'close');
    for await (const _ of body) break;
    await closed;
    expect(socket.destroyed).toBe(true);
  });

  it('rejects with the reason of the caller while waiting for headers, and closes the socket', async () => {
    const arrived = Promise.withResolvers<Socket>();
    const { url } = await upstream((request) => arrived.resolve(request.socket));
    const controller = new AbortController();
    const sent = transport()(url, { signal: controller.signal });
    const socket = await arrived.promise;
    const closed = once(socket, 'close');
    const reason = new Error('too late');
    controller.abort(reason);
    await expect(sent).rejects.toBe(reason);
    await closed;
  });

  it('calls nobody where the signal is aborted already', async () => {
    const { url, sockets } = await upstream((_, response) => response.end());
    const reason = new Error('gone before it began');
    await expect(transport()(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(sockets).toHaveLength(0);
  });

  it('leaves no listener on the signal behind', async () => {
    const { url } = await upstream((_, response) => response.end('x'));
    const { signal } = new AbortController();
    let listening = 0;
    const counted = new Proxy(signal, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (name === 'addEventListener') listening += 1;
          if (name === 'removeEventListener') listening -= 1;
          return Reflect.apply(value, target, args);
        };
      },
    });
    await (await transport()(url, { signal: counted })).bytes();
    expect(listening).toBe(0);
  });
});

describe('back-pressure', () => {
  it('holds the upstream back while nobody reads, and gives every byte to who does', async () => {
    const TOTAL = 32 * 1024 * 1024;
    let written = 0;
    const stalled = Promise.withResolvers<number>();
    const pump = (response: ServerResponse) => {
      let free = true;
      while (free && written < TOTAL) {
        free = response.write(Buffer.alloc(64 * 1024));
        written += 64 * 1024;
      }
      if (written >= TOTAL) return void response.end();
      const before = written;
      // two rounds of the event loop without a drain: the kernel's buffers are full
      let turns = 0;
      const look = () => {
        if (written !== before) return;
        if (++turns < 2_000) return void setImmediate(look);
        stalled.resolve(written);
      };
      setImmediate(look);
      response.once('drain', () => pump(response));
    };
    const { url } = await upstream((_, response) => pump(response));
    const response = await transport()(url);
    expect(await stalled.promise).toBeLessThan(TOTAL / 2);
    let read = 0;
    for await (const piece of response.body) read += piece.length;
    expect(read).toBe(TOTAL);
  });
});

describe('guarded requests', () => {
  async function silent() {
    const seen = { connections: 0, bytes: 0 };
    const server = createNetServer((socket) => {
      seen.connections += 1;
      socket.on('data', (bytes) => (seen.bytes += bytes.length));
      socket.on('error', () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanup.push(() => void server.close());
    return { port: (server.address() as AddressInfo).port, seen }; // listening on a port
  }

  it.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '0.0.0.0', '2130706433'])(
    'refuses %s without a byte sent',
    async (host) => {
      const { port, seen } = await silent();
      const sent = transport()(`http://${host}:${port}/v1/chat`, { guarded: true });
      await expect(sent).rejects.toMatchObject({
        class: 'unreachable',
        message: 'the upstream could not be reached',
        details: { code: 'upstream_unreachable' },
      });
      expect(seen).toEqual({ connections: 0, bytes: 0 });
    },
  );

  it('looks the same from outside for a refused address and a closed port', async () => {
    const { port } = await silent();
    const of = (promise: Promise<unknown>) =>
      promise.then(
        () => null,
        ({ class: name, message, details: { cause: _, ...details } }) => ({ name, message, details }),
      );
    const refused = await of(transport()(`http://127.0.0.1:${port}/`, { guarded: true }));
    const closed = await of(transport()('http://127.0.0.1:1/'));
    expect(refused).not.toBeNull();
    expect(refused).toEqual(closed);
  });

  it('lets the listed origin through and not its neighbour', async () => {
    const good = await upstream((_, response) => response.end('local model'));
    const bad = await silent();
    const send = transport({ addresses: { privateAddresses: [`http://127.0.0.1:${good.port}`] } });
    expect(Buffer.from(await (await send(good.url, { guarded: true })).bytes()).toString()).toBe(
      'local model',
    );
    await expect(send(`http://127.0.0.1:${bad.port}/`, { guarded: true })).rejects.toMatchObject({
      class: 'unreachable',
    });
    expect(bad.seen).toEqual({ connections: 0, bytes: 0 });
  });

  it('guards nothing that the operator chose', async () => {
    const { url } = await upstream((_, response) => response.end('mine'));
    expect((await (await transport()(url)).bytes()).length).toBe(4);
  });
});
