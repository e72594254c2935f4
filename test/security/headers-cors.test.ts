import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, account, PROMPT } from '../support/account.ts';
import { completion, streamed } from '../support/answers.ts';
import { runCli, startGateway, type TestGateway } from '../support/gateway.ts';
import { oneTarget } from '../support/standard.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { type Asked, ask } from './support/asking.ts';

const APP = 'https://app.example.com';
const CHAT = JSON.stringify({ model: 'one', messages: PROMPT });

let upstream: Upstream;
let off: TestGateway;
let some: TestGateway;
let all: TestGateway;
let user: Account;
beforeAll(async () => {
  upstream = await startUpstream();
  upstream.script('openai', { whole: completion('Hello.'), stream: streamed('Hello.') });
  const base = oneTarget(upstream.url);
  off = await startGateway({ config: base });
  some = await startGateway({ config: { ...base, cors: { origins: [APP, 'http://localhost:3000/'] } } });
  all = await startGateway({ config: { ...base, cors: { origins: ['*'] } } });
  user = await account(some, ['openai']);
});
afterAll(async () => {
  for (const gateway of [off, some, all]) await gateway.close();
  await upstream.close();
});

const preflight = (gateway: TestGateway, origin: string, path = '/v1/chat/completions', method = 'POST') =>
  ask(gateway, 'OPTIONS', path, {
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization, content-type, x-inferbridge-cache',
    },
  });
const allowances = ({ headers }: Asked) =>
  Object.keys(headers).filter((name) => name.startsWith('access-control'));
const PATHS = ['/live', '/health', '/v1/keys', '/v1/nowhere', '/v1/users/me', '/v1/admin/users'];

describe('CORS', () => {
  it('is off by default: no header of it, and a preflight is an unknown method', async () => {
    for (const path of [...PATHS, '/v1/chat/completions']) {
      expect(allowances(await ask(off, 'GET', path, { headers: { origin: APP } }))).toEqual([]);
      const asked = await preflight(off, APP, path);
      expect([path, allowances(asked), asked.status >= 400]).toEqual([path, [], true]);
    }
  });

  it('lets an allowed origin in, on answers, errors and streams alike, and varies by it', async () => {
    const headers = { origin: APP, authorization: `Bearer ${user.key}` };
    const told = [
      ...(await Promise.all(PATHS.map((path) => ask(some, 'GET', path, { headers })))),
      await ask(some, 'POST', '/v1/chat/completions', { headers, body: CHAT }),
      await ask(some, 'POST', '/v1/chat/completions', {
        headers,
        body: CHAT.replace('{', '{"stream":true,'),
      }),
      await ask(some, 'POST', '/v1/chat/completions', { headers: { origin: APP }, body: CHAT }),
      await ask(some, 'POST', '/v1/chat/completions', { headers, body: 'no JSON' }),
    ];
    for (const { headers: got } of told) {
      expect(got['access-control-allow-origin']).toBe(APP);
      expect(got['vary']).toMatch(/\borigin\b/i);
      expect(got['access-control-allow-credentials']).toBeUndefined();
      expect(got['access-control-expose-headers']).toContain('x-request-id');
      expect(got['access-control-expose-headers']).not.toMatch(/set-cookie|authorization|\*/);
    }
    expect(told.at(-4)?.text).toContain('Hello');
  });

  it.each([
    'https://evil.example',
    'https://app.example.com.evil.example',
    'https://evil.example/https://app.example.com',
    'https://xapp.example.com',
    'http://app.example.com',
    'https://app.example.com:444',
    'https://app.example.com:443',
    'https://sub.app.example.com',
    'null',
    'file://',
    '*',
    '',
    `${APP}, https://evil.example`,
    `${APP} `.padEnd(30, 'x'),
    'chrome-extension://abc',
  ])('keeps another origin out: %s', async (origin) => {
    for (const path of PATHS)
      expect(allowances(await ask(some, 'GET', path, { headers: { origin } }))).toEqual([]);
    const asked = await preflight(some, origin);
    expect(allowances(asked)).toEqual([]);
    expect(asked.headers['vary']).toMatch(/\borigin\b/i);
  });

  it('answers a preflight without a key, for what it asks, and for nothing beyond', async () => {
    for (const origin of [APP, 'http://localhost:3000']) {
      const { status, headers, text } = await preflight(some, origin);
      expect([status, text, headers['access-control-allow-origin']]).toEqual([204, '', origin]);
      expect(headers['access-control-allow-methods']).toBe('GET, POST, PATCH, DELETE, HEAD');
      expect(headers['access-control-allow-headers']).toBe(
        'authorization, content-type, x-inferbridge-cache',
      );
      expect(Number(headers['access-control-max-age'])).toBeLessThanOrEqual(7_200);
      expect(headers['access-control-allow-credentials']).toBeUndefined();
      expect(headers['access-control-allow-private-network']).toBeUndefined();
    }
  });

  it('never does the request of which a preflight asks', async () => {
    await upstream.clear();
    const headers = {
      origin: APP,
      'access-control-request-method': 'POST',
      authorization: `Bearer ${user.key}`,
    };
    await ask(some, 'OPTIONS', '/v1/chat/completions', { headers, body: CHAT });
    await ask(some, 'OPTIONS', '/v1/users/me', { headers });
    expect(await upstream.seen()).toEqual([]);
    expect((await some.fetch('/v1/users/me', { key: user.key })).status).toBe(200);
  });

  it('writes nothing that a preflight says into its answer but names of headers', async () => {
    for (const asked of ['x-a\tx', 'a/b', 'x:y', 'x'.repeat(3_000), 'x;y', '<script>']) {
      const { status, headers } = await ask(some, 'OPTIONS', '/v1/keys', {
        headers: {
          origin: APP,
          'access-control-request-method': 'POST',
          'access-control-request-headers': asked,
        },
      });
      expect([status, headers['access-control-allow-headers']]).toEqual([204, undefined]);
    }
  });

  it('with *: every origin, itself never repeated, and no credentials', async () => {
    for (const origin of ['https://anybody.example', 'null', APP]) {
      for (const told of [
        await preflight(all, origin),
        await ask(all, 'GET', '/v1/keys', { headers: { origin } }),
      ]) {
        expect(told.headers['access-control-allow-origin']).toBe('*');
        expect(told.headers['access-control-allow-credentials']).toBeUndefined();
      }
    }
    const told = await ask(all, 'GET', '/v1/keys', { headers: { origin: APP, cookie: 'session=x' } });
    expect([told.status, told.headers['set-cookie']]).toEqual([401, undefined]);
  });

  it.each(['app.example.com', 'https://app.example.com/path', 'null', ''])(
    'is not configured with what is no origin: %j',
    async (origin) => {
      const { code, output } = await runCli(['start', '--check'], {
        cwd: await written({ cors: { origins: [origin] } }),
      });
      expect([code, output.includes('cors.origins[0]')]).toEqual([1, true]);
    },
  );

  it('is not configured with a pattern, which it would take by the letter', async () => {
    const cwd = await written({ cors: { origins: ['https://*.example.com'] } });
    expect((await runCli(['start', '--check'], { cwd })).code).toBe(1);
  });
});

/** A folder with this configuration. */
async function written(config: object): Promise<string> {
  const { mkdtemp, writeFile } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const dir = await mkdtemp(`${tmpdir()}/inferbridge-`);
  await writeFile(`${dir}/inferbridge.config.json`, JSON.stringify(config));
  return dir;
}

const ANSWERS = [
  ['GET', '/live', ''],
  ['GET', '/v1/keys', ''],
  ['GET', '/v1/nowhere', ''],
  ['DELETE', '/v1/keys/x', ''],
  ['POST', '/v1/chat/completions', CHAT],
  ['POST', '/v1/chat/completions', '{'],
  ['POST', '/v1/chat/completions', CHAT.replace('{', '{"stream":true,')],
  ['GET', 'http://[::1/bad', ''],
] as const;

describe.each(ANSWERS)('%s %s', (method, path, body) => {
  const told = () =>
    ask(some, method, path, { headers: { authorization: `Bearer ${user.key}` }, ...(body && { body }) });

  it('may not be kept, and tells nothing of what answers', async () => {
    const { headers } = await told();
    expect(headers['cache-control']).toMatch(/no-store|no-cache/);
    expect([headers['x-powered-by'], headers['server'], headers['set-cookie']]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('forbids to guess its type', async () => {
    expect((await told()).headers['x-content-type-options']).toBe('nosniff');
  });
});
