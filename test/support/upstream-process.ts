/*
 * A provider as a process of its own: answers by script, vendor by vendor (the first segment of the path), and
 * remembers what reached it. Its parent talks to it over IPC.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Act, Seen } from './upstream.ts';

const scripts = new Map<string, Act[]>();
const seen: Seen[] = [];
let nextId = 0;
let inFlight = 0;

const server = createServer((request, response) => {
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => {
    const vendor = request.url?.split('/')[1] ?? '';
    const record: Seen = {
      id: nextId++,
      vendor,
      path: request.url ?? '',
      headers: request.headers as Record<string, string>,
      body: Buffer.concat(pieces).toString('utf8'),
      closedEarlyAt: null,
    };
    seen.push(record);
    inFlight += 1;
    response.on('close', () => {
      inFlight -= 1;
      if (!response.writableFinished) record.closedEarlyAt = Date.now();
    });
    const script = scripts.get(vendor) ?? [];
    const act = chosen(script.length > 1 ? script.shift() : script[0], record);
    void perform(
      act ?? { status: 404, body: '{"error":{"message":"no script for this vendor"}}' },
      request,
      response,
    );
  });
});

/** Streams are asked for in the body, or by the address. */
function chosen(act: Act | undefined, { body, path }: Pick<Seen, 'body' | 'path'>): Act | undefined {
  if (!act || !('whole' in act)) return act;
  return body.includes('"stream":true') || path.includes(':stream') ? act.stream : act.whole;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function perform(act: Act, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if ('hang' in act || 'whole' in act) return;
  if ('reset' in act) return void request.socket.resetAndDestroy();
  if ('raw' in act) return void request.socket.end(act.raw);
  if (act.afterMs) await pause(act.afterMs);
  if ('sse' in act) {
    response.writeHead(200, { 'content-type': 'text/event-stream', ...act.headers });
    for (const [index, event] of act.sse.entries()) {
      if (response.destroyed) return;
      response.write(event.startsWith('base64:') ? Buffer.from(event.slice(7), 'base64') : event);
      if (act.gapMs && index < act.sse.length - 1) await pause(act.gapMs);
    }
    if (act.end === 'reset') {
      await pause(20);
      return void request.socket.resetAndDestroy();
    }
    if (act.end === 'hang') return;
    response.end();
    return;
  }
  response.writeHead(act.status, { 'content-type': 'application/json', ...act.headers });
  response.end(act.body);
}

type Message =
  | { type: 'script'; vendor: string; acts: Act[] }
  | { type: 'seen'; reply: number; clear?: boolean }
  | { type: 'inFlight'; reply: number };

process.on('message', (message: Message) => {
  if (message.type === 'script') scripts.set(message.vendor, message.acts);
  else if (message.type === 'inFlight') process.send?.({ reply: message.reply, value: inFlight });
  else {
    process.send?.({ reply: message.reply, value: seen });
    if (message.clear) seen.length = 0;
  }
});
process.on('disconnect', () => process.exit(0));
server.keepAliveTimeout = 5_000;
server.listen({ port: Number(process.argv[2] ?? 0), host: '127.0.0.1', backlog: 4_096 }, () =>
  process.send?.({ port: (server.address() as AddressInfo).port }),
);
