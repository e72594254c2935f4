import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Account, PROMPT } from '../support/account.ts';
import { chunkedBody, rawClient, rawRequest } from '../support/fault-server-client.ts';
import { customer, dataOf, rig } from '../support/fault-server-rig.ts';
import { bodyIn, FIRST, fault, json, pause, sound } from '../support/fault-server-words.ts';

const LIMIT = 100_000;
const IN_FLIGHT = 40;
const parts = rig({
  config: { bodyLimitBytes: LIMIT, limits: { signupsPerMinute: 100_000, inFlight: IN_FLIGHT } },
});
let user: Account;
beforeAll(async () => {
  user = await customer(parts);
});

const asked = (more: object = {}) => JSON.stringify({ model: 'compatible/one', messages: PROMPT, ...more });
/** A request of exactly so many bytes. */
const sized = (bytes: number) => {
  const body = asked({ user: '' });
  return body.replace('"user":""', `"user":"${'x'.repeat(bytes - body.length)}"`);
};
const called = async () => (await parts.faulty.witnessed()).requests.length;
const rest = () => wait(60);

describe.each([false, true])('a client that leaves, stream: %s', (stream) => {
  it.each([
    ['in the middle of its head', (text: string) => text.slice(0, 60)],
    ['in the middle of its body', (text: string) => text.slice(0, -20)],
  ])('%s has asked nothing', async (_, sent) => {
    await parts.faulty.script(sound('openai', stream));
    const client = await rawClient(parts.gateway);
    client.send(sent(rawRequest({ key: user.key, body: asked({ stream }) })));
    await rest();
    client.leave();
    await rest();
    expect(await called()).toBe(0);
    expect((await parts.gateway.fetch('/live')).status).toBe(200);
  });

  it('in the middle of its body leaves no row: what it wanted is not known', async () => {
    const one = await customer(parts);
    const client = await rawClient(parts.gateway);
    client.send(rawRequest({ key: one.key, body: asked({ stream }) }).slice(0, -20));
    await rest();
    client.leave();
    await rest();
    expect(await one.logs()).toEqual([]);
  });

  it('while a provider’s limit is waited for causes no further attempt', async () => {
    await parts.faulty.script(
      json({ error: { message: 'x' } }, 429, { 'retry-after-ms': '300' }),
      sound('openai', stream),
    );
    const one = await customer(parts);
    const leave = new AbortController();
    const asking = one.chat({ model: 'compatible/patient', stream }, {}, leave.signal).catch(() => null);
    await wait(120);
    leave.abort();
    await asking;
    await wait(350);
    expect(await called()).toBe(1);
    expect((await one.logs())[0]).toMatchObject({
      status: 'error',
      error: expect.stringContaining('client_closed'),
    });
  });

  it('with a reset while it waits ends the provider’s request at once', async () => {
    await parts.faulty.script(fault());
    const client = await rawClient(parts.gateway);
    client.send(rawRequest({ key: user.key, body: asked({ stream, model: 'compatible/roomy' }) }));
    await rest();
    const left = Date.now();
    client.leave();
    await wait(150);
    const { requests, open } = await parts.faulty.witnessed();
    expect([requests.length, open]).toEqual([1, 0]);
    expect((requests[0]?.closedAt ?? 0) - left).toBeLessThan(100);
    expect(await parts.healthy.inFlight()).toBe(0);
  });
});

describe.each([false, true])('what a connection may look like, stream: %s', (stream) => {
  const body = asked({ stream });
  const over = stream ? '[DONE]' : bodyIn('openai').slice(-30, -1);

  it.each([
    ['HTTP/1.0', { version: '1.0' as const }, false],
    [
      'HTTP/1.0 with keep-alive',
      { version: '1.0' as const, headers: `connection: keep-alive\r\ncontent-length: ${body.length}\r\n` },
      false,
    ],
    ['Connection: close', { headers: `connection: close\r\ncontent-length: ${body.length}\r\n` }, true],
  ])('%s gets its answer whole', async (_, more, chunks) => {
    await parts.faulty.script(sound('openai', stream));
    const client = await rawClient(parts.gateway);
    client.send(rawRequest({ key: user.key, body, ...more }));
    const received = await client.until((text) => text.includes(over) && (client.closed || !chunks));
    expect(received).toContain(' 200 OK');
    expect(received.toLowerCase().includes('transfer-encoding: chunked')).toBe(stream && chunks);
    expect(text(received)).toBe(FIRST);
    client.leave();
  });

  it('two requests at once are answered in their order, though the second would be faster', async () => {
    await parts.faulty.script(
      fault(pause(200), ...sound('openai', stream, 'The slow one.').steps),
      sound('openai', stream, 'The fast one.'),
    );
    const client = await rawClient(parts.gateway);
    const request = rawRequest({ key: user.key, body });
    client.send(request + request);
    const received = await client.until((all) => all.split(over).length > 2);
    expect(received.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(received.indexOf('slow')).toBeGreaterThan(0);
    expect(received.indexOf('slow')).toBeLessThan(received.indexOf('fast'));
    client.leave();
  });

  it('a request that comes byte by byte is understood', async () => {
    await parts.faulty.script(sound('openai', stream));
    const client = await rawClient(parts.gateway);
    for (const byte of rawRequest({
      key: user.key,
      body: chunkedBody(body, 7),
      headers: 'transfer-encoding: chunked\r\n',
    })) {
      client.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(text(await client.until((all) => all.includes(over)))).toBe(FIRST);
    client.leave();
  });
});

/** The content in what came over a bare connection. */
function text(received: string): string {
  const raw = Buffer.from(received, 'latin1').toString('utf8');
  const whole = /"message":\{"role":"assistant","content":"([^"]*)"/.exec(raw)?.[1];
  if (whole !== undefined) return whole;
  return dataOf(raw.replaceAll(/\r\n[0-9a-f]+\r\n/g, '\n'))
    .map((data) => /"content":"([^"]*)"/.exec(data)?.[1] ?? '')
    .join('');
}

describe('a body', () => {
  it.each([
    ['at the limit', LIMIT, 200],
    ['one byte above it', LIMIT + 1, 413],
  ])('%s, its length told or not, is a %3$s', async (_, bytes, status) => {
    await parts.faulty.script(sound('openai', false));
    const body = sized(bytes);
    const told = await parts.gateway.fetch('/v1/chat/completions', { method: 'POST', key: user.key, body });
    expect(told.status).toBe(status);
    const client = await rawClient(parts.gateway);
    client.send(
      rawRequest({
        key: user.key,
        body: chunkedBody(body, 30_000),
        headers: 'transfer-encoding: chunked\r\n',
      }),
    );
    const received = await client.until((all) => all.includes('\r\n\r\n'));
    expect(received).toContain(`HTTP/1.1 ${status} `);
    client.leave();
    expect(await called()).toBe(status === 200 ? 2 : 0);
  });

  it('above the limit closes the connection, whatever else was to come on it', async () => {
    const client = await rawClient(parts.gateway);
    client.send(rawRequest({ key: user.key, body: '', headers: `content-length: ${LIMIT + 1}\r\n` }));
    const received = await client.until(() => false, 1_000);
    expect(received).toContain('HTTP/1.1 413 ');
    expect(received.toLowerCase()).toContain('connection: close');
    expect(client.closed).toBe(true);
  });

  it.each(['gzip', 'br', 'nonsense'])('packed with %s is a 415', async (encoding) => {
    const response = await fetch(`${parts.gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${user.key}`,
        'content-type': 'application/json',
        'content-encoding': encoding,
      },
      body: gzipSync(asked()),
    });
    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
  });

  it.each([
    ['a chunk size that is none', 'transfer-encoding: chunked\r\n', 'zz\r\nabc\r\n0\r\n\r\n'],
    ['two lengths', 'content-length: 5\r\ncontent-length: 6\r\n', 'abcdef'],
    ['a length below zero', 'content-length: -5\r\n', ''],
  ])('with %s is a 400 and the end of the connection', async (_, headers, body) => {
    const client = await rawClient(parts.gateway);
    client.send(rawRequest({ key: user.key, body, headers }));
    expect(await client.until(() => client.closed)).toContain('HTTP/1.1 400 ');
    expect(client.closed).toBe(true);
  });
});

it('requests beyond what may be in flight are turned away at once, and told to come back soon', async () => {
  await parts.faulty.script(fault(pause(400), ...sound('openai', false).steps));
  const startedAt = Date.now();
  const turnedAway: number[] = [];
  const all = await Promise.all(
    Array.from({ length: IN_FLIGHT + 20 }, async () => {
      const response = await user.chat({ model: 'compatible/roomy' });
      await response.text();
      if (response.status === 503) turnedAway.push(Date.now() - startedAt);
      return response;
    }),
  );
  const refused = all.filter(({ status }) => status === 503);
  expect([refused.length, all.filter(({ status }) => status === 200).length]).toEqual([20, IN_FLIGHT]);
  expect(Math.max(...turnedAway)).toBeLessThan(350);
  for (const { headers } of refused) {
    expect(headers.get('x-should-retry')).toBe('true');
    expect(Number(headers.get('retry-after-ms'))).toBeLessThanOrEqual(1_000);
  }
  expect(new Set(refused.map(({ headers }) => headers.get('retry-after-ms'))).size).toBeGreaterThan(5);
  expect((await user.chat({ model: 'compatible/roomy' })).status).toBe(200);
});
