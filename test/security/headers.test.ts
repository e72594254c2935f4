import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Account, account, PROMPT } from '../support/account.ts';
import { chunks, completion } from '../support/answers.ts';
import { startGateway } from '../support/gateway.ts';
import { standard } from '../support/standard.ts';
import { raw } from './support/raw.ts';

const parts = standard({ config: () => ({ tiers: { one: { targets: ['openai:gpt-6-luna'] } } }) });
let user: Account;
beforeAll(async () => {
  user = await account(parts.gateway, ['openai']);
});
const CHAT = JSON.stringify({ model: 'one', messages: PROMPT });

describe('between client and provider', () => {
  it('the provider gets these headers and no others, whatever the client sends', async () => {
    const secret = 'for-the-gateway-alone';
    const sent: Record<string, string> = Object.fromEntries(
      [
        'cookie',
        'x-forwarded-for',
        'x-forwarded-host',
        'forwarded',
        'via',
        'proxy-authorization',
        'x-api-key',
        'api-key',
        'openai-organization',
        'openai-project',
        'anthropic-beta',
        'x-goog-api-key',
        'referer',
        'origin',
        'x-real-ip',
        'te',
        'expect-ct',
        'x-custom',
        'traceparent',
        'if-none-match',
      ].map((name) => [name, name === 'te' ? 'trailers' : secret]),
    );
    for (const stream of [false, true]) {
      parts.upstream.script('openai', stream ? { sse: chunks('Hello.') } : completion('Hello.'));
      await parts.upstream.clear();
      const told = await user.chat({ model: 'one', stream }, { ...sent, 'user-agent': secret });
      expect([told.status, (await told.text()).includes('Hello')]).toEqual([200, true]);
      const [seen] = await parts.upstream.seen('openai');
      const names = Object.keys(seen?.headers ?? {}).sort();
      expect(names.filter((name) => !ALLOWED.has(name))).toEqual([]);
      expect(JSON.stringify(seen)).not.toContain(secret);
      expect(JSON.stringify(seen)).not.toContain(user.key);
    }
  });
  const ALLOWED = new Set(
    'accept accept-encoding authorization connection content-length content-type host user-agent'.split(' '),
  );

  it('the client gets nothing of the provider’s headers that is not the gateway’s own', async () => {
    const theirs = {
      'set-cookie': 'theirs=1; Path=/',
      location: 'https://evil.example/',
      'access-control-allow-origin': '*',
      'access-control-allow-credentials': 'true',
      'strict-transport-security': 'max-age=31536000',
      'alt-svc': 'h3=":443"',
      'content-security-policy': 'theirs',
      'openai-organization': 'org-theirs',
      'openai-processing-ms': '7',
      'x-ratelimit-remaining-requests': '7',
      'proxy-authenticate': 'Basic',
      'www-authenticate': 'Basic realm="theirs"',
      refresh: '0; url=https://evil.example',
      link: '<https://evil.example>; rel=preload',
      'x-hop': 'theirs',
      trailer: 'x-late',
      'x-content-type-options': 'theirs',
      etag: '"theirs"',
    };
    for (const [status, stream] of [
      [200, false],
      [200, true],
      [400, false],
      [401, false],
      [302, false],
    ] as const) {
      const one = await account(parts.gateway, ['openai']);
      parts.upstream.script(
        'openai',
        stream
          ? { sse: chunks('Hello.'), headers: theirs }
          : { ...(completion('Hello.') as { body: string }), status, headers: theirs },
      );
      const response = await one.chat({ model: 'one', stream });
      const names = [...response.headers.keys()];
      expect(names.filter((name) => name in theirs && !['x-content-type-options'].includes(name))).toEqual(
        [],
      );
      expect(JSON.stringify([...response.headers])).not.toMatch(/theirs|evil/);
      await response.text();
    }
  });

  it('names that every object has crash and pollute nothing', async () => {
    parts.upstream.script('openai', {
      ...(completion('Hello.') as { status: 200; body: string }),
      headers: { constructor: 'x', 'x-a': 'y', tostring: 'z' },
    });
    const { received } = await raw(
      parts.gateway,
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${user.key}\r\n__proto__: polluted\r\nconstructor: polluted\r\ntoString: polluted\r\nhasOwnProperty: x\r\ncontent-length: ${CHAT.length}\r\n\r\n${CHAT}`,
    );
    expect(received).toMatch(/^HTTP\/1\.1 200 /);
    expect(received).not.toContain('polluted');
    expect((await user.chat({ model: 'one' })).status).toBe(200);
    expect((await parts.gateway.fetch('/v1/keys?__proto__=x&constructor=y', { key: user.key })).status).toBe(
      200,
    );
  });

  it('an answer that nobody asked for is given to nobody', async () => {
    const poison = completion('POISON') as { body: string };
    const good = completion('Hello.') as { body: string };
    const answer = (body: string) =>
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      let asked = '';
      socket.on('data', (piece) => {
        asked += piece.toString('latin1');
        if (!asked.includes('"messages"')) return;
        asked = '';
        socket.write(answer(good.body));
        // one in the same moment, and one when the connection has long been idle
        socket.write(answer(poison.body));
        setTimeout(() => socket.destroyed || socket.write(answer(poison.body)), 15);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // it listens on a port
    const gateway = await startGateway({
      config: {
        providers: { openai: { baseUrl: `http://127.0.0.1:${port}/v1` } },
        tiers: { one: { targets: ['openai:m'] } },
      },
    });
    const [ada, bob] = [await account(gateway, ['openai']), await account(gateway, ['openai'])];
    for (let i = 0; i < 20; i++) {
      const told = await Promise.all(
        [ada, bob].map(async (one) => (await one.chat({ model: 'one' })).text()),
      );
      for (const text of told) expect(text).not.toContain('POISON');
      await new Promise((resolve) => setTimeout(resolve, i));
    }
    await gateway.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});
