import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { providerContract } from '@inferbridge/core/testing';
import { loadConfig, start } from '@inferbridge/server';
import { expect, it } from 'vitest';
import { echo } from './index.ts';

for (const { name, run } of providerContract({ plugin: echo, model: 'echo-1' })) it(name, run);

it('serves in a gateway that names it, behind another that is overloaded', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'inferbridge-example-'));
  const config = fileURLToPath(new URL('../inferbridge.config.yaml', import.meta.url));
  const quiet = { info() {}, warn() {}, error() {} };
  const gateway = await start(await loadConfig({ config, port: '0' }, { INFERBRIDGE_DATA_DIR: dir }), quiet);
  try {
    const post = (path: string, body: object, key = '') =>
      fetch(gateway.url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const { api_key: key } = (await (await post('/v1/users', { email: 'you@example.com' })).json()) as {
      api_key: string;
    };
    const reply = await post(
      '/v1/chat/completions',
      { model: 'ib/echo', messages: [{ role: 'user', content: 'Hello' }] },
      key,
    );
    expect(await reply.json()).toMatchObject({
      choices: [{ message: { content: 'You said: Hello' }, finish_reason: 'stop' }],
      inferbridge: { provider: 'echo', mode: 'ib/echo', residency_actual: 'eu' },
    });
    const logs = await fetch(`${gateway.url}/v1/logs`, { headers: { authorization: `Bearer ${key}` } });
    expect(await logs.json()).toMatchObject({
      data: [
        {
          status: 'fallback_success',
          attempts: [
            { provider: 'weary', outcome: 'overloaded' },
            { provider: 'echo', outcome: 'ok' },
          ],
        },
      ],
    });
  } finally {
    await gateway.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});
