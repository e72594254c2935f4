import {
  type ChatBody,
  type ChatRequest,
  type ChatStream,
  type Credential,
  type EmbeddingsBody,
  type EmbeddingsRequest,
  GatewayError,
  type HttpResponse,
  type NativeRequest,
  type Provider,
  type ProviderIO,
} from '@inferbridge/core';
import { createCorrections } from './corrections.ts';
import {
  type EmbeddingsTraits,
  embeddingsBody,
  encoded,
  readEmbeddings,
} from './dialects/openai/embeddings.ts';
import {
  type Classify,
  isCompletion,
  isErrorBody,
  isRecord,
  refused,
  statusIn,
} from './dialects/openai/errors.ts';
import { withLegacyFunctions } from './dialects/openai/legacy.ts';
import {
  createNormaliser,
  madeUp,
  normaliseCompletion,
  type ReplyTraits,
} from './dialects/openai/normalise.ts';
import { chatBodyOf, type RequestTraits } from './dialects/openai/request.ts';
import { OPENAI_DIALECT, splicedBody } from './dialects/openai/splice.ts';
import { chatFrames } from './dialects/openai/stream.ts';
import { allOf, refusing, type Treatments } from './features.ts';
import { jsonBytes, readJson, replyBytes } from './json.ts';
import { inlineImages } from './media.ts';
import { refusalBody } from './refusal-body.ts';

export interface OpenAICompatibleOptions extends RequestTraits, ReplyTraits {
  /** Up to and with the version: `https://api.example.com/v1`. A credential's own address wins. */
  readonly baseUrl?: string;
  /** Where the data goes; default `global`. */
  readonly residency?: string;
  /** Asked with GET for whether the key is good, where the list of models does not tell. */
  readonly healthPath?: string;
  /** Replies need no mending and pass byte by byte. True for OpenAI itself; default false. */
  readonly clean?: boolean;
  /** Default `authorization: Bearer …`, nothing for an empty secret. */
  readonly auth?: (credential: Credential) => Record<string, string>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Added to every address: `?api-version=…`. */
  readonly query?: string;
  /** Where addresses name the model; `null` for what concerns none. */
  readonly pathOf?: (path: string, model: string | null) => string;
  /** What only some of the vendor's models cannot do. */
  readonly refuses?: (request: ChatRequest, model: string) => GatewayError | null;
  /** What the vendor's errors mean where they differ from OpenAI's. */
  readonly classify?: Classify;
  /** Addresses come from users: checked at every connect. Default false. */
  readonly guarded?: boolean;
  /** Can be used without any key: a server of the operator's own. Default false. */
  readonly keyless?: boolean;
  /** The addresses of pictures that the vendor does not fetch itself; default none. */
  readonly fetchImages?: (url: string) => boolean;
  /** Where embeddings differ from OpenAI's; `false` where there are none. */
  readonly embeddings?: EmbeddingsTraits | false;
}

/** `authorization: Bearer …`; nothing for an empty secret. */
export const bearer = ({ secret }: Credential): Record<string, string> =>
  secret === '' ? {} : { authorization: `Bearer ${secret}` };
/** What every request to an upstream says of itself. */
export const PLAIN_HEADERS = {
  accept: 'application/json',
  'accept-encoding': 'identity',
  'user-agent': 'inferbridge/0.1',
} as const;
/** What nobody but its own vendor knows, and what is easily done for all. */
const DEFAULTS: Treatments = {
  'dated hosted tools': 'refused',
  'functions (legacy)': 'emulated',
  'blocks of Anthropic alone': 'refused',
  'items of OpenAI alone': 'refused',
};

/** A provider for any vendor that speaks OpenAI's chat completions; what is special about it are options. */
export function openAICompatible(options: OpenAICompatibleOptions): Omit<Provider, 'name'> {
  const { auth = bearer, clean = false, classify, embeddings = {} } = options;
  const treatments: Treatments = { ...DEFAULTS, ...options.treatments };
  const bodyOf = chatBodyOf(options);
  const corrections = createCorrections();
  const refuseByTable = refusing(treatments);

  const urlOf = (path: string, credential: Credential, model: string | null): string => {
    const base = credential.baseUrl ?? options.baseUrl;
    if (!base)
      throw new GatewayError('invalid_request', 'this provider needs a base_url', { param: 'base_url' });
    const place = options.pathOf?.(path, model) ?? path;
    return base.replace(/\/+$/, '') + place + (options.query ? `?${options.query}` : '');
  };
  const headersOf = (credential: Credential) => ({
    ...PLAIN_HEADERS,
    ...options.headers,
    ...auth(credential),
  });
  const guard = options.guarded ? { guarded: true } : {};
  const post = (path: string, model: string, body: Uint8Array, io: ProviderIO): Promise<HttpResponse> =>
    io.http({
      method: 'POST',
      url: urlOf(path, io.credential, model),
      headers: { ...headersOf(io.credential), 'content-type': 'application/json' },
      body,
      ...guard,
    });
  const refusal = (
    status: number,
    headers: Readonly<Record<string, string>>,
    body: unknown,
    io: ProviderIO,
  ) => refused({ status, headers, body }, io.credential.secret, io.clock.wall(), classify);
  const refuse = async (response: HttpResponse, io: ProviderIO): Promise<GatewayError> => {
    return refusal(response.status, response.headers, await refusalBody(response, io), io);
  };

  const written = (request: ChatRequest, io: ProviderIO, native: NativeRequest | undefined): Uint8Array => {
    const body = bodyOf(request, io.dropped);
    corrections.apply(subjectOf(request, io), body, io.dropped);
    const same = native?.dialect === OPENAI_DIALECT && body['messages'] === request.messages;
    return (same && splicedBody(native.bytes, request, body)) || jsonBytes(body, native);
  };

  /** A parameter that the model turns out not to take is left out, once, and from then on. */
  const send = async (
    request: ChatRequest,
    io: ProviderIO,
    native?: NativeRequest,
  ): Promise<HttpResponse> => {
    const response = await post('/chat/completions', request.model, written(request, io, native), io);
    if (response.status === 200) return response;
    const error = await refuse(response, io);
    if (!corrections.learn(subjectOf(request, io), request, error)) throw error;
    const second = await post('/chat/completions', request.model, written(request, io, undefined), io);
    if (second.status === 200) return second;
    throw await refuse(second, io);
  };

  const provider: Omit<Provider, 'name'> = {
    residency: options.residency ?? 'global',
    ...(options.keyless && { keyless: true }),
    features: allOf(treatments),
    unfit: (request, model) => refuseByTable(request) ?? options.refuses?.(request, model) ?? null,
    async chat(given, io, native): Promise<ChatBody | ChatStream> {
      const request = options.fetchImages ? await inlineImages(given, io, options.fetchImages) : given;
      const response = await send(request, io, request === given ? native : undefined);
      if (request.stream === true && !/json|html/.test(response.headers['content-type'] ?? '')) {
        const frames = chatFrames(response.body, {
          clean,
          failure: (body) => refusal(statusIn(body), {}, body, io),
          normaliser: () => createNormaliser(options, madeUp(request.model, io)),
        });
        return { kind: 'stream', frames };
      }
      const bytes = await response.bytes();
      const body = readJson(bytes);
      if (isErrorBody(body)) throw refusal(statusIn(body), response.headers, body, io);
      if (!isCompletion(body) || request.stream === true) throw unreadable('completion');
      if (clean) return { kind: 'completion', bytes, json: () => body };
      const normal = normaliseCompletion(body, options, madeUp(request.model, io));
      return { kind: 'completion', bytes: replyBytes(normal), json: () => normal };
    },
    ...(options.healthPath !== undefined && {
      async health(io: ProviderIO): Promise<void> {
        const response = await io.http({
          method: 'GET',
          url: urlOf(options.healthPath ?? '', io.credential, null),
          headers: headersOf(io.credential),
          ...guard,
        });
        if (response.status !== 200) throw await refuse(response, io);
        await response.bytes();
      },
    }),
    async models(io) {
      const response = await io.http({
        method: 'GET',
        url: urlOf('/models', io.credential, null),
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
    ...(embeddings !== false && {
      async embed(request: EmbeddingsRequest, io: ProviderIO): Promise<EmbeddingsBody> {
        const body = jsonBytes(embeddingsBody(request, embeddings, io.dropped));
        const response = await post('/embeddings', request.model, body, io);
        if (response.status !== 200) throw await refuse(response, io);
        const said = readJson(await response.bytes());
        if (isRecord(said) && said['error']) throw refusal(statusIn(said), response.headers, said, io);
        const read = readEmbeddings(said, request);
        if (!read) throw unreadable('list of embeddings');
        const answer = encoded(read, request.encoding_format ?? 'float');
        return { bytes: replyBytes(answer), json: () => answer };
      },
    }),
  };
  return treatments['functions (legacy)'] === 'native' ? provider : withLegacyFunctions(provider);
}

const subjectOf = ({ model }: ChatRequest, { credential, clock }: ProviderIO) => ({
  credential: credential.id,
  model,
  now: clock.now(),
});

const unreadable = (wanted: string) =>
  new GatewayError('malformed', `the upstream answered 200 with something that is no ${wanted}`, {
    status: 200,
    code: 'upstream_unreadable',
  });
