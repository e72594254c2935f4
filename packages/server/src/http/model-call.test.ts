import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHost, createRoster, GatewayError } from '@inferbridge/core';
import { virtualClock } from '@inferbridge/core/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { chatFront } from '../fronts/chat.ts';
import { createModelCall } from './model-call.ts';

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A server whose gateway answers when it is told to, on a clock that is not the machine's. */
async function waiting(stream: boolean) {
  const clock = virtualClock();
  const host = createHost({ transport: () => Promise.reject(new Error('nobody')), clock });
  let fail = (_: GatewayError) => {};
  const begun = Promise.withResolvers<void>();
  const answer = createModelCall({
    gateway: {
      handle: () => {
        begun.resolve();
        return new Promise((_, reject) => {
          fail = reject;
        });
      },
    } as never, // all of a gateway that is asked for here
    host,
    authenticate: async () => ({ id: 'u' }),
    bodyLimitBytes: 10_000,
    callState: (user) => ({ user }),
    open: createRoster(),
  })(chatFront({ strict: false }));
  const server = createServer((req, res) => void answer(req, res, 'r-1'));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  let said = '';
  let status: number | null = null;
  const ended = Promise.withResolvers<void>();
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream });
  const headers = { authorization: 'Bearer ib_x', 'content-type': 'application/json' };
  const client = request({ port, host: '127.0.0.1', method: 'POST', path: '/', headers }, (response) => {
    status = response.statusCode ?? null;
    response.on('data', (piece) => {
      said += piece;
    });
    response.on('end', () => ended.resolve());
  });
  client.end(body);
  await begun.promise;
  const until = async (done: () => boolean) => {
    while (!done()) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    clock,
    said: () => said,
    status: () => status,
    until,
    ended: ended.promise,
    fail: (error: GatewayError) => fail(error),
  };
}

const BEAT = ': keep-alive\n\n';

describe('while the first content is awaited', () => {
  it('a stream’s client gets comments from 15 s on, and a failure then is an event', async () => {
    const call = await waiting(true);
    await call.clock.advance(14_999);
    expect([call.status(), call.said()]).toEqual([null, '']);
    await call.clock.advance(1);
    await call.until(() => call.said() === BEAT);
    expect(call.status()).toBe(200);
    await call.clock.advance(15_000);
    await call.until(() => call.said() === BEAT + BEAT);
    call.fail(new GatewayError('server_error', 'no'));
    await call.ended;
    expect(call.said().slice(2 * BEAT.length)).toMatch(/^data: \{"error":/);
    expect(call.said()).not.toContain('[DONE]');
    expect(call.clock.pending()).toBe(0);
  });

  it('a stream’s client gets a status of its own where it fails before', async () => {
    const call = await waiting(true);
    await call.clock.advance(10_000);
    call.fail(new GatewayError('server_error', 'no'));
    await call.ended;
    expect(call.status()).toBe(502);
    expect(call.clock.pending()).toBe(0);
  });

  it('anybody else’s gets nothing', async () => {
    const call = await waiting(false);
    await call.clock.advance(60_000);
    expect([call.status(), call.said()]).toEqual([null, '']);
    call.fail(new GatewayError('server_error', 'no'));
    await call.ended;
    expect(call.status()).toBe(502);
  });
});
