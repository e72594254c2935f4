import type { Completion, Stream, WireUsage } from '@inferbridge/core';
import { parseEvents, writeUsage } from '@inferbridge/core';
import {
  ANTHROPIC_DIALECT,
  chatOfMessages,
  createMessageEvents,
  dialectHeaders,
  errorOf,
  eventBytes,
  messageOf,
  parseExact,
} from '@inferbridge/providers/inbound';
import { type Block, named, withBlock } from '../compat/block.ts';
import { checkChat } from './chat-body.ts';
import type { Exchange, Front } from './front.ts';

const encoder = new TextEncoder();
const ENDING = Buffer.from('"message_delta"');

/** `POST /v1/messages`: Anthropic's dialect; where an upstream speaks it as well, its bytes pass as they are. */
export const messagesFront = (): Front => ({
  path: '/v1/messages',
  parse: parseExact, // inputs of tools are written again for other upstreams
  request(body, bytes, headers) {
    const value = checkChat(chatOfMessages(body));
    return {
      operation: 'chat',
      value,
      native: {
        dialect: ANTHROPIC_DIALECT,
        bytes,
        of: value,
        body,
        headers: dialectHeaders(headers),
      },
    };
  },
  writer: (exchange) => ({
    whole(reply) {
      if (reply.kind !== 'completion') throw new TypeError('a message was answered with embeddings');
      return withBlock(bodyOf(reply, exchange), exchange.block(reply));
    },
    stream: (reply) => messageStream(reply, exchange),
    broken: (wire) => {
      const { body } = messagesFailure(wire, exchange.requestId);
      return eventBytes({ ...body, type: 'error' });
    },
  }),
  failure: messagesFailure,
  headers: (requestId) => ({ 'request-id': requestId }),
});

/** Anthropic's envelope; this dialect knows no 422. */
export const messagesFailure: Front['failure'] = ({ status, message }, requestId) => {
  const known = status === 422 ? 400 : status;
  return { status: known, body: errorOf(known, message, requestId) };
};

function bodyOf(reply: Completion, { requestId }: Exchange): Uint8Array {
  if (reply.native?.dialect === ANTHROPIC_DIALECT) return reply.native.bytes;
  return encoder.encode(JSON.stringify(messageOf(reply.json(), { id: requestId })));
}

/** Events as they come; the one that tells why it ended waits for the cost, and takes the block along. */
async function* messageStream(reply: Stream, { requestId, block }: Exchange): AsyncGenerator<Uint8Array> {
  const events = createMessageEvents({ id: requestId });
  const held: { type: string }[] = [];
  let native = false;
  for await (const frame of reply.frames) {
    if (frame.native?.dialect === ANTHROPIC_DIALECT) {
      native = true;
      const bytes = Buffer.from(frame.native.bytes);
      if (held.length === 0 && !bytes.includes(ENDING)) yield bytes;
      else yield* nativeEvents(bytes, held);
      continue;
    }
    for (const chunk of frame.chunks()) yield* written(events.chunk(chunk));
  }
  const last = native ? held : events.end(usageOf(reply));
  yield* written(
    last.map((event) => (event.type === 'message_delta' ? carrying(event, block(reply)) : event)),
  );
}

function* written(events: readonly { type: string }[]): Generator<Uint8Array> {
  if (events.length > 0) yield encoder.encode(events.map(eventBytes).join(''));
}

/** From the ending on, everything waits. */
function* nativeEvents(bytes: Uint8Array, held: { type: string }[]): Generator<Uint8Array> {
  for (const { data } of parseEvents(bytes)) {
    const event = JSON.parse(data) as { type: string }; // the provider has read it already
    if (held.length > 0 || event.type === 'message_delta') held.push(event);
    else yield encoder.encode(eventBytes(event));
  }
}

const carrying = (event: { type: string }, block: Block) => ({ ...event, ...named(block) });

function usageOf(reply: Stream): WireUsage | null {
  const usage = reply.usage();
  return usage && writeUsage(usage);
}
