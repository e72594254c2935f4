import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createConnection } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { createHost, pipeline, virtualClock } from '@inferbridge/core';
import { priority, router } from '@inferbridge/plugins';
import { createTransport, openai } from '@inferbridge/providers';
import { afterEach, describe, expect, it } from 'vitest';
import { account, PROMPT } from '../support/account.ts';
import { startGateway } from '../support/gateway.ts';

/* What gateways are known to get wrong: see each by what it does, not by how long it takes. */

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function upstream(answer: (response: ServerResponse, path: string) => void) {
  const server: Server = createServer((request, response) => {
    request.resume();
    request.on('end', () => answer(response, request.url ?? ''));
  });
  let sockets = 0;
  server.on('connection', () => {
    sockets += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // listening on a port
  return { url: `http://127.0.0.1:${port}/v1`, sockets: () => sockets };
}

const COMPLETION = JSON.stringify({
  id: 'x',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});

describe('two hundred calls in a row', () => {
  it('wait for no timer, and need one socket', async () => {
    const { url, sockets } = await upstream((response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(COMPLETION);
    });
    const transport = createTransport();
    cleanup.push(() => transport.close());
    const clock = virtualClock(); // it stands still: whoever waits for it waits for ever
    const host = createHost({ transport: transport.send, clock });
    const target = openai({ apiKey: 'sk-x', baseUrl: url, host }).model('gpt-4o-mini');
    const { strategy } = priority([], undefined);
    const gateway = pipeline().to(router({ m: { strategy, targets: [target] } }, { host }));
    for (let n = 0; n < 200; n++) {
      const reply = await gateway.chat({ model: 'm', messages: PROMPT }, { clock });
      expect(reply.kind).toBe('completion');
      await new Promise(setImmediate); // a socket is free again one turn after its answer
    }
    expect(sockets()).toBe(1);
    expect(clock.pending()).toBe(0);
  });
});

describe('a client that stops to read', () => {
  const TOTAL = 64 * 1024 * 1024;
  const CONTENT = 'water waits within wide wells '.repeat(30);
  const OPENAI = `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: { content: CONTENT }, finish_reason: null }] })}\n\n`;
  const ANTHROPIC = `event: content_block_delta\ndata: ${JSON.stringify({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: CONTENT } })}\n\n`;
  const named = (event: { type: string; [field: string]: unknown }) =>
    `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
  const KINDS = [
    ['as it came', 'openai:gpt-4o-mini', '', OPENAI, 'data: [DONE]\n\n'],
    [
      'translated',
      'anthropic:claude-sonnet-5-5',
      named({
        type: 'message_start',
        message: {
          id: 'm',
          role: 'assistant',
          model: 'm',
          content: [],
          usage: { input_tokens: 1, output_tokens: 1 },
        },
      }) + named({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
      ANTHROPIC,
      named({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 5 } }) +
        named({ type: 'message_stop' }),
    ],
  ] as const;

  it.each(KINDS)(
    'holds the upstream back, and gets every byte once it reads again: %s',
    async (_, model, head, event, tail) => {
      let sent = 0;
      let events = 0;
      const { url } = await upstream((response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(head);
        const pour = () => {
          for (;;) {
            if (sent >= TOTAL) return void response.end(tail);
            sent += event.length;
            events += 1;
            if (!response.write(event)) return void response.once('drain', pour);
          }
        };
        pour();
      });
      const gateway = await startGateway({
        config: { providers: { openai: { baseUrl: url }, anthropic: { baseUrl: url } } },
      });
      cleanup.push(() => gateway.close());
      const { key } = await account(gateway, ['openai', 'anthropic']);
      const rss = () =>
        Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
      const before = rss();
      const body = JSON.stringify({ model, stream: true, messages: PROMPT });
      const socket = createConnection({ port: Number(new URL(gateway.url).port), host: '127.0.0.1' }, () =>
        socket.write(
          `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
        ),
      );
      cleanup.push(() => socket.destroy());
      const [first] = (await once(socket, 'data')) as [Buffer];
      socket.pause();
      // until the upstream could send nothing more for a while
      for (let last = -1; last !== sent; await pause(500)) last = sent;
      expect(sent).toBeLessThan(TOTAL / 2);
      expect(rss() - before).toBeLessThan(80);

      let seen = 0;
      let rest = '';
      const count = (piece: Buffer) => {
        const text = rest + piece.toString('latin1');
        seen += text.split(CONTENT).length - 1;
        const end = text.lastIndexOf(CONTENT);
        rest = text.slice(Math.max(end < 0 ? 0 : end + CONTENT.length, text.length - CONTENT.length - 2_000));
      };
      count(first);
      socket.on('data', count);
      socket.resume();
      await once(socket, 'close');
      expect(events).toBeGreaterThan(60_000);
      expect(seen).toBe(events);
    },
    120_000,
  );
});
