import { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { GatewayError, type HttpResponse } from '@inferbridge/core';
import { gather } from './http-body.ts';

/** By `content-encoding`; identity is asked for, but some upstreams compress all the same. */
const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream & Readable>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** The same response with its body decoded; whoever reads it bounds what comes out. */
export function decoded(response: HttpResponse): HttpResponse {
  const encoding = response.headers['content-encoding']?.trim().toLowerCase();
  if (!encoding || encoding === 'identity') return response;
  const create = DECODERS[encoding];
  const body = create ? unpack(response.body, create()) : refuse(encoding, response.body);
  return { ...response, body, bytes: (limit) => gather(body[Symbol.asyncIterator](), limit) };
}

async function* unpack(
  body: AsyncIterable<Uint8Array>,
  decoder: NodeJS.ReadWriteStream & Readable,
): AsyncGenerator<Uint8Array> {
  const source = Readable.from(body);
  source.on('error', (error) => decoder.destroy(error));
  try {
    yield* source.pipe(decoder);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError('malformed', "the upstream's answer could not be unpacked", { cause: error });
  } finally {
    source.destroy();
    decoder.destroy();
  }
}

// biome-ignore lint/correctness/useYield: it stands for a body, and fails when that is read
async function* refuse(encoding: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  await body[Symbol.asyncIterator]().return?.();
  throw new GatewayError(
    'malformed',
    `the upstream used an unknown content-encoding: ${encoding.slice(0, 40)}`,
  );
}
