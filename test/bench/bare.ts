import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent } from 'undici';

/*
 * The yardstick, a process of its own: `node:http` in front, undici's `dispatch` behind, bytes in, bytes out. It
 * parses nothing, checks nobody, logs nothing: what any gateway on these two libraries has to spend at least.
 */

const origin = process.argv[2] ?? '';
const agent = new Agent({ pipelining: 1, connections: 4_096, allowH2: false });

function forward(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const pieces: Buffer[] = [];
  let length: string | null = null;
  agent.dispatch(
    {
      origin,
      path: request.url ?? '/',
      method: 'POST',
      headers: {
        'content-type': request.headers['content-type'] ?? '',
        authorization: request.headers.authorization ?? '',
        accept: 'application/json',
      },
      body,
    },
    {
      onRequestStart() {},
      onResponseStart(_, status, headers) {
        const type = String(headers['content-type']);
        length = headers['content-length'] === undefined ? null : String(headers['content-length']);
        response.writeHead(status, {
          'content-type': type,
          ...(length !== null && { 'content-length': length }),
        });
      },
      onResponseData(_, piece) {
        if (length === null) response.write(piece);
        else pieces.push(piece);
      },
      onResponseEnd() {
        const [only] = pieces;
        if (length === null) response.end();
        else response.end(only && pieces.length === 1 ? only : Buffer.concat(pieces));
      },
      onResponseError() {
        if (response.headersSent) response.destroy();
        else response.writeHead(502).end();
      },
    },
  );
}

const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => {
    const [only] = pieces;
    forward(request, response, only && pieces.length === 1 ? only : Buffer.concat(pieces));
  });
});

server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
});
process.on('disconnect', () => process.exit(0));
