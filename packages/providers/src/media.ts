import {
  type ChatMessage,
  type ChatRequest,
  type ContentPart,
  GatewayError,
  type ProviderIO,
} from '@inferbridge/core';
import { isRecord } from './dialects/openai/errors.ts';

/*
 * Pictures that the vendor does not fetch itself. Addresses come from callers: every connect passes the guard, and
 * nothing but a picture of bounded size, in bounded time, is taken.
 */

/** All pictures of one request together. */
const MOST_BYTES = 20 * 1_048_576;
const MOST_IMAGES = 20;
const PATIENCE_MS = 10_000;

/** The request with those pictures in it as data: URLs whose address `which` picks; the same request where there are none. */
export async function inlineImages(
  request: ChatRequest,
  io: ProviderIO,
  which: (url: string) => boolean,
): Promise<ChatRequest> {
  const wanted = new Map<string, string>();
  for (const [index, { content }] of request.messages.entries()) {
    if (!Array.isArray(content)) continue;
    for (const [at, part] of content.entries()) {
      const url = addressOf(part);
      if (url !== null && which(url)) wanted.set(url, `messages[${index}].content[${at}].image_url.url`);
    }
  }
  if (wanted.size === 0) return request;
  if (wanted.size > MOST_IMAGES)
    throw new GatewayError(
      'invalid_request',
      `messages: at most ${MOST_IMAGES} pictures are fetched; send data: URLs`,
      {
        param: 'messages',
      },
    );
  const fetched = new Map<string, string>();
  let left = MOST_BYTES;
  // one after the other, within one limit: what a request makes us fetch is bounded whatever it names
  for (const [url, place] of wanted) {
    const { data, bytes } = await dataUrl(url, place, left, io);
    fetched.set(url, data);
    left -= bytes;
  }
  return { ...request, messages: request.messages.map((message) => inlined(message, fetched)) };
}

function addressOf(part: unknown): string | null {
  if (!isRecord(part) || part['type'] !== 'image_url') return null;
  const given = part['image_url'];
  const url = isRecord(given) ? given['url'] : given;
  return typeof url === 'string' && /^https?:\/\//i.test(url) ? url : null;
}

function inlined(message: ChatMessage, fetched: ReadonlyMap<string, string>): ChatMessage {
  if (!Array.isArray(message.content)) return message;
  const content = message.content.map((part): ContentPart => {
    const url = addressOf(part);
    const data = url === null ? undefined : fetched.get(url);
    if (data === undefined) return part;
    const given = part['image_url'];
    return { ...part, image_url: { ...(isRecord(given) ? given : {}), url: data } };
  });
  return { ...message, content };
}

async function dataUrl(
  url: string,
  place: string,
  most: number,
  io: ProviderIO,
): Promise<{ data: string; bytes: number }> {
  const late = new AbortController();
  const timer = io.clock.setTimeout(() => late.abort(new GatewayError('timeout', 'too slow')), PATIENCE_MS);
  const refuse = (why: string, cause?: unknown) =>
    new GatewayError('invalid_request', `${place}: ${why}; send the picture as a data: URL`, {
      param: place,
      cause,
    });
  try {
    const response = await io
      .http({
        method: 'GET',
        url,
        headers: { accept: 'image/*', 'accept-encoding': 'identity', 'user-agent': 'inferbridge/0.1' },
        guarded: true,
        signal: late.signal,
      })
      .catch((error: unknown) => {
        throw refuse(late.signal.aborted ? 'it took too long to fetch' : 'it cannot be fetched', error);
      });
    const type = (response.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
    if (response.status !== 200 || !type.startsWith('image/')) {
      late.abort(new GatewayError('lost', 'not a picture')); // whatever it is, nobody reads it
      throw refuse(
        response.status === 200 ? 'what is there is no picture' : `the address answered ${response.status}`,
      );
    }
    const bytes = await response.bytes(most).catch((error: unknown) => {
      throw refuse(
        `the pictures of a request are larger than ${MOST_BYTES} bytes together, or this one could not be read`,
        error,
      );
    });
    if (bytes.length === 0) throw refuse('the picture is empty');
    return { data: `data:${type};base64,${Buffer.from(bytes).toString('base64')}`, bytes: bytes.length };
  } catch (error) {
    if (io.signal.aborted) throw io.signal.reason;
    throw error;
  } finally {
    io.clock.clearTimeout(timer);
  }
}
