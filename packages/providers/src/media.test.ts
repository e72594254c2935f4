import {
  type ChatMessage,
  type ChatRequest,
  GatewayError,
  type HttpRequest,
  type ProviderIO,
} from '@inferbridge/core';
import { virtualClock } from '@inferbridge/core/testing';
import { describe, expect, it } from 'vitest';
import { scriptedIO } from '../../../test/support/exchange.ts';
import { inlineImages } from './media.ts';

const PNG = Buffer.from('\x89PNG');
const DATA = `data:image/png;base64,${PNG.toString('base64')}`;
const image = (url: unknown, more: object = {}) => ({ type: 'image_url', image_url: { url, ...more } });
const asking = (...content: unknown[]): ChatRequest => ({
  model: 'm',
  messages: [{ role: 'user', content } as ChatMessage], // hostile in some
});
const answer = (type = 'image/png', status = 200, body: Uint8Array = PNG) => ({
  status,
  body,
  headers: { 'content-type': type },
});
const URL_A = 'https://pictures.example/a.png?token=secret';

const inline = async (
  request: ChatRequest,
  answers: Parameters<typeof scriptedIO>[0],
  which = () => true,
) => {
  const { io, requests } = scriptedIO(answers);
  return { result: await inlineImages(request, io, which), requests };
};
const refused = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: GatewayError) => error,
  );

describe('a picture that the vendor does not fetch', () => {
  it('is in the request as data, its other words kept', async () => {
    const request = asking({ type: 'text', text: 'see' }, image(URL_A, { detail: 'low' }));
    const { result, requests } = await inline(request, [answer('Image/PNG; charset=binary')]);
    expect(result.messages[0]?.content).toEqual([
      { type: 'text', text: 'see' },
      image(DATA, { detail: 'low' }),
    ]);
    expect(requests).toEqual([
      expect.objectContaining({ method: 'GET', url: URL_A, guarded: true, signal: expect.any(AbortSignal) }),
    ]);
    expect(request.messages[0]?.content).toEqual([
      { type: 'text', text: 'see' },
      image(URL_A, { detail: 'low' }),
    ]);
  });

  it('is asked for without any key, cookie or body', async () => {
    const { requests } = await inline(asking(image(URL_A)), [answer()]);
    const names = Object.keys(requests[0]?.headers ?? {}).sort();
    expect(names).toEqual(['accept', 'accept-encoding', 'user-agent']);
    expect(requests[0]?.body).toBeUndefined();
  });

  it('is fetched once although it is there twice', async () => {
    const { result, requests } = await inline(asking(image(URL_A), image(URL_A)), [answer()]);
    expect(requests).toHaveLength(1);
    expect(result.messages[0]?.content).toEqual([image(DATA), image(DATA)]);
  });

  it.each([
    [image(DATA)],
    [image('ftp://x/a.png')],
    [image(7)],
    [image(null)],
    [{ type: 'image_url' }],
    [null],
    ['x'],
  ])('is not %j: nobody is called, and the request is the same one', async (part) => {
    const request = asking(part);
    const { result, requests } = await inline(request, []);
    expect(requests).toEqual([]);
    expect(result).toBe(request);
  });

  it('is left to a vendor that fetches it', async () => {
    const request = asking(image(URL_A));
    expect((await inline(request, [], () => false)).result).toBe(request);
  });

  it.each([
    [404, 'image/png', /answered 404/],
    [302, 'image/png', /answered 302/],
    [200, 'text/html', /no picture/],
    [200, '', /no picture/],
    [200, 'application/json', /no picture/],
  ])(
    'is refused for a %i of %j, with the place, the remedy and not the address',
    async (status, type, why) => {
      const error = await refused(
        inline(asking({ type: 'text', text: 'x' }, image(URL_A)), [answer(type, status)]),
      );
      expect(error).toMatchObject({ class: 'invalid_request' });
      expect(error?.message).toMatch(why);
      expect(error?.message).toMatch(/^messages\[0\]\.content\[1\].*data: URL/);
      expect(error?.message).not.toContain('secret');
    },
  );

  it('is refused where it is empty', async () => {
    const error = await refused(inline(asking(image(URL_A)), [answer('image/png', 200, Buffer.alloc(0))]));
    expect(error?.class).toBe('invalid_request');
  });

  it('is one of twenty at most', async () => {
    const many = (count: number) =>
      asking(...Array.from({ length: count }, (_, at) => image(`${URL_A}${at}`)));
    const answers = Array.from({ length: 30 }, () => answer());
    expect((await inline(many(20), answers)).requests).toHaveLength(20);
    const { io, requests } = scriptedIO(answers);
    expect((await refused(inlineImages(many(21), io, () => true)))?.class).toBe('invalid_request');
    expect(requests).toEqual([]);
  });

  it('is of bounded size', async () => {
    const limits: (number | undefined)[] = [];
    const { io } = scriptedIO([answer()]);
    const measured: ProviderIO = {
      ...io,
      async http(request) {
        const response = await io.http(request);
        return {
          ...response,
          bytes(limit) {
            limits.push(limit);
            return Promise.reject(new GatewayError('malformed', 'too large'));
          },
        };
      },
    };
    const error = await refused(inlineImages(asking(image(URL_A)), measured, () => true));
    expect(error).toMatchObject({ class: 'invalid_request' });
    expect(error?.message).toMatch(/larger than/);
    expect(limits).toEqual([20 * 1_048_576]);
  });

  it('is given up after a while, and the timer is cleared in any case', async () => {
    const clock = virtualClock();
    const { io } = scriptedIO([], { clock });
    const hanging: ProviderIO = {
      ...io,
      http: ({ signal }: Partial<HttpRequest>) =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    };
    const failing = refused(inlineImages(asking(image(URL_A)), hanging, () => true));
    await clock.advance(60_000);
    const error = await failing;
    expect(error).toMatchObject({ class: 'invalid_request' });
    expect(error?.message).toMatch(/too long/);
    expect(clock.pending()).toBe(0);
    await inlineImages(asking(image(URL_A)), scriptedIO([answer()], { clock }).io, () => true);
    expect(clock.pending()).toBe(0);
  });

  it('is nobody’s mistake where the caller has left', async () => {
    const leaving = new AbortController();
    const { io } = scriptedIO([]);
    const left = new GatewayError('client_closed', 'the client left');
    const error = await refused(
      inlineImages(
        asking(image(URL_A)),
        {
          ...io,
          signal: leaving.signal,
          http() {
            leaving.abort(left);
            return Promise.reject(left);
          },
        },
        () => true,
      ),
    );
    expect(error).toBe(left);
  });

  it('that the guard refuses is the caller’s mistake, and says nothing of what is there', async () => {
    const { io } = scriptedIO([]);
    const closed = new GatewayError('unreachable', 'connect to 10.0.0.1 refused');
    const error = await refused(
      inlineImages(
        asking(image('http://10.0.0.1/x')),
        { ...io, http: () => Promise.reject(closed) },
        () => true,
      ),
    );
    expect(error).toMatchObject({ class: 'invalid_request' });
    expect(error?.message).not.toContain('10.0.0.1');
  });
});
