import { GatewayError } from '@inferbridge/core';

/** A request body as bytes; one that is nested beyond what can be written is the caller's mistake. */
export function jsonBytes(body: unknown): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(body));
  } catch (error) {
    throw new GatewayError('invalid_request', 'the body is nested too deeply', { cause: error });
  }
}

/** A reply in our own words as bytes; one that is nested beyond what can be written is the upstream's fault. */
export function replyBytes(body: unknown): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(body));
  } catch (error) {
    throw new GatewayError('malformed', 'the answer of the upstream is nested too deeply', {
      status: 200,
      cause: error,
    });
  }
}

/** What a text says, or `null` where it is no JSON: one broken event does not end a stream. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What a body says, or `null` where it is no JSON. Some vendors send blank lines before it while they are busy. */
export const readJson = (bytes: Uint8Array): unknown =>
  parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
