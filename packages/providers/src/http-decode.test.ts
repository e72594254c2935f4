import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { GatewayError, type HttpResponse } from '@inferbridge/core';
import { describe, expect, it } from 'vitest';
import { createBody } from './http-body.ts';
import { decoded } from './http-decode.ts';

function response(encoding: string | null, bytes: Uint8Array, cut = 7): HttpResponse {
  const body = createBody({ pause() {}, resume() {}, leave() {} });
  for (let at = 0; at < bytes.length; at += cut) body.push(bytes.subarray(at, at + cut));
  body.end();
  return {
    status: 200,
    headers: encoding === null ? {} : { 'content-encoding': encoding },
    bytes: body.bytes,
    body: body.pieces,
  };
}

const TEXT = JSON.stringify({ answer: 'größe '.repeat(50) });
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');

describe('decoded', () => {
  it.each([
    ['gzip', gzipSync(TEXT)],
    ['x-gzip', gzipSync(TEXT)],
    [' GZIP ', gzipSync(TEXT)],
    ['deflate', deflateSync(TEXT)],
    ['br', brotliCompressSync(TEXT)],
    ['identity', Buffer.from(TEXT)],
    [null, Buffer.from(TEXT)],
  ])('unpacks %s', async (encoding, packed) => {
    expect(text(await decoded(response(encoding, packed)).bytes())).toBe(TEXT);
  });

  it('unpacks piece by piece', async () => {
    const pieces: Uint8Array[] = [];
    for await (const piece of decoded(response('gzip', gzipSync(TEXT), 1)).body) pieces.push(piece);
    expect(text(Buffer.concat(pieces))).toBe(TEXT);
  });

  it('bounds what comes out, not what came in', async () => {
    const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(16 * 1024);
    await expect(decoded(response('gzip', bomb, 4096)).bytes(1024 * 1024)).rejects.toMatchObject({
      class: 'malformed',
      details: { code: 'upstream_too_large' },
    });
  });

  it.each([
    ['junk', Buffer.from('this is not gzip at all')],
    ['a truncated body', gzipSync(TEXT).subarray(0, 30)],
  ])('reports %s as malformed', async (_, packed) => {
    await expect(decoded(response('gzip', packed)).bytes()).rejects.toMatchObject({ class: 'malformed' });
  });

  it('refuses an encoding that it does not know when the body is read', async () => {
    await expect(decoded(response('zstd-x', Buffer.from('?'))).bytes()).rejects.toMatchObject({
      class: 'malformed',
      message: expect.stringContaining('zstd-x'),
    });
  });

  it('passes on why the source itself failed', async () => {
    const reset = new GatewayError('unreachable', 'the upstream closed the connection');
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield gzipSync(TEXT).subarray(0, 20);
      throw reset;
    }
    const failing = decoded({ ...response('gzip', Buffer.alloc(0)), body: broken() });
    await expect(failing.bytes()).rejects.toBe(reset);
  });
});
