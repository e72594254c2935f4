import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { account, events } from '../support/account.ts';
import { completion, message, messageStream } from '../support/answers.ts';
import { standard, vendors } from '../support/standard.ts';

/** A provider that writes whatever it likes, for as long as it likes. */
const sockets = new Set<Socket>();
let answer: (socket: Socket) => void = (socket) => socket.end();
const server = createServer((socket) => {
  sockets.add(socket);
  socket.on('error', () => {});
  socket.on('close', () => sockets.delete(socket));
  socket.once('data', () => answer(socket));
});
const PORT = await new Promise<number>((resolve) => {
  server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

const parts = standard({
  config: (url) => ({
    providers: {
      ...vendors(url),
      hostile: { use: 'openai-compatible', baseUrl: `http://127.0.0.1:${PORT}/v1`, apiKey: 'shared-key' },
      slow: { use: 'openai-compatible', baseUrl: `${url}/slow/v1`, apiKey: 'shared-key' },
    },
    tiers: { 'ib/hostile': { targets: ['hostile:m', 'anthropic:claude-test'] } },
  }),
});
beforeAll(() =>
  parts.upstream.script('anthropic', {
    whole: message('From the second.'),
    stream: messageStream('From the second.'),
  }),
);

const SSE = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n';
const whole = (body: string, headers = '') =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const chunk = (choices: unknown) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices })}\n\n`;
const part = (index: number, delta: object, finish: string | null = null) => ({
  index,
  delta,
  finish_reason: finish,
});

/** Asks the tier in which the hostile provider stands first. */
async function ask(body: object = {}) {
  const user = await account(parts.gateway, ['anthropic']);
  const response = await user.chat({ model: 'ib/hostile', ...body });
  return { user, response };
}
const second = async (response: Response) =>
  ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]?.message.content;

it('that nests its answer without end is passed over', async () => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  answer = (socket) =>
    socket.end(
      whole(
        `{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hi","deep":${deep}},"finish_reason":"stop"}]}`,
      ),
    );
  const { response, user } = await ask();
  expect(await second(response)).toBe('From the second.');
  expect((await user.logs())[0]?.attempts[0]).toMatchObject({ provider: 'hostile', outcome: 'malformed' });
});

it('that sends roles for ever is left before it fills the memory', async () => {
  const role = chunk([part(0, { role: 'assistant', content: '' })]).repeat(50);
  answer = (socket) => {
    socket.write(SSE);
    const more = () => {
      while (!socket.destroyed && socket.write(role));
    };
    socket.on('drain', more);
    more();
  };
  const { response, user } = await ask({ stream: true });
  expect((await events(response)).at(-1)).toBe('[DONE]');
  expect((await user.logs())[0]?.attempts[0]).toMatchObject({ outcome: 'malformed' });
  const rss =
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${parts.gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
  expect(rss).toBeLessThan(400);
  await pause(200);
  expect(sockets.size).toBe(0);
});

it('that packs its answer in an unknown way is left, its socket too', async () => {
  answer = (socket) => {
    socket.write(
      'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: zstd\r\ntransfer-encoding: chunked\r\n\r\n',
    );
    const timer = setInterval(() => socket.write('5\r\nabcde\r\n'), 20);
    socket.on('close', () => clearInterval(timer));
  };
  const { response } = await ask();
  expect(await second(response)).toBe('From the second.');
  await pause(300);
  expect(sockets.size).toBe(0);
});

it('that is cut while one of two choices is open has not finished', async () => {
  answer = (socket) =>
    socket.end(
      SSE +
        chunk([
          part(0, { role: 'assistant', content: 'one' }),
          part(1, { role: 'assistant', content: 'two' }),
        ]) +
        chunk([part(0, {}, 'stop')]),
    );
  const { response } = await ask({ stream: true, n: 2 });
  const all = await events(response);
  expect(all).not.toContain('[DONE]');
  expect(all.at(-1)).toMatchObject({ error: { type: 'provider_error' } });
});

it('that puts nothing where a choice should be is read on', async () => {
  answer = (socket) =>
    socket.end(
      `${SSE}${chunk([null])}${chunk([part(0, { role: 'assistant', content: 'hello' })])}${chunk([part(0, {}, 'stop')])}data: [DONE]\n\n`,
    );
  const { response } = await ask({ stream: true });
  const text = (await events(response))
    .map((event) =>
      event === '[DONE]'
        ? ''
        : ((event as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? ''),
    )
    .join('');
  expect(text).toBe('hello');
});

it('that has said all and then dies has answered', async () => {
  answer = (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n`);
    const body = chunk([part(0, { role: 'assistant', content: 'all' })]) + chunk([part(0, {}, 'stop')]);
    socket.write(`${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`);
    setTimeout(() => socket.resetAndDestroy(), 50);
  };
  const { response, user } = await ask({ stream: true });
  expect((await events(response)).at(-1)).toBe('[DONE]');
  expect((await user.logs())[0]).toMatchObject({ status: 'success', provider: 'hostile' });
});

it('callers in a hurry open no breaker of a shared key for the others', async () => {
  const { gateway, upstream } = parts;
  upstream.script('slow', {
    ...(completion('Slow, but well.') as { status: 200; body: string }),
    afterMs: 1_500,
  });
  const hasty = await account(gateway);
  for (let i = 0; i < 6; i++)
    await hasty.chat({ model: 'slow:m' }, { 'x-stainless-timeout': '0.1' }).then((r) => r.text());
  for (let i = 0; i < 5; i++)
    await hasty.chat({ model: 'slow:m' }, { 'x-inferbridge-timeout': '1' }).then((r) => r.text());
  const patient = await account(gateway);
  expect((await patient.chat({ model: 'slow:m' })).status).toBe(200);
  expect((await patient.logs())[0]?.attempts.map(({ outcome }) => outcome)).toEqual(['ok']);
}, 30_000);
