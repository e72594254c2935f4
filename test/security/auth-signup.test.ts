import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import type { Clock } from '@inferbridge/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRateWindow } from '../../packages/server/src/http/rate-window.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { ask, call } from './support/asking.ts';

const email = () => JSON.stringify({ email: `${randomUUID()}@example.com` });

describe('a flood of sign-ups', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({
      config: { trustedProxies: ['127.0.0.0/8'], limits: { signupsPerMinute: 3 } },
    });
  });
  afterAll(() => gateway.close());

  const from = async (address: string) =>
    (
      await ask(gateway, 'POST', '/v1/users', {
        headers: { 'x-forwarded-for': address, 'content-type': 'application/json' },
        body: email(),
      })
    ).status;

  it('from one IPv6 /64 is one flood, whatever its addresses; the next /64 is somebody else', async () => {
    const own = ['2001:db8:1:2::1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2:ffff:ffff:ffff:ffff'];
    for (const address of own) expect([address, await from(address)]).toEqual([address, 201]);
    for (const address of ['2001:db8:1:2::', '2001:db8:1:2:8000::', ...own])
      expect([address, await from(address)]).toEqual([address, 429]);
    expect(await from('2001:db8:1:3::1')).toBe(201);
    expect(await from('2001:db8:1::2')).toBe(201);
  });

  it('from one IPv4 address is one flood, also in IPv6’s clothes', async () => {
    for (let i = 0; i < 3; i++) expect(await from('203.0.113.9')).toBe(201);
    expect(await from('203.0.113.9')).toBe(429);
    expect(await from('::ffff:203.0.113.9')).toBe(429);
    expect(await from('203.0.113.10')).toBe(201);
  });

  it('is stopped before the address is looked at: one that is known tells the same', async () => {
    const known = email();
    const sign = (body: string) =>
      ask(gateway, 'POST', '/v1/users', { headers: { 'x-forwarded-for': '198.51.100.4' }, body });
    expect((await sign(known)).status).toBe(201);
    expect((await sign('{"email":"no address"}')).status).toBe(422);
    expect((await sign('not JSON')).status).toBe(400);
    const over = [await sign(known), await sign(email()), await sign('not JSON')];
    expect(new Set(over.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(over[0]?.status).toBe(429);
    expect(Number(over[0]?.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('does not keep those from calling who are in', async () => {
    const { body } = await (async () => {
      const told = await ask(gateway, 'POST', '/v1/users', {
        headers: { 'x-forwarded-for': '198.51.100.5' },
        body: email(),
      });
      return { body: JSON.parse(told.text) };
    })();
    for (let i = 0; i < 5; i++) await from('198.51.100.5');
    expect(await from('198.51.100.5')).toBe(429);
    expect((await call(gateway, body.api_key, 'GET', '/v1/users/me')).status).toBe(200);
  });

  it.each([
    ['leading zeros', '2001:db8:7:8::1', '2001:0db8:0007:0008:0000:0000:0000:0001'],
    ['capitals', '2001:db8:a:b::1', '2001:DB8:A:B::1'],
    ['hexadecimal IPv4', '192.0.2.33', '::ffff:c000:221'],
  ])('is one flood however a trusted proxy spells the address: %s', async (_, one, other) => {
    for (let i = 0; i < 3; i++) expect(await from(one)).toBe(201);
    expect(await from(one)).toBe(429);
    expect(await from(other)).toBe(429);
  });
});

describe('without a trusted proxy', () => {
  it('nobody’s header moves the count, on a socket of either family', async () => {
    const gateway = await startGateway({ config: { host: '::', limits: { signupsPerMinute: 2 } } });
    const { port } = new URL(gateway.url);
    const sign = async (host: string, headers: Record<string, string>) =>
      (await ask({ url: `http://${host}:${port}` }, 'POST', '/v1/users', { headers, body: email() })).status;
    expect(await sign('127.0.0.1', { 'x-forwarded-for': '203.0.113.1' })).toBe(201);
    expect(await sign('127.0.0.1', { forwarded: 'for=203.0.113.2', 'x-real-ip': '203.0.113.2' })).toBe(201);
    expect(await sign('127.0.0.1', { 'x-forwarded-for': '203.0.113.3' })).toBe(429);
    expect(await sign('127.0.0.1', { 'cf-connecting-ip': '203.0.113.4' })).toBe(429);
    await gateway.close();
  });

  it('closed sign-up is closed, whatever is sent', async () => {
    const gateway = await startGateway({ config: { signup: 'closed' } });
    for (const body of [email(), '{}', 'x', JSON.stringify({ email: 'a@b.co', signup_token: 'x' })])
      expect((await ask(gateway, 'POST', '/v1/users', { body })).status).toBe(403);
    await gateway.close();
  });

  it('a token lets one in, and an address is one, however many come at once', async () => {
    const OPERATOR = 'ib_admin_of_one_token_0123456789';
    const gateway = await startGateway({
      config: { signup: 'token', limits: { signupsPerMinute: 1_000 } },
      env: { INFERBRIDGE_ADMIN_KEY: OPERATOR },
    });
    const token = async () =>
      (await call(gateway, OPERATOR, 'POST', '/v1/admin/signup-tokens', {})).body.signup_token as string;
    const sign = async (given: string, address: string) =>
      (await call(gateway, '', 'POST', '/v1/users', { email: address, signup_token: given })).status;
    const one = await token();
    const many = await Promise.all(
      Array.from({ length: 20 }, () => sign(one, `${randomUUID()}@example.com`)),
    );
    expect(many.toSorted()).toEqual([201, ...Array(19).fill(403)]);
    const tokens = await Promise.all(Array.from({ length: 20 }, token));
    const same = await Promise.all(tokens.map((each) => sign(each, 'same@example.com')));
    expect(same.toSorted()).toEqual([201, ...Array(19).fill(409)]);
    // what was refused has used up no token
    const [, left = ''] = tokens.filter((_, index) => same[index] === 409);
    expect(await sign(left, 'other@example.com')).toBe(201);
    await gateway.close();
  });

  it('a connection that never says what it wants costs nobody the count', async () => {
    const gateway = await startGateway({ config: { limits: { signupsPerMinute: 1 } } });
    const { hostname, port } = new URL(gateway.url);
    const idle = Array.from({ length: 20 }, () => connect(Number(port), hostname).on('error', () => {}));
    expect((await ask(gateway, 'POST', '/v1/users', { body: email() })).status).toBe(201);
    for (const socket of idle) socket.destroy();
    await gateway.close();
  });
});

it('a look at the count costs the same, from however many networks a flood comes', () => {
  const window = createRateWindow({ now: () => 0 } as Clock, 60); // all that it asks of a clock
  const network = (i: number) => `2001:db8:${(i >> 8).toString(16)}:${(i & 255).toString(16)}::1`;
  const looks = (from: number, count: number) => {
    const startedAt = performance.now();
    for (let i = from; i < from + count; i++) window.take(network(i));
    return (performance.now() - startedAt) / count;
  };
  looks(0, 40_000);
  expect(looks(40_000, 100)).toBeLessThan(0.1);
});
