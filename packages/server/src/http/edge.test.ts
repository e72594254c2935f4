import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { chatFailure } from '../fronts/chat.ts';
import { createEdge } from './edge.ts';

/** The answer's head and body to one raw request line. */
async function asked(line: string): Promise<string> {
  const edge = createEdge({
    models: new Map([
      [
        '/v1/x',
        { front: { failure: chatFailure }, answer: async (_, response) => void response.end('a model call') },
      ],
    ]),
    rest: (request, response) => void response.end(`the rest: ${request.url}`),
    cors: () => false,
    random: () => 0,
    inFlight: 10,
    draining: () => false,
    overloaded: () => null,
    orphans: new Set(),
  });
  const server = createServer(edge.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  const socket = connect(port, '127.0.0.1');
  socket.write(`${line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
  let said = '';
  for await (const piece of socket) said += piece;
  server.close();
  return said;
}

describe('the edge', () => {
  it.each([
    ['POST /v1/x?a=1', 'a model call'],
    ['POST http://anybody.example/v1/x', 'a model call'],
    ['GET http://anybody.example/health?b=2', 'the rest: /health?b=2'],
    ['OPTIONS *', 'the rest: *'],
  ])('answers %s', async (line, expected) => {
    expect(await asked(line)).toContain(expected);
  });

  it('answers an address that is none with 400, in the one error shape', async () => {
    const said = await asked('GET http://[::1/v1/messages');
    expect(said).toMatch(/^HTTP\/1\.1 400 /);
    expect(said).toMatch(/x-request-id: [0-9a-f-]{36}/i);
    expect(said).toContain('"type":"invalid_request_error"');
  });
});
