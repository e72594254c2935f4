import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A provider for show: speaks OpenAI's dialect on a port of its own, and can be taken down and brought back. */
export interface DemoUpstream {
  readonly url: string;
  down(): void;
  up(): void;
  close(): Promise<void>;
}

export interface DemoUpstreamOptions {
  readonly name: string;
  /** Until the first word; the words follow a tenth of it apart. */
  readonly firstMs: number;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function startDemoUpstream({ name, firstMs }: DemoUpstreamOptions): Promise<DemoUpstream> {
  let broken = false;
  const words = ['This ', 'is ', `${name}, `, 'at ', 'your ', 'service.'];
  const head = { id: `demo-${name}`, created: 0, model: 'demo' };
  const usage = { prompt_tokens: 12, completion_tokens: words.length, total_tokens: 12 + words.length };
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    if (broken) {
      response.writeHead(503, { 'content-type': 'application/json' });
      return response.end('{"error":{"message":"down for the demonstration","type":"server_error"}}');
    }
    await pause(firstMs);
    const streams = Buffer.concat(pieces).includes('"stream":true');
    response.writeHead(200, { 'content-type': streams ? 'text/event-stream' : 'application/json' });
    if (!streams) {
      const message = { role: 'assistant', content: words.join('') };
      const choices = [{ index: 0, message, finish_reason: 'stop' }];
      return response.end(JSON.stringify({ ...head, object: 'chat.completion', choices, usage }));
    }
    const send = (choices: readonly object[], more: object = {}) =>
      response.write(
        `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...more })}\n\n`,
      );
    for (const content of words) {
      send([{ index: 0, delta: { content }, finish_reason: null }]);
      await pause(firstMs / 10);
    }
    send([{ index: 0, delta: {}, finish_reason: 'stop' }]);
    send([], { usage });
    return response.end('data: [DONE]\n\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    url: `http://127.0.0.1:${port}/v1`,
    down() {
      broken = true;
    },
    up() {
      broken = false;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
