import type { IncomingMessage } from 'node:http';
import { createPieces } from '@inferbridge/core';
import { badRequest, HttpError } from './http-error.ts';
import { LARGE_BYTES, parseLarge } from './large-body.ts';

/** The most that Node reads at once. */
const PIECE_BYTES = 65_536;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Reads a request's body, at most `limit` bytes of it; rejects with 413, 415 or 400. */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = () =>
    new HttpError(413, 'invalid_request_error', `the body is larger than ${limit} bytes`, {
      code: 'request_too_large',
      headers: { connection: 'close' },
    });
  const encoding = request.headers['content-encoding'];
  if (encoding && encoding !== 'identity')
    return Promise.reject(
      new HttpError(
        415,
        'invalid_request_error',
        `content-encoding ${encoding.slice(0, 40)}: send the body as it is`,
      ),
    );
  if (request.destroyed) return Promise.reject(badRequest('the body ended early'));
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limit) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    // what takes more than one piece has one place from the start
    const pieces = createPieces(announced > PIECE_BYTES ? announced : 0);
    request.on('data', (piece: Buffer) => {
      if (pieces.push(piece) <= limit) return;
      request.pause();
      request.removeAllListeners('data');
      reject(tooLarge());
    });
    request.on('end', () => {
      const { buffer, byteOffset, byteLength } = pieces.whole();
      resolve(Buffer.from(buffer, byteOffset, byteLength));
    });
    request.on('error', () => reject(badRequest('the body ended early')));
    request.on('close', () => {
      if (!request.complete) reject(badRequest('the body ended early'));
    });
  });
}

type Parse = (text: string) => unknown;

/** The body as a JSON object; rejects with 400 for anything else. `parse` throws what `JSON.parse` throws. */
export function parseObject(bytes: Uint8Array, parse: Parse = JSON.parse): Record<string, unknown> {
  let value: unknown;
  try {
    const read = (part: Uint8Array) => parse(decoder.decode(part));
    value = bytes.length > LARGE_BYTES ? parseLarge(bytes, read) : read(bytes);
  } catch (error) {
    const where = error instanceof SyntaxError ? /position \d+/.exec(error.message)?.[0] : 'not UTF-8';
    throw badRequest(`the body is not valid JSON${where ? ` (${where})` : ''}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('the body must be a JSON object');
  return value as Record<string, unknown>; // an object that is no array
}
