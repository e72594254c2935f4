import {
  type ChatBody,
  type ChatStream,
  defineProvider,
  GatewayError,
  type HttpResponse,
  type ProviderIO,
} from '@inferbridge/core';
import { embeddingsBody, embeddingsOf } from './dialects/gemini/embeddings.ts';
import { geminiRefusal } from './dialects/gemini/errors.ts';
import type { TranslationOptions } from './dialects/gemini/events.ts';
import { geminiRequest, refuses, TREATMENTS } from './dialects/gemini/request.ts';
import { completionOf } from './dialects/gemini/response.ts';
import { createSignatures } from './dialects/gemini/signatures.ts';
import { geminiFrames } from './dialects/gemini/stream.ts';
import { encoded } from './dialects/openai/embeddings.ts';
import { isRecord } from './dialects/openai/errors.ts';
import { withLegacyFunctions } from './dialects/openai/legacy.ts';
import { allOf } from './features.ts';
import { jsonBytes, readJson, replyBytes } from './json.ts';
import { inlineImages } from './media.ts';
import { PLAIN_HEADERS } from './openai-compatible.ts';
import { refusalBody } from './refusal-body.ts';
import { type Vendor, vendor, vendorOptions } from './vendor.ts';

/** Gemini, in its own dialect. Source: https://ai.google.dev/api (read 2026-11-20). */
export const gemini: Vendor = vendor(
  defineProvider({
    name: 'gemini',
    options: vendorOptions,
    create: ({ baseUrl = 'https://generativelanguage.googleapis.com/v1beta' }) => {
      const base = baseUrl.replace(/\/+$/, '');
      const signatures = createSignatures();

      const post = async (
        model: string,
        method: string,
        body: Uint8Array,
        io: ProviderIO,
      ): Promise<HttpResponse> => {
        const url = `${base}/${pathOf(model)}:${method}`;
        const response = await io.http({ method: 'POST', url, headers: headersOf(io), body });
        if (response.status === 200) return response;
        throw failure(response, await refusalBody(response, io), io);
      };

      return withLegacyFunctions({
        residency: 'global',
        features: allOf(TREATMENTS),
        unfit: refuses,
        async chat(given, io, native): Promise<ChatBody | ChatStream> {
          const request = await inlineImages(given, io, () => true);
          const { id: owner } = io.credential;
          const { body, names, custom } = geminiRequest(request, {
            dropped: io.dropped,
            signatureOf: (callId) => signatures.get(owner, callId),
          });
          const stream = request.stream === true;
          const method = stream ? 'streamGenerateContent?alt=sse' : 'generateContent';
          const response = await post(request.model, method, jsonBytes(body, native), io);
          const newId = (prefix: string) => `${prefix}${Math.floor(io.random() * 1e15).toString(36)}`;
          const options: TranslationOptions = {
            created: Math.floor(io.clock.wall() / 1000),
            model: request.model,
            id: newId('chatcmpl-'),
            names,
            custom,
            newId: () => newId('call_'),
            remember: (callId, signature) => signatures.set(owner, callId, signature),
            failure: (event) => failure(null, event, io),
          };
          if (stream && !/json|html/.test(response.headers['content-type'] ?? ''))
            return { kind: 'stream', frames: geminiFrames(response.body, options) };
          const said = readJson(await response.bytes());
          const completion = stream ? null : completionOf(said, options);
          if (!completion) throw unreadable('answer');
          return { kind: 'completion', bytes: replyBytes(completion), json: () => completion };
        },
        async embed(request, io) {
          const body = embeddingsBody(request, pathOf(request.model), io.dropped);
          const response = await post(request.model, 'batchEmbedContents', jsonBytes(body), io);
          const read = embeddingsOf(readJson(await response.bytes()), request);
          if (!read) throw unreadable('list of embeddings');
          const answer = encoded(read, request.encoding_format ?? 'float');
          return { bytes: replyBytes(answer), json: () => answer };
        },
        async models(io) {
          const url = `${base}/models?pageSize=1000`;
          const response = await io.http({ method: 'GET', url, headers: headersOf(io) });
          const body = readJson(await response.bytes());
          if (response.status !== 200) throw failure(response, body, io);
          const list = isRecord(body) && Array.isArray(body['models']) ? body['models'].filter(isRecord) : [];
          return list.flatMap(({ name, supportedGenerationMethods: methods }) =>
            typeof name === 'string' &&
            (!Array.isArray(methods) || methods.some((method) => USEFUL.has(method)))
              ? [name.replace(/^models\//, '')]
              : [],
          );
        },
      });
    },
  }),
);

const unreadable = (what: string) =>
  new GatewayError('malformed', `the upstream answered 200 with something that is no ${what}`, {
    status: 200,
    code: 'upstream_unreadable',
  });

const USEFUL: ReadonlySet<unknown> = new Set(['generateContent', 'embedContent', 'batchEmbedContents']);

/** A bare name is a model; tuned ones come with their folder. Whatever else it holds stays one segment of the address. */
function pathOf(model: string): string {
  const [, folder = 'models', name = model] = /^((?:tuned)?[mM]odels)\/(.+)$/s.exec(model) ?? [];
  return `${folder}/${encodeURIComponent(name.toWellFormed())}`;
}

const headersOf = ({ credential }: ProviderIO) => ({
  ...PLAIN_HEADERS,
  'content-type': 'application/json',
  'x-goog-api-key': credential.secret,
});

/** An error inside a 200 has no status of its own. */
const failure = (response: HttpResponse | null, body: unknown, io: ProviderIO): GatewayError =>
  geminiRefusal(
    { status: response?.status ?? statusIn(body), headers: response?.headers ?? {}, body },
    io.credential.secret,
    io.clock.wall(),
  );

function statusIn(body: unknown): number {
  const error = isRecord(body) ? body['error'] : null;
  const code = isRecord(error) ? Number(error['code']) : Number.NaN;
  return code >= 400 && code <= 599 ? code : 500;
}

export default gemini;
