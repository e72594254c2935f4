import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { completion, limited, refusal } from '../support/answers.ts';
import { startGateway } from '../support/gateway.ts';
import { standard, vendors } from '../support/standard.ts';
import { asking, fields } from './wire.ts';

const OPERATOR = 'ib_admin_of_these_tests_0123456789';
const parts = standard({
  env: { INFERBRIDGE_ADMIN_KEY: OPERATOR },
  config: (url) => ({
    providers: vendors(url),
    tiers: { one: { targets: ['openai:gpt-6-luna'], retries: 0 }, two: { targets: ['groq:g'], retries: 0 } },
  }),
});

describe.each(['/live', '/health'])('%s', (path) => {
  it('answers GET and HEAD, with or without a key', async () => {
    for (const key of [undefined, 'ib_nobody']) {
      const call = asking(() => parts.gateway, key);
      expect(await call('GET', path)).toMatchObject({ status: 200, body: { status: 'ok' } });
      expect(await call('HEAD', path)).toMatchObject({ status: 200, body: null });
    }
  });
});

it.each([
  ['accounts', 'users'],
  ['logs', 'words'],
])('/health is a 503 that names the part that fails: %s; /live answers all the same', async (part, table) => {
  const gateway = await startGateway();
  const call = asking(() => gateway);
  expect((await call('GET', '/health')).status).toBe(200);
  const file = new DatabaseSync(join(gateway.dir, 'data', `${part}.sqlite`));
  file.exec(`ALTER TABLE ${table} RENAME TO elsewhere`);
  const failing = await call('GET', '/health');
  expect([failing.status, failing.body.failing]).toEqual([503, [part]]);
  expect(await call('HEAD', '/health')).toMatchObject({ status: 503, body: null });
  expect((await call('GET', '/live')).status).toBe(200);
  file.exec(`ALTER TABLE elsewhere RENAME TO ${table}`);
  file.close();
  expect((await call('GET', '/health')).status).toBe(200);
  await gateway.close();
});

describe('GET /v1/providers/health', () => {
  it('has three windows for each provider and model, with requests, success, errors, times and state', async () => {
    const user = await account(parts.gateway, ['openai', 'groq']);
    parts.upstream.script('openai', completion('Hello.'), refusal(500), refusal(500));
    parts.upstream.script('groq', limited('40'));
    for (let i = 0; i < 2; i++) await user.chat({ model: 'one' });
    await user.chat({ model: 'two' });
    const { status, body } = await asking(() => parts.gateway, user.key)('GET', '/v1/providers/health');
    expect(status).toBe(200);
    const of = (provider: string, model: string) =>
      body.data.find((one: Record<string, string>) => one['provider'] === provider && one['model'] === model);
    const openai = of('openai', 'gpt-6-luna');
    expect(openai).toMatchObject({ state: 'ok', until: null });
    for (const window of ['last_5_minutes', 'last_hour', 'last_day']) {
      expect(fields(openai[window])).toEqual([
        'errors',
        'first_content_ms',
        'requests',
        'success_rate',
        'total_ms',
      ]);
      expect(openai[window]).toMatchObject({ requests: 2, success_rate: 0.5, errors: { server_error: 1 } });
      for (const times of ['first_content_ms', 'total_ms'])
        expect(fields(openai[window][times])).toEqual(['p50', 'p95']);
    }
    expect(of('groq', 'g')).toMatchObject({ state: 'cooling', until: expect.stringMatching(/^\d{4}-.*Z$/) });
  });

  it('tells the operator of everybody', async () => {
    const user = await account(parts.gateway, ['openai']);
    parts.upstream.script('openai', completion('Hello.'));
    await user.chat({ model: 'openai:told-to-the-operator' });
    const { status, body } = await asking(() => parts.gateway, OPERATOR)('GET', '/v1/providers/health');
    expect(status).toBe(200);
    expect(body.data).toContainEqual(
      expect.objectContaining({ provider: 'openai', model: 'told-to-the-operator' }),
    );
  });
});
