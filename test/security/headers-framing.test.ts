import { beforeAll, describe, expect, it } from 'vitest';
import { type Account, account } from '../support/account.ts';
import { standard } from '../support/standard.ts';
import { ask, call } from './support/asking.ts';
import { raw } from './support/raw.ts';

const parts = standard();
let user: Account;
beforeAll(async () => {
  user = await account(parts.gateway);
});

/** A second request that hides behind the first: where the two ends disagree on lengths, it would be answered. */
const HIDDEN = 'GET /v1/models/hidden HTTP/1.1\r\nhost: x\r\n\r\n';
const post = (headers: string, body: string) =>
  `POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}\r\n${body}`;

describe('lengths that two readers would read differently: 400, and nothing more from that connection', () => {
  it.each([
    ['CL.TE', post('content-length: 6\r\ntransfer-encoding: chunked\r\n', `0\r\n\r\n${HIDDEN}`)],
    ['TE.CL', post('transfer-encoding: chunked\r\ncontent-length: 4\r\n', `2c\r\n${HIDDEN}\r\n0\r\n\r\n`)],
    ['two lengths', post('content-length: 2\r\ncontent-length: 46\r\n', `{}${HIDDEN}`)],
    ['the same length twice', post('content-length: 2\r\ncontent-length: 2\r\n', `{}${HIDDEN}`)],
    ['a list of lengths', post('content-length: 2, 2\r\n', `{}${HIDDEN}`)],
    ['a signed length', post('content-length: +2\r\n', `{}${HIDDEN}`)],
    ['a negative length', post('content-length: -2\r\n', `{}${HIDDEN}`)],
    ['a length in hexadecimal', post('content-length: 0x2\r\n', `{}${HIDDEN}`)],
    ['an endless length', post(`content-length: ${'9'.repeat(40)}\r\n`, `{}${HIDDEN}`)],
    ['xchunked', post('transfer-encoding: xchunked\r\n', `0\r\n\r\n${HIDDEN}`)],
    ['chunked, then something', post('transfer-encoding: chunked, identity\r\n', `0\r\n\r\n${HIDDEN}`)],
    ['chunked by tab', post('transfer-encoding:\tchunked\r\ncontent-length: 5\r\n', `0\r\n\r\n${HIDDEN}`)],
    [
      'chunked on a folded line',
      post('transfer-encoding:\r\n chunked\r\ncontent-length: 5\r\n', `0\r\n\r\n${HIDDEN}`),
    ],
    ['a space before the colon', post('content-length : 2\r\n', `{}${HIDDEN}`)],
    ['a header that begins with a space', post(' content-length: 2\r\n', `{}${HIDDEN}`)],
    ['a chunk of no number', post('transfer-encoding: chunked\r\n', `zz\r\n{}\r\n0\r\n\r\n${HIDDEN}`)],
    [
      'a chunk longer than it says',
      post('transfer-encoding: chunked\r\n', `2\r\n{}xx\r\n0\r\n\r\n${HIDDEN}`),
    ],
    ['a chunk with a bare LF', post('transfer-encoding: chunked\r\n', `2\n{}\n0\n\n${HIDDEN}`)],
    ['a null byte in a header', post('x-odd: a\0b\r\ncontent-length: 2\r\n', `{}${HIDDEN}`)],
    ['a bare CR in a header', post('x-odd: a\rcontent-length: 40\r\ncontent-length: 2\r\n', `{}${HIDDEN}`)],
    ['lines with a bare LF', post('content-length: 2\r\n', `{}${HIDDEN}`).replaceAll('\r\n', '\n')],
    ['no host', 'GET /live HTTP/1.1\r\n\r\n'],
    ['HTTP/9.9', 'GET /live HTTP/9.9\r\nhost: x\r\n\r\n'],
  ])('%s', async (_, bytes) => {
    const { received, closed } = await raw(parts.gateway, bytes);
    const statuses = received.match(/HTTP\/1\.1 \d+/g) ?? [];
    expect([statuses, closed]).toEqual([['HTTP/1.1 400'], true]);
    expect((await parts.gateway.fetch('/live')).status).toBe(200);
  });

  it('two hosts', async () => {
    const { received } = await raw(parts.gateway, 'GET /live HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n');
    expect(received).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('a folded header value is refused, or read as one value: never as a header of its own', async () => {
    const { received } = await raw(
      parts.gateway,
      `GET /v1/keys HTTP/1.1\r\nhost: x\r\nx-odd: a\r\n authorization: Bearer ${user.key}\r\n\r\n`,
    );
    expect(received).toMatch(/^HTTP\/1\.1 40[01] /);
  });
});

describe('what is no request of ours', () => {
  it.each([
    ['TRACE', 'TRACE /v1/keys HTTP/1.1\r\nhost: x\r\ncookie: secret-cookie\r\n\r\n'],
    ['CONNECT', 'CONNECT 169.254.169.254:80 HTTP/1.1\r\nhost: 169.254.169.254:80\r\n\r\n'],
    ['a proxy’s request', 'GET http://169.254.169.254/latest HTTP/1.1\r\nhost: 169.254.169.254\r\n\r\n'],
    ['a web socket', 'GET /v1/keys HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'],
    [
      'h2c',
      'GET /v1/keys HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n',
    ],
    ['HTTP/2 at once', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['an unknown method', 'PURGE /v1/keys HTTP/1.1\r\nhost: x\r\n\r\n'],
  ])('%s is refused: no 1xx or 2xx, nothing echoed', async (_, bytes) => {
    const { received, closed } = await raw(parts.gateway, bytes);
    expect(received === '' ? closed : /^HTTP\/1\.1 4\d\d /.test(received)).toBe(true);
    expect(received).not.toContain('secret-cookie');
  });

  it('the method is what the request line says, whatever a header or the query would rather have', async () => {
    const headers = {
      authorization: `Bearer ${user.key}`,
      'x-http-method-override': 'DELETE',
      'x-method-override': 'DELETE',
    };
    expect((await ask(parts.gateway, 'GET', '/v1/users/me?_method=DELETE', { headers })).status).toBe(200);
    expect(
      (await ask(parts.gateway, 'POST', '/v1/users/me?_method=DELETE', { headers, body: '{}' })).status,
    ).toBe(405);
    expect((await call(parts.gateway, user.key, 'GET', '/v1/users/me')).status).toBe(200);
  });
});

describe('the Host header', () => {
  it.each(['evil.example', 'evil.example:x@good', '[::1', 'a b', '', '127.0.0.1:1/v1/admin'])(
    'decides nothing: %j',
    async (host) => {
      for (const [path, key, status] of [
        ['/v1/users/me', user.key, 200],
        ['/v1/admin/users', user.key, 403],
        ['/v1/users/me', '', 401],
      ] as const) {
        const told = await ask(parts.gateway, 'GET', path, {
          headers: { host, authorization: `Bearer ${key}` },
        });
        expect([path, told.status === 400 ? status : told.status]).toEqual([path, status]);
        if (host.length > 4) expect(told.text + JSON.stringify(told.headers)).not.toContain(host);
      }
    },
  );

  it('and X-Forwarded-Host, -Proto, -Prefix and X-Original-URL as little', async () => {
    const headers = {
      authorization: `Bearer ${user.key}`,
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'gopher',
      'x-forwarded-prefix': '/v1/admin',
      'x-original-url': '/v1/admin/users',
      'x-rewrite-url': '/v1/admin/users',
    };
    const told = await ask(parts.gateway, 'GET', '/v1/users/me', { headers });
    expect([told.status, told.text.includes(user.userId), told.text.includes('evil')]).toEqual([
      200,
      true,
      false,
    ]);
  });
});
