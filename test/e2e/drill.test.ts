import { describe, expect, it } from 'vitest';
import { account } from '../support/account.ts';
import { completion, streamed } from '../support/answers.ts';
import { startGateway } from '../support/gateway.ts';
import { standard, vendors } from '../support/standard.ts';

const parts = standard({
  config: (url) => ({
    providers: vendors(url),
    faults: { rules: [{ provider: 'mistral', fault: '503' }] },
    tiers: {
      quick: {
        targets: ['openai:gpt-6-luna', 'groq:openai/gpt-oss-20b'],
        timeouts: { headersMs: 150, firstContentMs: 150, connectMs: 100, idleMs: 150 },
      },
      ruled: { targets: ['mistral:mistral-medium-latest', 'groq:openai/gpt-oss-20b'] },
    },
  }),
});
const HELLO = { whole: completion('Hello from it.'), stream: streamed('Hello from it.') };

const ask = async (fault: string, { stream = false, model = 'quick' } = {}) => {
  const user = await account(parts.gateway, ['openai', 'groq', 'mistral']);
  for (const vendor of ['openai', 'groq', 'mistral']) parts.upstream.script(vendor, HELLO);
  const response = await user.chat({ model, stream }, fault ? { 'x-inferbridge-fault': fault } : {});
  return { user, response, text: await response.text(), row: (await user.logs())[0] };
};

describe.each([true, false])('a fault that a request asks for, streaming: %s', (stream) => {
  it.each([
    ['500', 'server_error'],
    ['429;retry-after=9', 'rate_limited'],
    ['401', 'bad_credential'],
    ['reset', 'unreachable'],
    ['timeout', 'timeout'],
    ['unreachable', 'timeout'],
    ['slow:5000', 'timeout'],
    ['garbage', 'malformed'],
    ['empty', 'malformed'],
    ['cut:1', stream ? 'unreachable' : 'malformed'],
  ])('%s: the next one answers, and the row tells of the drill', async (fault, outcome) => {
    const { response, text, row } = await ask(`openai=${fault}`, { stream });
    expect(response.status).toBe(200);
    expect(text).toContain('groq');
    expect(row).toMatchObject({ status: 'fallback_success', provider: 'groq' });
    expect(row?.attempts[0]).toMatchObject({ provider: 'openai', outcome, fault });
    expect(row?.attempts[1]).not.toHaveProperty('fault');
  });
});

describe('the fire drill', () => {
  it('cuts a stream after its first content: an error event, no [DONE]', async () => {
    const { text, row } = await ask('openai=cut:3', { stream: true });
    expect(text).toContain('"error"');
    expect(text).not.toContain('[DONE]');
    expect(row).toMatchObject({ status: 'error' });
  });

  it('follows rules, and a request’s own fault comes before them', async () => {
    expect((await ask('', { model: 'ruled' })).row?.attempts[0]).toMatchObject({
      outcome: 'overloaded',
      fault: '503',
    });
    const { row } = await ask('mistral:mistral-medium-latest=404, groq=500', { model: 'ruled' });
    expect(row?.attempts.slice(0, 2)).toMatchObject([
      { outcome: 'model_not_found', fault: '404' },
      { outcome: 'server_error', fault: '500' },
    ]);
  });

  it('touches nobody else’s requests', async () => {
    await ask('openai=500');
    expect((await ask('')).row).toMatchObject({ status: 'success', provider: 'openai' });
  });

  it('touches nobody else who has the same key of the operator’s', async () => {
    const { url } = parts.upstream;
    const gateway = await startGateway({
      config: {
        faults: true,
        providers: { openai: { baseUrl: `${url}/openai/v1`, apiKey: 'sk-shared' } },
        tiers: { one: { targets: ['openai:gpt-6-luna'] } },
      },
    });
    parts.upstream.script('openai', HELLO);
    const [ada, bob] = [await account(gateway), await account(gateway)];
    const drilled = await ada.chat(
      { model: 'one' },
      { 'x-inferbridge-fault': 'openai=429;retry-after=9999' },
    );
    expect(drilled.status).toBe(429);
    const again = await ada.chat({ model: 'one' }, { 'x-inferbridge-fault': 'openai=slow:1' });
    expect(again.status).toBe(429);
    for (const user of [bob, ada]) expect((await user.chat({ model: 'one' })).status).toBe(200);
    await gateway.close();
  });

  it('spoils nobody’s figures of the provider', async () => {
    const { user } = await ask('openai=500');
    const { data } = (await (
      await parts.gateway.fetch('/v1/providers/health', { key: user.key })
    ).json()) as {
      data: { provider: string; last_hour: { requests: number } }[];
    };
    const requestsTo = (name: string) =>
      data.reduce((sum, one) => sum + (one.provider === name ? one.last_hour.requests : 0), 0);
    expect([requestsTo('openai'), requestsTo('groq')]).toEqual([0, 1]);
  });

  it('by rule counts like any other failure', async () => {
    const { user } = await ask('', { model: 'ruled' });
    const health = await parts.gateway.fetch('/v1/providers/health', { key: user.key });
    expect(((await health.json()) as { data: unknown }).data).toContainEqual(
      expect.objectContaining({
        provider: 'mistral',
        last_hour: expect.objectContaining({ requests: 1, errors: { overloaded: 1 } }),
      }),
    );
  });

  it.each(['opnai=500', 'openai', 'openai=flood', '=500', 'openai=200', 'openai=cut:x', 'openai=slow'])(
    'refuses %j, naming the header and what is known',
    async (fault) => {
      const { response, text } = await ask(fault);
      expect(response.status).toBe(422);
      expect(text).toContain('X-InferBridge-Fault');
      expect(text).toContain('provider=fault');
    },
  );

  it('is off unless configured: a request that asks for it is refused, not served as if nothing had been said', async () => {
    const gateway = await startGateway({ config: { providers: vendors(parts.upstream.url) } });
    const user = await account(gateway, ['openai']);
    await parts.upstream.clear();
    const response = await user.chat({}, { 'x-inferbridge-fault': 'openai=500' });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { type: 'permission_error', code: 'faults_off' } });
    expect(await parts.upstream.seen()).toEqual([]);
    await gateway.close();
  });
});
