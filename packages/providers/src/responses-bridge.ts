import {
  type ChatBody,
  type ChatRequest,
  type ChatStream,
  type Credential,
  GatewayError,
  type HttpResponse,
  type NativeRequest,
  type Provider,
  type ProviderIO,
} from '@inferbridge/core';
import { refused } from './dialects/openai/errors.ts';
import { modernised, withLegacyFunctions } from './dialects/openai/legacy.ts';
import { OURS } from './dialects/openai/request.ts';
import { nativeBody } from './dialects/openai/splice.ts';
import { isCallId } from './dialects/responses/call-id.ts';
import { PACKED_MARK } from './dialects/responses/inbound/carrier.ts';
import { needsResponses } from './dialects/responses/models.ts';
import { responsesBody, responsesRefuses } from './dialects/responses/request.ts';
import { completionOfResponse } from './dialects/responses/response.ts';
import { RESPONSES_DIALECT, responseFrames } from './dialects/responses/stream.ts';
import { jsonBytes, readJson, replyBytes } from './json.ts';
import { refusalBody } from './refusal-body.ts';

export interface BridgeOptions {
  readonly baseUrl: string;
  readonly headers: (credential: Credential) => Record<string, string>;
}

/** A body in the vendor's own dialect, unless somebody else has answered in its conversation. */
const readable = ({ dialect, bytes, of }: NativeRequest): boolean =>
  dialect === RESPONSES_DIALECT &&
  !Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(PACKED) &&
  !of.messages.some(
    ({ tool_calls: calls, tool_call_id: id }) =>
      (id !== undefined && !isCallId(id)) ||
      (Array.isArray(calls) &&
        calls.some((call) => !isCallId(call.id) || call['extra_content'] !== undefined)),
  );

const PACKED = Buffer.from(`"${PACKED_MARK}`);

type Chatting = Omit<Provider, 'name'>;

/**
 * A provider whose newer models take tools on /v1/responses alone: those requests go there and come back as chat
 * completions. A client that speaks that dialect itself is passed through.
 */
export function responsesBridge(provider: Chatting, { baseUrl, headers }: BridgeOptions): Chatting {
  const url = `${baseUrl.replace(/\/+$/, '')}/responses`;

  const failure = (
    response: Pick<HttpResponse, 'status' | 'headers'> | null,
    body: unknown,
    io: ProviderIO,
  ) =>
    refused(
      { status: response?.status ?? 200, headers: response?.headers ?? {}, body },
      io.credential.secret,
      io.clock.wall(),
    );

  const bridged = withLegacyFunctions({
    async chat(request: ChatRequest, io: ProviderIO, native?: NativeRequest): Promise<ChatBody | ChatStream> {
      const own = native && readable(native) ? nativeBody(native.bytes, request.model, OURS) : null;
      const response = await io.http({
        method: 'POST',
        url,
        headers: { ...headers(io.credential), 'content-type': 'application/json' },
        body: own ?? jsonBytes(responsesBody(request, io.dropped), native),
      });
      if (response.status !== 200) {
        throw failure(response, await refusalBody(response, io), io);
      }
      const created = Math.floor(io.clock.wall() / 1000);
      const failed = (body: unknown) => failure(null, body, io);
      if (request.stream === true && !/json|html/.test(response.headers['content-type'] ?? ''))
        return { kind: 'stream', frames: responseFrames(response.body, created, failed, own !== null) };
      const bytes = await response.bytes();
      const body = readJson(bytes);
      const completion = completionOfResponse(body, created, failed);
      if (!completion || request.stream === true)
        throw new GatewayError('malformed', 'the upstream answered 200 with something that is no response', {
          status: 200,
          code: 'upstream_unreadable',
        });
      return {
        kind: 'completion',
        bytes: replyBytes(completion),
        json: () => completion,
        ...(own && { native: { dialect: RESPONSES_DIALECT, bytes } }),
      };
    },
  });

  return {
    ...provider,
    unfit(request, model) {
      if (!needsResponses(request, model)) return provider.unfit?.(request, model) ?? null;
      return responsesRefuses(Array.isArray(request['functions']) ? modernised(request) : request);
    },
    chat(request, io, native) {
      const there = native?.dialect === RESPONSES_DIALECT || needsResponses(request, request.model);
      return there ? bridged.chat(request, io, native) : provider.chat(request, io, native);
    },
  };
}
