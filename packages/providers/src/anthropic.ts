import {
  type ChatBody,
  type ChatStream,
  defineProvider,
  GatewayError,
  type HttpResponse,
  type ProviderIO,
} from '@inferbridge/core';
import { classify } from './dialects/anthropic/errors.ts';
import { messagesBody } from './dialects/anthropic/request.ts';
import { completionOf } from './dialects/anthropic/response.ts';
import { messageFrames } from './dialects/anthropic/stream.ts';
import { isRecord, refused } from './dialects/openai/errors.ts';
import { jsonBytes, readJson, replyBytes } from './json.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Still served, and what keeps sampling parameters alive on older models. Source: https://docs.anthropic.com/en/api/versioning (read 2026-11-20). */
const VERSION = '2023-06-01';

/** Anthropic, in its own dialect. */
export const anthropic: Vendor = vendor(
  defineProvider({
    name: 'anthropic',
    options: vendorOptions,
    create: ({ baseUrl = 'https://api.anthropic.com/v1' }) => {
      const base = baseUrl.replace(/\/+$/, '');
      return {
        residency: 'global',
        async chat(request, io): Promise<ChatBody | ChatStream> {
          const body = jsonBytes(messagesBody(request));
          const response = await io.http({
            method: 'POST',
            url: `${base}/messages`,
            headers: headersOf(io),
            body,
          });
          if (response.status !== 200)
            throw failure(response, await read(response, 1_048_576).catch(() => null), io);
          const created = Math.floor(io.clock.wall() / 1000);
          if (request.stream === true && !/json|html/.test(response.headers['content-type'] ?? ''))
            return {
              kind: 'stream',
              frames: messageFrames(response.body, created, (event) => failure(null, event, io)),
            };
          const message = await read(response);
          if (isRecord(message) && message['type'] === 'error') throw failure(null, message, io);
          const completion = completionOf(message, created);
          if (!completion || request.stream === true)
            throw new GatewayError(
              'malformed',
              'the upstream answered 200 with something that is no message',
              { status: 200, code: 'upstream_unreadable' },
            );
          return {
            kind: 'completion',
            bytes: replyBytes(completion),
            json: () => completion,
          };
        },
        async models(io) {
          const response = await io.http({
            method: 'GET',
            url: `${base}/models?limit=1000`,
            headers: headersOf(io),
          });
          const body = await read(response);
          if (response.status !== 200) throw failure(response, body, io);
          const list = isRecord(body) && Array.isArray(body['data']) ? body['data'] : [];
          return list.flatMap((model) =>
            isRecord(model) && typeof model['id'] === 'string' ? [model['id']] : [],
          );
        },
      };
    },
  }),
);

const headersOf = ({ credential }: ProviderIO) => ({
  accept: 'application/json',
  'accept-encoding': 'identity',
  'content-type': 'application/json',
  'user-agent': 'inferbridge/0.1',
  'anthropic-version': VERSION,
  'x-api-key': credential.secret,
});

/** An error event inside a 200 has no status of its own: the type tells. */
function failure(response: HttpResponse | null, body: unknown, io: ProviderIO): GatewayError {
  const refusal = { status: response?.status ?? 500, headers: response?.headers ?? {}, body };
  return refused(refusal, io.credential.secret, io.clock.wall(), classify);
}

const read = async (response: HttpResponse, limit?: number): Promise<unknown> =>
  readJson(await response.bytes(limit));

export default anthropic;
