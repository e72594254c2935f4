import {
  type ChatBody,
  type ChatCompletion,
  type ChatRequest,
  type ChatStream,
  type Credential,
  GatewayError,
  type HttpResponse,
  type NativeRequest,
  type Provider,
  type ProviderIO,
} from '@inferbridge/core';
import { type Classify, isRecord, refused } from './dialects/openai/errors.ts';
import { createNormaliser, normaliseCompletion, type ReplyTraits } from './dialects/openai/normalise.ts';
import { chatBody, OURS, type RequestTraits } from './dialects/openai/request.ts';
import { OPENAI_DIALECT, splicedBody } from './dialects/openai/splice.ts';
import { chatFrames } from './dialects/openai/stream.ts';
import { jsonBytes, readJson, replyBytes } from './json.ts';

export interface OpenAICompatibleOptions extends RequestTraits, ReplyTraits {
  /** Up to and with the version: `https://api.example.com/v1`. A credential's own address wins. */
  readonly baseUrl?: string;
  /** Where the data goes; default `global`. */
  readonly residency?: string;
  /** Replies need no mending and pass byte by byte. True for OpenAI itself; default false. */
  readonly clean?: boolean;
  /** Default `authorization: Bearer …`, nothing for an empty secret. */
  readonly auth?: (credential: Credential) => Record<string, string>;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the vendor's errors mean where they differ from OpenAI's. */
  readonly classify?: Classify;
  /** Addresses come from users: checked at every connect. Default false. */
  readonly guarded?: boolean;
}

const bearer = ({ secret }: Credential): Record<string, string> =>
  secret === '' ? {} : { authorization: `Bearer ${secret}` };
/** Options that change what is sent. */
const TRAITS: readonly string[] = [
  'maxTokensField',
  'developerRole',
  'stringContent',
  'drop',
  'rename',
  'includeUsage',
] satisfies readonly (keyof RequestTraits)[];
const AGENT = 'inferbridge/0.1';

/** A provider for any vendor that speaks OpenAI's chat completions; what is special about it are options. */
export function openAICompatible(options: OpenAICompatibleOptions): Omit<Provider, 'name'> {
  const { auth = bearer, clean = false, classify } = options;
  /** Requests differ from the client's own in nothing but the model. */
  const plain = !Object.keys(options).some((key) => TRAITS.includes(key));

  const urlOf = (path: string, credential: Credential): string => {
    const base = credential.baseUrl ?? options.baseUrl;
    if (!base)
      throw new GatewayError('invalid_request', 'this provider needs a base_url', { param: 'base_url' });
    return base.replace(/\/+$/, '') + path;
  };
  const headersOf = (credential: Credential) => ({
    accept: 'application/json',
    'accept-encoding': 'identity',
    'user-agent': AGENT,
    ...options.headers,
    ...auth(credential),
  });
  const guard = options.guarded ? { guarded: true } : {};

  const bodyOf = (request: ChatRequest, native: NativeRequest | undefined): Uint8Array => {
    const spliced =
      plain && native?.dialect === OPENAI_DIALECT ? splicedBody(native.bytes, request, OURS) : null;
    return spliced ?? jsonBytes(chatBody(request, options));
  };

  async function refuse(response: HttpResponse, io: ProviderIO): Promise<GatewayError> {
    const body = await response.bytes(1_048_576).then(readJson, () => null);
    return refused(
      { status: response.status, headers: response.headers, body },
      io.credential.secret,
      io.clock.wall(),
      classify,
    );
  }

  return {
    residency: options.residency ?? 'global',
    async chat(request, io, native): Promise<ChatBody | ChatStream> {
      const response = await io.http({
        method: 'POST',
        url: urlOf('/chat/completions', io.credential),
        headers: { ...headersOf(io.credential), 'content-type': 'application/json' },
        body: bodyOf(request, native),
        ...guard,
      });
      if (response.status !== 200) throw await refuse(response, io);
      const made = {
        id: `chatcmpl-${Math.floor(io.random() * 1e15).toString(36)}`,
        created: Math.floor(io.clock.wall() / 1000),
      };
      if (request.stream === true && !/json|html/.test(response.headers['content-type'] ?? '')) {
        const failure = (body: unknown) =>
          refused(
            { status: statusIn(body), headers: {}, body },
            io.credential.secret,
            io.clock.wall(),
            classify,
          );
        const frames = chatFrames(response.body, {
          clean,
          failure,
          normaliser: () => createNormaliser(options, made),
        });
        return { kind: 'stream', frames };
      }
      const bytes = await response.bytes();
      const body = readJson(bytes);
      if (isRecord(body) && body['error'])
        throw refused(
          { status: statusIn(body), headers: response.headers, body },
          io.credential.secret,
          io.clock.wall(),
          classify,
        );
      if (!isCompletion(body) || request.stream === true)
        throw new GatewayError(
          'malformed',
          'the upstream answered 200 with something that is no completion',
          { status: 200, code: 'upstream_unreadable' },
        );
      if (clean) return { kind: 'completion', bytes, json: () => body };
      const normal = normaliseCompletion(body, options, made);
      return { kind: 'completion', bytes: replyBytes(normal), json: () => normal };
    },
    async models(io) {
      const response = await io.http({
        method: 'GET',
        url: urlOf('/models', io.credential),
        headers: headersOf(io.credential),
        ...guard,
      });
      if (response.status !== 200) throw await refuse(response, io);
      const body = readJson(await response.bytes());
      const list = Array.isArray(body)
        ? body
        : isRecord(body) && Array.isArray(body['data'])
          ? body['data']
          : null;
      if (!list)
        throw new GatewayError('malformed', 'the upstream answered with something that is no list of models');
      return list.flatMap((model) =>
        isRecord(model) && typeof model['id'] === 'string' ? [model['id']] : [],
      );
    },
  };
}

/** The status that an error in a 200 would have had; vendors put it into `code` or `status_code`. */
function statusIn(body: unknown): number {
  const error = isRecord(body) ? body['error'] : null;
  const status = isRecord(error)
    ? Number(error['status_code'] ?? error['code'] ?? error['status'])
    : Number.NaN;
  return Number.isInteger(status) && status >= 400 && status <= 599 ? status : 200;
}

function isCompletion(body: unknown): body is ChatCompletion {
  if (!isRecord(body) || !Array.isArray(body['choices']) || body['choices'].length === 0) return false;
  return body['choices'].every((choice) => isRecord(choice) && isRecord(choice['message']));
}
