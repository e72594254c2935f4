import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { completion } from '../support/answers.ts';
import { startGateway } from '../support/gateway.ts';
import { standard } from '../support/standard.ts';

const parts = standard();

const register = (key: string, base_url: string, more: object = {}, gateway = parts.gateway) =>
  gateway.fetch('/v1/keys', {
    method: 'POST',
    key,
    body: JSON.stringify({ provider: 'self_hosted', api_key: 'k', base_url, declared_region: 'eu', ...more }),
  });

describe('an address of the user’s own', () => {
  it.each([
    'http://127.0.0.1:1/v1',
    'http://localhost:1/v1',
    'https://localhost./v1',
    'http://0.0.0.0:1',
    'http://[::1]:1',
    'http://[::ffff:127.0.0.1]:1',
    'http://[::ffff:7f00:1]:1',
    'http://0x7f000001',
    'http://2130706433',
    'http://0177.0.0.1',
    'http://127.1',
    'http://169.254.169.254/latest',
    'http://[fd00:ec2::254]',
    'http://10.1.2.3',
    'http://172.16.0.1',
    'http://192.168.1.1',
    'http://100.64.0.1',
    'http://metadata.google.internal',
    'http://example.com/v1',
    'https://user:pw@example.com',
    'https://example.com/?a=1',
    'https://example.com/#x',
    'ftp://example.com',
    'not a url',
  ])('%s is refused when it is saved', async (url) => {
    const user = await account(parts.gateway);
    const response = await register(user.key, url);
    expect(response.status).toBe(422);
    const { error } = (await response.json()) as { error: { param: string; message: string } };
    expect(error.param).toBe('base_url');
  });

  it('names the operator’s setting where that is what forbids it', async () => {
    const user = await account(parts.gateway);
    const { error } = (await (await register(user.key, 'http://192.168.1.1/v1')).json()) as {
      error: { message: string };
    };
    expect(error.message).toContain('selfHosted.privateAddresses');
  });

  it('that resolves to a private one is refused at every connect, and no byte is sent', async () => {
    // the name is public by its looks, and what it resolves to is not: here through the hosts file's own localhost
    const user = await account(parts.gateway);
    const saved = await register(user.key, 'https://ip6-localhost/v1');
    expect([201, 422]).toContain(saved.status);
    if (saved.status !== 201) return;
    const response = await user.chat({}, { 'x-inferbridge-override-model': 'self_hosted:llama' });
    expect(response.status).toBe(502);
  });
});

describe('where the operator allows this origin', () => {
  it('the override header reaches it, by the newest key or by label, a tier never, and its neighbour stays closed', async () => {
    const { upstream } = parts;
    const gateway = await startGateway({ config: { selfHosted: { privateAddresses: [upstream.url] } } });
    try {
      upstream.script('mine', completion('From my own machine.'));
      upstream.script('other', completion('From my other machine.'));
      const user = await account(gateway);
      expect((await register(user.key, `${upstream.url}/mine/v1`, { label: 'first' }, gateway)).status).toBe(
        201,
      );
      expect(
        (await register(user.key, `${upstream.url}/other/v1`, { label: 'second' }, gateway)).status,
      ).toBe(201);
      expect(
        (await register(user.key, `${upstream.url}/other/v1`, { label: 'second' }, gateway)).status,
      ).toBe(409);
      expect((await register(user.key, `http://127.0.0.1:${upstream.port + 1}/v1`, {}, gateway)).status).toBe(
        422,
      );
      const ask = async (model: string) =>
        (await (await user.chat({}, { 'x-inferbridge-override-model': model })).json()) as object;
      expect(await ask('self_hosted:llama')).toMatchObject({
        choices: [{ message: { content: 'From my other machine.' } }],
        inferbridge: { mode: 'override', provider: 'self_hosted', residency_actual: 'eu' },
      });
      expect(await ask('self_hosted@first:llama')).toMatchObject({
        choices: [{ message: { content: 'From my own machine.' } }],
      });
      expect((await user.chat({ model: 'ib/balanced' })).status).toBe(422);
      expect((await user.chat({ model: 'self_hosted:llama' })).status).toBe(422);
      const [listed] = (await (await gateway.fetch('/v1/keys', { key: user.key })).json()) as object[];
      expect(listed).toMatchObject({
        provider: 'self_hosted',
        label: 'first',
        residency: 'eu',
        declared_region: 'eu',
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      });
      expect(Object.keys(listed ?? {}).sort()).toEqual([
        'base_url',
        'created_at',
        'declared_region',
        'id',
        'label',
        'provider',
        'residency',
      ]);
    } finally {
      await gateway.close();
    }
  });

  it('a permission taken back holds for what is saved already: nothing is sent there any more', async () => {
    const { upstream } = parts;
    const open = await startGateway({ config: { selfHosted: { privateAddresses: true } } });
    const user = await account(open);
    upstream.script('mine', completion('Hello.'));
    expect((await register(user.key, `${upstream.url}/mine/v1`, {}, open)).status).toBe(201);
    expect((await user.chat({}, { 'x-inferbridge-override-model': 'self_hosted:llama' })).status).toBe(200);
    await open.stop();
    const closed = await startGateway({ dir: open.dir });
    try {
      await upstream.clear();
      const response = await closed.fetch('/v1/chat/completions', {
        method: 'POST',
        key: user.key,
        headers: { 'x-inferbridge-override-model': 'self_hosted:llama' },
        body: JSON.stringify({ model: 'x', messages: [{ role: 'user', content: 'x' }] }),
      });
      expect(response.status).toBe(502);
      expect(await upstream.seen()).toHaveLength(0);
    } finally {
      await closed.close();
    }
  });
});

it('keeps data in the bucket that the request names, or says that it cannot', async () => {
  const { gateway, upstream } = parts;
  const user = await account(gateway, ['openai', 'sarvam']);
  upstream.script('openai', completion('Global.'));
  upstream.script('sarvam', completion('India.'));
  const india = (await (await user.chat({}, { 'x-inferbridge-residency': 'india' })).json()) as object;
  expect(india).toMatchObject({
    choices: [{ message: { content: 'India.' } }],
    inferbridge: { residency_actual: 'india' },
  });
  const eu = await user.chat({}, { 'x-agni-residency': 'eu' });
  expect(eu.status).toBe(422);
  expect(((await eu.json()) as { error: { type: string } }).error.type).toBe('residency_error');
  const [row] = await user.logs('?status=success');
  expect(row).toMatchObject({ residency_requested: 'india', residency_actual: 'india' });
});
