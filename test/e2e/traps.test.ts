import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createConnection } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { createHost, pipeline, virtualClock } from '@inferbridge/core';
import { priority, router } from '@inferbridge/plugins';
import { createTransport, openai } from '@inferbridge/providers';
import { afterEach, describe, expect, it, vi } from 'vitest';
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
    const timers = vi.spyOn(globalThis, 'setTimeout');
    cleanup.push(() => timers.mockRestore());
    for (let n = 0; n < 200; n++) {
      const reply = await gateway.chat({ model: 'm', messages: PROMPT }, { clock });
      expect(reply.kind).toBe('completion');
      await new Promise(setImmediate); // a socket is free again one turn after its answer
    }
    expect(sockets()).toBe(1);
    expect(clock.pending()).toBe(0);
    // undici watches its idle sockets over seconds; a trap of this kind is a tick of milliseconds for each call
    expect(timers.mock.calls.filter(([, ms = 0]) => ms < 1_000).length).toBeLessThan(50);
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

/** A gateway before one upstream, and what a raw client says to it. */
async function attacked(url: string, config: object = {}) {
  const gateway = await startGateway({ config: { providers: { openai: { baseUrl: url } }, ...config } });
  cleanup.push(() => gateway.close());
  const { key } = await account(gateway, ['openai']);
  const rss = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
  const connect = async () => {
    const socket = createConnection({ port: Number(new URL(gateway.url).port), host: '127.0.0.1' });
    socket.on('error', () => {});
    cleanup.push(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n`;
  return { gateway, key, rss, connect, head };
}

describe('what hostile clients try', () => {
  it('a body in pieces of one byte takes no more memory than its bytes', async () => {
    const { url } = await upstream((response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(COMPLETION);
    });
    const { rss, connect, head } = await attacked(url);
    const socket = await connect();
    const body = JSON.stringify({
      model: 'openai:gpt-4o-mini',
      messages: [{ role: 'user', content: 'x'.repeat(1_500_000) }],
    });
    const before = rss();
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, rss());
    }, 10);
    cleanup.push(() => clearInterval(watch));
    socket.write(`${head}transfer-encoding: chunked\r\n\r\n`);
    for (let at = 0; at < body.length; at += 20_000) {
      const some = [...body.slice(at, at + 20_000)].map((byte) => `1\r\n${byte}\r\n`).join('');
      if (!socket.write(some)) await once(socket, 'drain');
    }
    socket.write('0\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString('latin1', 0, 15)).toBe('HTTP/1.1 200 OK');
    expect(most - before).toBeLessThan(250); // garbage that waits for its collector; a list of pieces took 660
  }, 60_000);

  it('a whole reply that nobody reads counts as in flight', async () => {
    const reply = COMPLETION.replace('Hello.', 'x'.repeat(20_000_000));
    let calls = 0;
    const { url } = await upstream((response) => {
      calls += 1;
      response.writeHead(200, { 'content-type': 'application/json' }).end(reply);
    });
    const { gateway, key, connect, head } = await attacked(url, { limits: { inFlight: 3 } });
    const body = JSON.stringify({ model: 'openai:gpt-4o-mini', messages: PROMPT });
    for (let n = 0; n < 3; n++) {
      const socket = await connect();
      socket.pause();
      socket.write(`${head}content-length: ${body.length}\r\n\r\n${body}`);
    }
    while (calls < 3) await pause(20);
    for (let tries = 0; tries < 100; tries++) {
      const { status } = await gateway.fetch('/v1/chat/completions', { method: 'POST', key, body });
      if (status === 503 && tries > 10) break;
      await pause(20);
    }
    const { status, headers } = await gateway.fetch('/v1/chat/completions', { method: 'POST', key, body });
    expect(status).toBe(503);
    expect(Number(headers.get('retry-after-ms'))).toBeGreaterThan(0);
    expect(calls).toBe(3);
  }, 60_000);
});
