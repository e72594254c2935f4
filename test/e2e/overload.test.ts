import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { completion } from '../support/answers.ts';
import { startGateway } from '../support/gateway.ts';
import { oneTarget } from '../support/standard.ts';
import { startUpstream } from '../support/upstream.ts';

it('a server whose event loop lags turns calls away, says so, and takes them again', async () => {
  const upstream = await startUpstream();
  upstream.script('openai', completion('Hello.'));
  const gateway = await startGateway({
    nodeArgs: ['--import', new URL('../support/busy-process.ts', import.meta.url).href],
    config: oneTarget(upstream.url),
  });
  try {
    const user = await account(gateway, ['openai']);
    const ask = async () => {
      const response = await user.chat({ model: 'one' });
      return { response, body: (await response.json()) as { error?: { message: string } } };
    };
    expect((await ask()).response.status).toBe(200);
    process.kill(gateway.pid, 'SIGUSR2');
    const seen: number[] = [];
    let shed: Awaited<ReturnType<typeof ask>> | null = null;
    let health: unknown = null;
    for (const until = performance.now() + 20_000; performance.now() < until; ) {
      const told = await ask();
      seen.push(told.response.status);
      if (told.response.status === 503 && !shed) {
        shed = told;
        health = await (await gateway.fetch('/health')).json();
      }
      if (shed && told.response.status === 200) break;
      await pause(100);
    }
    expect(seen.at(-1)).toBe(200);
    expect(shed?.body).toMatchObject({
      error: {
        type: 'service_unavailable_error',
        code: 'overloaded',
        message: 'the server is overloaded: its event loop lags',
      },
    });
    expect(shed?.response.headers.get('x-should-retry')).toBe('true');
    expect(Number(shed?.response.headers.get('retry-after-ms'))).toBeGreaterThanOrEqual(250);
    expect(health).toEqual({ status: 'overloaded', why: 'its event loop lags' });
    expect(gateway.output()).toContain('new calls are turned away');
    expect(gateway.output()).toContain('calls are taken again');
  } finally {
    await gateway.close();
    await upstream.close();
  }
});
