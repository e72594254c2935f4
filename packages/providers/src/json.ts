import { GatewayError } from '@inferbridge/core';

const encoder = new TextEncoder();

/** A request body as bytes; one that is nested beyond what can be written is the caller's mistake. */
export function jsonBytes(body: unknown): Uint8Array {
  try {
    return encoder.encode(JSON.stringify(body));
  } catch (error) {
    throw new GatewayError('invalid_request', 'the body is nested too deeply', { cause: error });
  }
}
