import {
  type ChatBody,
  type ChatRequest,
  type ChatStream,
  defineProvider,
  GatewayError,
  type HttpResponse,
  isGatewayError,
  type NativeRequest,
  type ProviderIO,
} from '@inferbridge/core';
import { z } from 'zod';
import { classify } from './dialects/anthropic/errors.ts';
import { surplusFor } from './dialects/anthropic/own-words.ts';
import { PLAIN, type Reading } from './dialects/anthropic/reading.ts';
import { messagesRequest, refuses, TREATMENTS } from './dialects/anthropic/request.ts';
import { completionOf } from './dialects/anthropic/response.ts';
import { ANTHROPIC_DIALECT, messageFrames } from './dialects/anthropic/stream.ts';
import { wholeOf } from './dialects/anthropic/whole.ts';
import { isRecord, refused } from './dialects/openai/errors.ts';
import { withLegacyFunctions } from './dialects/openai/legacy.ts';
import { OURS } from './dialects/openai/request.ts';
import { nativeBody } from './dialects/openai/splice.ts';
import { allOf } from './features.ts';
import { jsonBytes, readJson, replyBytes } from './json.ts';
import { inlineImages } from './media.ts';
import { refusalBody } from './refusal-body.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Still served, and what keeps sampling parameters alive on older models. Source: https://docs.anthropic.com/en/api/versioning (read 2026-11-20). */
const VERSION = '2023-06-01';
/** The Files API, for documents that are named by their id. Source: https://docs.anthropic.com/en/docs/build-with-claude/files (read 2026-11-20). */
const FILES = 'files-api-2025-04-14';
/** Whole answers that may take longer than this many tokens are asked for as streams, so that no idle connection is cut. */
const MOST_AT_ONCE = 21_333;

const options = vendorOptions.extend({
  /** `anthropic-version`. */
  version: z.string().min(1).optional(),
  /** Further `anthropic-beta` names. */
  betas: z.array(z.string().min(1)).optional(),
  /** What becomes of system messages in the middle of a conversation where the model takes none there. */
  systemMidway: z.enum(['hoist', 'user']).optional(),
});

/** A refusal of a schema that cannot be made into a grammar, or of too many strict tools. */
const GRAMMAR =
  /too many strict tools|grammar (is )?too (large|complex)|schema is too complex|too many optional/i;

interface Asked {
  readonly bytes: Uint8Array;
  /** The upstream will answer with a stream, whatever the client gets. */
  readonly streams: boolean;
  readonly betas: readonly string[];
  readonly reading: Reading;
  readonly native: boolean;
}

interface Answered extends Asked {
  readonly response: HttpResponse;
}

/** Anthropic, in its own dialect. */
export const anthropic: Vendor = vendor(
  defineProvider({
    name: 'anthropic',
    options,
    create: ({ baseUrl = 'https://api.anthropic.com/v1', version = VERSION, betas = [], systemMidway }) => {
      const base = baseUrl.replace(/\/+$/, '');
      const headersOf = ({ credential }: ProviderIO, asked: readonly string[] = []) => {
        const all = [...new Set([...betas, ...asked])];
        return {
          accept: 'application/json',
          'accept-encoding': 'identity',
          'content-type': 'application/json',
          'user-agent': 'inferbridge/0.1',
          'anthropic-version': version,
          'x-api-key': credential.secret,
          ...(all.length > 0 && { 'anthropic-beta': all.join(',') }),
        };
      };

      const ask = async (
        request: ChatRequest,
        io: ProviderIO,
        native?: NativeRequest,
        withoutGrammar = false,
      ): Promise<Asked> => {
        const speaks = native?.dialect === ANTHROPIC_DIALECT ? native : null;
        const wanted = betasIn(speaks);
        const surplus = speaks && surplusFor(request);
        const own = speaks && surplus ? nativeBody(speaks.bytes, request.model, [...OURS, ...surplus]) : null;
        if (own) {
          for (const name of surplus ?? []) io.dropped(name);
          return {
            bytes: own,
            streams: request.stream === true,
            betas: wanted,
            reading: PLAIN,
            native: true,
          };
        }
        const inlined = await inlineImages(request, io, (url) => /^http:/i.test(url));
        const rules = { dropped: io.dropped, withoutGrammar, ...(systemMidway && { systemMidway }) };
        const { body, reading } = messagesRequest(inlined, rules);
        const streams = request.stream === true || Number(body['max_tokens']) > MOST_AT_ONCE;
        if (streams) body['stream'] = true;
        return {
          bytes: jsonBytes(body, native),
          streams,
          betas: [...wanted, ...(namesFiles(request) ? [FILES] : [])],
          reading,
          native: false,
        };
      };

      const post = async (asked: Asked, io: ProviderIO): Promise<Answered> => {
        const headers = headersOf(io, asked.betas);
        const response = await io.http({
          method: 'POST',
          url: `${base}/messages`,
          headers,
          body: asked.bytes,
        });
        if (response.status === 200) return { ...asked, response };
        throw failure(response, await refusalBody(response, io), io);
      };

      /** A grammar that turns out to be too large is done without. */
      const send = async (
        request: ChatRequest,
        io: ProviderIO,
        native?: NativeRequest,
      ): Promise<Answered> => {
        const asked = await ask(request, io, native);
        try {
          return await post(asked, io);
        } catch (error) {
          if (asked.native || !isGatewayError(error) || !GRAMMAR.test(error.details.upstream?.message ?? ''))
            throw error;
          return post(await ask(request, io, native, true), io);
        }
      };

      return withLegacyFunctions({
        residency: 'global',
        features: allOf(TREATMENTS),
        unfit: refuses,
        async chat(request, io, native): Promise<ChatBody | ChatStream> {
          const { response, streams, reading, native: same } = await send(request, io, native);
          const created = Math.floor(io.clock.wall() / 1000);
          if (streams && !/json|html/.test(response.headers['content-type'] ?? '')) {
            const asked = {
              created,
              reading,
              native: same,
              failure: (event: unknown) => failure(null, event, io),
            };
            const frames = messageFrames(response.body, asked);
            if (request.stream === true) return { kind: 'stream', frames };
            const whole = await wholeOf(frames, reading);
            return { kind: 'completion', bytes: replyBytes(whole), json: () => whole };
          }
          const bytes = await response.bytes();
          const message = readJson(bytes);
          if (isRecord(message) && message['type'] === 'error') throw failure(null, message, io);
          const completion = completionOf(message, created, reading);
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
            ...(same && { native: { dialect: ANTHROPIC_DIALECT, bytes } }),
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
      });
    },
  }),
);

const betasIn = (native: NativeRequest | null): readonly string[] =>
  native?.headers?.['anthropic-beta']?.split(',').map((name) => name.trim()) ?? [];

const namesFiles = ({ messages }: ChatRequest): boolean =>
  messages.some(
    ({ content }) =>
      Array.isArray(content) && content.some(({ file }) => isRecord(file) && file['file_id'] !== undefined),
  );

/** An error event inside a 200 has no status of its own: the type tells. */
function failure(response: HttpResponse | null, body: unknown, io: ProviderIO): GatewayError {
  const refusal = { status: response?.status ?? 500, headers: response?.headers ?? {}, body };
  return refused(refusal, io.credential.secret, io.clock.wall(), classify);
}

const read = async (response: HttpResponse, limit?: number): Promise<unknown> =>
  readJson(await response.bytes(limit));

export default anthropic;
