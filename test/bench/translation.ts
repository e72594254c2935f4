import { createHost, systemClock } from '@inferbridge/core';
import { anthropic } from '@inferbridge/providers';
import { clientStream } from '../../packages/server/src/fronts/chat-stream.ts';

/*
 * What translating costs by itself: a stream of Anthropic's goes in event by event, as it comes off a socket, and
 * leaves as the bytes that an OpenAI client gets. A process of its own; told how often, answers with CPU figures.
 */

/** Content events of one stream. */
const EVENTS = 2_000;

const named = (event: { type: string; [field: string]: unknown }): Buffer =>
  Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);

const PIECES: readonly Buffer[] = [
  named({
    type: 'message_start',
    message: {
      id: 'msg_bench',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [],
      usage: { input_tokens: 480, output_tokens: 1 },
    },
  }),
  named({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
  ...Array.from({ length: EVENTS }, (_, i) =>
    named({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: `word ${i} ` } }),
  ),
  named({ type: 'content_block_stop', index: 0 }),
  named({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: EVENTS } }),
  named({ type: 'message_stop' }),
];

async function* body(): AsyncGenerator<Uint8Array> {
  for (const piece of PIECES) yield piece;
}

const target = anthropic({
  apiKey: 'bench',
  host: createHost({
    clock: systemClock,
    transport: async () => ({
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      bytes: async () => new Uint8Array(),
      body: body(),
    }),
  }),
}).model('claude-sonnet-5-5');

async function once(): Promise<number> {
  const { createCall } = await import('@inferbridge/core');
  const call = createCall({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true });
  const permit = target.acquire(call);
  if ('blocked' in permit) throw new Error('a bare target is never blocked');
  const reply = await target.handle(call, permit);
  if (reply.kind !== 'stream') throw new Error('a stream was asked for');
  let bytes = 0;
  const block = {
    provider: 'p',
    model: 'm',
    mode: 'direct',
    cache_hit: false,
    latency_ms: 1,
    cost_usd: '0.000000',
    residency_actual: 'global',
    request_id: 'bench',
  };
  for await (const piece of clientStream(reply, { usage: true, block: () => block })) bytes += piece.length;
  return bytes;
}

process.on('message', async ({ times }: { times: number }) => {
  const perEvent: number[] = [];
  for (let i = 0; i < times; i++) {
    const before = process.cpuUsage();
    await once();
    const { user, system } = process.cpuUsage(before);
    perEvent.push((user + system) / EVENTS);
  }
  process.send?.({ perEvent });
});
process.on('disconnect', () => process.exit(0));
for (let i = 0; i < 20; i++) await once(); // warm
process.send?.({ port: 0 });
