import { OPENAI_DIALECT } from '@inferbridge/providers';
import { withBlock } from '../compat/block.ts';
import { envelope } from '../compat/error-shape.ts';
import { checkChat } from './chat-body.ts';
import { clientStream } from './chat-stream.ts';
import type { Front } from './front.ts';

/** Source: https://platform.openai.com/docs/api-reference/chat/create (openai 7.55.0, read 2026-11-20). */
const MOST_STOPS = 4;

/** `POST /v1/chat/completions`. `strict` brings back the 422 for fields that nobody knows. */
export const chatFront = ({ strict }: { strict: boolean }): Front => ({
  path: '/v1/chat/completions',
  request(body, bytes) {
    const value = checkChat(body, { strict, mostStops: MOST_STOPS });
    return { operation: 'chat', value, native: { dialect: OPENAI_DIALECT, bytes, of: value } };
  },
  writer: ({ request, block }) => ({
    whole: (reply) => withBlock(reply.bytes, block(reply)),
    stream: (reply) =>
      clientStream(reply, {
        usage: request.operation === 'chat' && request.value.stream_options?.include_usage === true,
        block: () => block(reply),
      }),
    broken: (wire) => `data: ${JSON.stringify(envelope(wire))}\n\n`,
  }),
  failure: chatFailure,
});

/** The one error shape. */
export const chatFailure: Front['failure'] = (wire) => ({ status: wire.status, body: envelope(wire) });
