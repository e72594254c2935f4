import { type Completion, parseEvents, type Stream, type WireUsage, writeUsage } from '@inferbridge/core';
import {
  chatOfResponses,
  createResponseEvents,
  RESPONSES_DIALECT,
  responseOf,
} from '@inferbridge/providers/inbound';
import { type Block, named, withBlock } from '../compat/block.ts';
import { chatFailure } from './chat.ts';
import { checkChat } from './chat-body.ts';
import type { Exchange, Front, Writer } from './front.ts';

const encoder = new TextEncoder();
/** What ends a response, whatever comes of it. */
const ENDINGS = ['response.completed', 'response.incomplete'];
const MARKS = ENDINGS.map((type) => Buffer.from(`"${type}"`));

interface Event {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** `POST /v1/responses`, stateless; where an upstream speaks it as well, its bytes pass as they are. */
export const responsesFront = (): Front => ({
  path: '/v1/responses',
  request(body, bytes) {
    const value = checkChat(chatOfResponses(body));
    return { operation: 'chat', value, native: { dialect: RESPONSES_DIALECT, bytes, of: value, body } };
  },
  writer: createWriter,
  failure: chatFailure,
});

function createWriter(exchange: Exchange): Writer {
  const { asked, requestId, block } = exchange;
  const about = { id: `resp_${requestId}` };
  const events = createResponseEvents(asked, about);
  const held: Event[] = [];
  let same = false;
  let sequence = 0;

  function* native(bytes: Buffer): Generator<Uint8Array> {
    if (held.length === 0 && !MARKS.some((mark) => bytes.includes(mark))) return yield bytes;
    for (const { data } of parseEvents(bytes)) {
      const event = JSON.parse(data) as Event; // the provider has read it already
      if (held.length > 0 || ENDINGS.includes(event.type)) held.push(event);
      else yield encoder.encode(eventText(event));
    }
  }

  return {
    whole(reply) {
      if (reply.kind !== 'completion') throw new TypeError('a response was answered with embeddings');
      return withBlock(bodyOf(reply), block(reply));
    },
    async *stream(reply) {
      for await (const frame of reply.frames) {
        if (frame.native?.dialect === RESPONSES_DIALECT) {
          same = true;
          sequence += 1;
          yield* native(Buffer.from(frame.native.bytes));
        } else for (const chunk of frame.chunks()) yield* written(events.chunk(chunk));
      }
      const last = same ? held : events.end(usageOf(reply));
      yield* written(
        last.map((event) => (ENDINGS.includes(event.type) ? carrying(event, block(reply)) : event)),
      );
    },
    // the client has the upstream's own events so far: one more, and no second beginning
    broken: ({ code, message }) =>
      (same
        ? [{ type: 'error', code, message, param: null, sequence_number: sequence }]
        : events.failed({ code, message })
      )
        .map(eventText)
        .join(''),
  };

  function bodyOf(reply: Completion): Uint8Array {
    if (reply.native?.dialect === RESPONSES_DIALECT) return reply.native.bytes;
    return encoder.encode(JSON.stringify(responseOf(reply.json(), asked, about)));
  }
}

const eventText = (event: { readonly type: string }): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

function* written(events: readonly { readonly type: string }[]): Generator<Uint8Array> {
  if (events.length > 0) yield encoder.encode(events.map(eventText).join(''));
}

/** The block stands on the response itself, as it does without streaming. */
function carrying(event: Event, block: Block): Event {
  const { response } = event;
  return { ...event, response: { ...(response as object), ...named(block) } }; // an ending always carries one
}

function usageOf(reply: Stream): WireUsage | null {
  const usage = reply.usage();
  return usage && writeUsage(usage);
}
