import { type AddressInfo, createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { HttpRequest } from '@inferbridge/core';
import { afterEach, describe, expect, it } from 'vitest';
import { createTransport } from './http.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

/** A server on bare sockets: `answer` is called for each whole request, with the number of its connection. */
async function upstream(answer: (socket: Socket, connection: number, text: string) => void) {
  const sockets = new Set<Socket>();
  let connections = 0;
  const requests: string[] = [];
  const server = createServer((socket) => {
    const number = ++connections;
    let held = '';
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => {
      held += bytes.toString('latin1');
      const length = Number(/content-length: (\d+)/i.exec(held)?.[1] ?? 0);
      const head = held.indexOf('\r\n\r\n');
      if (head < 0 || held.length < head + 4 + length) return;
      const text = held;
      held = '';
      requests.push(text);
      answer(socket, number, text);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  cleanup.push(() => new Promise((done) => server.close(done)));
  cleanup.push(() => sockets.forEach((socket) => void socket.destroy()));
  const { port } = server.address() as AddressInfo; // listening on a port
  return { url: `http://127.0.0.1:${port}/v1/chat`, port, requests, connections: () => connections };
}

function transport() {
  const made = createTransport();
  cleanup.push(made.close);
  return (url: string, more: Partial<HttpRequest> = {}) =>
    made.send({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json' },
      body: '{}',
      signal: new AbortController().signal,
      ...more,
    });
}

const reply = (body: string, head = '') =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${head}\r\n${body}`;
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');

describe('transport', () => {
  it('gives the status, the headers in lower case with repeats joined, and the body', async () => {
    const { url, requests } = await upstream((socket) =>
      socket.write('HTTP/1.1 418 Hm\r\nX-One: 1\r\nX-Two: a\r\nX-TWO: b\r\ncontent-length: 5\r\n\r\nhello'),
    );
    const response = await transport()(url, { body: '{"a":1}' });
    expect(response.status).toBe(418);
    expect(response.headers['x-one']).toBe('1');
    expect(response.headers['x-two']).toBe('a, b');
    expect(text(await response.bytes())).toBe('hello');
    expect(requests[0]).toMatch(/^POST \/v1\/chat HTTP\/1\.1\r\n/);
    expect(requests[0]?.endsWith('\r\n\r\n{"a":1}')).toBe(true);
  });

  it('survives headers named like parts of every object', async () => {
    const { url } = await upstream((socket) =>
      socket.write(reply('{}', '__proto__: x\r\nconstructor: y\r\n')),
    );
    const { headers } = await transport()(url);
    expect(headers['constructor']).toBe('y');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    expect(Object.getPrototypeOf(headers)).toBeNull();
  });

  it('reports the phases in their order', async () => {
    const { url } = await upstream((socket) => socket.write(reply('ok')));
    const phases: string[] = [];
    const response = await transport()(url, { progress: (phase) => void phases.push(phase) });
    await response.bytes();
    expect(phases).toEqual(['connecting', 'connected', 'headers', 'bytes']);
  });

  it('reports a closed port as unreachable', async () => {
    const { url } = await upstream(() => {});
    for (const end of cleanup.splice(0).reverse()) await end();
    await expect(transport()(url)).rejects.toMatchObject({
      class: 'unreachable',
      details: { code: 'upstream_unreachable' },
    });
  });

  it('reports a reset before the response as unreachable, after one more try', async () => {
    const { url, connections } = await upstream((socket) => socket.resetAndDestroy());
    await expect(transport()(url)).rejects.toMatchObject({
      class: 'unreachable',
      details: { code: 'upstream_reset' },
    });
    expect(connections()).toBe(2);
  });

  it('sends a request again, unnoticed, where the kept socket was dead already', async () => {
    let first = true;
    const { url, connections, requests } = await upstream((socket, connection) => {
      if (connection === 1 && !first) return socket.resetAndDestroy();
      first = false;
      socket.write(reply(`{"from":${connection}}`));
    });
    const send = transport();
    expect(text(await (await send(url)).bytes())).toBe('{"from":1}');
    await new Promise((done) => setImmediate(done)); // undici frees a socket one turn after its answer has ended
    expect(text(await (await send(url)).bytes())).toBe('{"from":2}');
    expect(connections()).toBe(2);
    expect(requests).toHaveLength(3);
  });

  it('does not send it again once a response has begun', async () => {
    const { url, connections } = await upstream((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhal', () => socket.resetAndDestroy());
    });
    const send = transport();
    const failed = await send(url).then(
      (response) => response.bytes().catch((error: unknown) => error),
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({ class: expect.stringMatching(/^(unreachable|malformed)$/) });
    expect(connections()).toBe(1);
  });

  it.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['a page without a head', '<html>busy</html>\r\n\r\n'],
    ['two lengths that differ', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd'],
    [
      'a chunk size that is none',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n',
    ],
  ])('reports %s as malformed', async (_, answer) => {
    const { url } = await upstream((socket) => void socket.end(answer));
    const whole = transport()(url).then((response) => response.bytes());
    await expect(whole).rejects.toMatchObject({ class: 'malformed', details: { code: 'upstream_http' } });
  });

  it('reports headers beyond all measure as malformed', async () => {
    const { url } = await upstream(
      (socket) => void socket.write(reply('', `x-big: ${'x'.repeat(100_000)}\r\n`)),
    );
    await expect(transport()(url)).rejects.toMatchObject({ class: 'malformed' });
  });

  it.each([
    ['kept open', ''],
    ['to be closed', 'connection: close\r\n'],
  ])('reports a body that ends before its length as malformed, on a connection %s', async (_, head) => {
    const { url } = await upstream(
      (socket) => void socket.end(`HTTP/1.1 200 OK\r\n${head}content-length: 50\r\n\r\n{"cut`),
    );
    const response = await transport()(url);
    await expect(response.bytes()).rejects.toMatchObject({ class: 'malformed' });
  });

  it('does not follow a redirect', async () => {
    const target = await upstream((socket) => socket.write(reply('secret')));
    const { url } = await upstream((socket) =>
      socket.write(`HTTP/1.1 307 Moved\r\nlocation: ${target.url}\r\ncontent-length: 0\r\n\r\n`),
    );
    const response = await transport()(url);
    expect(response.status).toBe(307);
    expect((await response.bytes()).length).toBe(0);
    expect(target.connections()).toBe(0);
  });

  it('unpacks gzip that nobody asked for', async () => {
    const packed = gzipSync('{"zipped":true}');
    const { url } = await upstream((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${packed.length}\r\n\r\n`);
      socket.write(packed);
    });
    expect(text(await (await transport()(url)).bytes())).toBe('{"zipped":true}');
  });

  it('never puts the address or the key into its message', async () => {
    const { url, port } = await upstream((socket) => socket.resetAndDestroy());
    const failed = await transport()(url, { headers: { authorization: 'Bearer secret-key-1' } }).catch(
      (error: Error) => error,
    );
    expect((failed as Error).message).toBe('the upstream closed the connection');
    expect((failed as Error).message).not.toContain(String(port));
  });
});
