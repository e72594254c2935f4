import { randomUUID } from 'node:crypto';
import { GatewayError, type NativeRequest } from '@inferbridge/core';
import { parseExact } from './json-exact.ts';

/** A request body as bytes; one that is nested beyond what can be written is the caller's mistake. `from` tells how large it is. */
export function jsonBytes(body: unknown, from?: NativeRequest): Uint8Array {
  try {
    return from && from.bytes.length > LARGE_BYTES ? largeBytes(body) : Buffer.from(JSON.stringify(body));
  } catch (error) {
    throw new GatewayError('invalid_request', 'the body is nested too deeply', { cause: error });
  }
}

/** Bodies above this hold pictures, which are written once, straight into the bytes. */
const LARGE_BYTES = 1_048_576;
const LONG_STRING = 65_536;
/** What needs no escape in JSON, and is one byte a character. */
const PLAIN = /^[A-Za-z0-9+/=:;,._-]*$/;

function largeBytes(body: unknown): Uint8Array {
  const mark = `${randomUUID()}:`;
  const lifted: string[] = [];
  const text = JSON.stringify(body, (_, value: unknown) => {
    if (typeof value !== 'string' || value.length < LONG_STRING || !PLAIN.test(value)) return value;
    lifted.push(value);
    return `${mark}${lifted.length - 1}`;
  });
  const pieces = text
    .split(new RegExp(`${mark}(\\d+)`))
    .map((piece, index) => (index % 2 === 0 ? Buffer.from(piece) : (lifted[Number(piece)] ?? '')));
  const bytes = Buffer.allocUnsafeSlow(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === 'string') bytes.write(piece, at, 'latin1');
    else piece.copy(bytes, at);
    at += piece.length;
  }
  return bytes;
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
    return parseExact(text);
  } catch {
    return null;
  }
}

/** What a body says, or `null` where it is no JSON. Some vendors send blank lines before it while they are busy. */
export const readJson = (bytes: Uint8Array): unknown =>
  parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());

/** What should be a text, from somebody who may send anything; nothing else becomes one by accident. */
export const asText = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? `${value}` : '';

/** JSON as a text; what is nested beyond what can be written is the caller's mistake, at the place that is given. */
export function jsonText(value: unknown, place?: string): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new GatewayError('invalid_request', `${place ?? 'a schema'} is nested too deeply`, {
      cause: error,
      ...(place !== undefined && { param: place }),
    });
  }
}
