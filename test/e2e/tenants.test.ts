import { beforeAll, describe, expect, it } from 'vitest';
import { type Account, account } from '../support/account.ts';
import { completion } from '../support/answers.ts';
import { standard } from '../support/standard.ts';

const parts = standard();
let alice: Account;
let bob: Account;
let aliceKeyId = '';

beforeAll(async () => {
  alice = await account(parts.gateway, ['openai']);
  bob = await account(parts.gateway);
  parts.upstream.script('openai', completion('Only for Alice.'));
  await alice.chat({}, { 'x-request-id': 'alice-request' });
  aliceKeyId =
    ((await (await parts.gateway.fetch('/v1/keys', { key: alice.key })).json()) as { id: string }[])[0]?.id ??
    '';
});

/** Every route that needs a key, each as another user would try it. The list is checked against the server's own below. */
const ROUTES: readonly { readonly method: string; readonly path: () => string }[] = [
  { method: 'POST', path: () => '/v1/chat/completions' },
  { method: 'POST', path: () => '/v1/messages' },
  { method: 'POST', path: () => '/v1/messages/count_tokens' },
  { method: 'POST', path: () => '/v1/responses' },
  { method: 'POST', path: () => '/v1/embeddings' },
  { method: 'POST', path: () => '/v1/keys' },
  { method: 'GET', path: () => '/v1/keys' },
  { method: 'DELETE', path: () => `/v1/keys/${aliceKeyId}` },
  { method: 'POST', path: () => '/v1/route/explain' },
  { method: 'GET', path: () => '/v1/providers/health' },
  { method: 'GET', path: () => '/v1/models' },
  { method: 'GET', path: () => '/v1/models/openai:gpt-6.1-terra' },
  { method: 'GET', path: () => '/v1/logs' },
  { method: 'GET', path: () => '/v1/stats' },
  { method: 'PATCH', path: () => `/v1/keys/${aliceKeyId}` },
  { method: 'POST', path: () => `/v1/keys/${aliceKeyId}/test` },
  { method: 'GET', path: () => '/v1/users/me' },
  { method: 'DELETE', path: () => '/v1/users/me' },
  { method: 'POST', path: () => '/v1/users/me/keys' },
  { method: 'GET', path: () => '/v1/users/me/keys' },
  { method: 'DELETE', path: () => `/v1/users/me/keys/${aliceKeyId}` },
  { method: 'GET', path: () => '/v1/audit/export' },
  { method: 'GET', path: () => '/v1/admin/users' },
  { method: 'POST', path: () => '/v1/admin/users' },
  { method: 'GET', path: () => `/v1/admin/users/${alice.userId}` },
  { method: 'PATCH', path: () => `/v1/admin/users/${alice.userId}` },
  { method: 'DELETE', path: () => `/v1/admin/users/${alice.userId}` },
  { method: 'POST', path: () => `/v1/admin/users/${alice.userId}/keys` },
  { method: 'POST', path: () => '/v1/admin/signup-tokens' },
  { method: 'GET', path: () => '/v1/admin/signup-tokens' },
  { method: 'DELETE', path: () => '/v1/admin/signup-tokens/1' },
];

describe('every route', () => {
  it('is in the list that is walked here', async () => {
    const { routeTable } = await import('../../packages/server/src/http/routes.ts');
    const table = routeTable({ parts: {}, tierProviders: new Map(), aliases: new Map() } as never); // only paths are read
    const { createFronts } = await import('../../packages/server/src/fronts/index.ts');
    const fronts = createFronts({ strict: false }).map(({ path }) => `POST ${path}`);
    const own = table
      .filter(({ access }) => access !== 'public')
      .map(({ method, path }) => `${method.toUpperCase()} ${path.replace(/[:*]\w+/, '…')}`);
    const walked = ROUTES.map(
      ({ method, path }) =>
        `${method} ${path().replace(/^(\/v1\/(?:keys|users\/me\/keys|admin\/\w+(?:-\w+)?|models))\/[^/]*/, '$1/…')}`,
    );
    expect(walked.sort()).toEqual([...own, ...fronts].sort());
    expect(
      table
        .filter(({ access }) => access === 'public')
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['/health', '/live', '/v1/audit/public-key', '/v1/users']);
  });

  it.each(ROUTES)('$method is closed to whoever has no key', async ({ method, path }) => {
    const response = await parts.gateway.fetch(path(), {
      method,
      ...((method === 'POST' || method === 'PATCH') && { body: '{}' }),
    });
    expect(response.status).toBe(401);
  });
});

describe('one user', () => {
  it('sees none of another’s keys, and cannot delete one: 404, as if it did not exist', async () => {
    expect(await (await parts.gateway.fetch('/v1/keys', { key: bob.key })).json()).toEqual([]);
    const response = await parts.gateway.fetch(`/v1/keys/${aliceKeyId}`, { method: 'DELETE', key: bob.key });
    expect(response.status).toBe(404);
    expect(await (await parts.gateway.fetch('/v1/keys', { key: alice.key })).json()).toHaveLength(1);
  });

  it('sees none of another’s rows, also not by id or cursor', async () => {
    expect(await alice.logs()).toHaveLength(1);
    expect(await bob.logs()).toEqual([]);
    expect(await bob.logs('?request_id=alice-request')).toEqual([]);
    const page = (await (await parts.gateway.fetch('/v1/logs?limit=1', { key: alice.key })).json()) as {
      next_cursor: string;
    };
    expect(await bob.logs(`?cursor=${page.next_cursor}`)).toEqual([]);
  });

  it('sees none of another’s sums', async () => {
    const stats = async (key: string) =>
      (await (await parts.gateway.fetch('/v1/stats', { key })).json()) as {
        totals: { requests: number; cost_usd: string };
        by_provider: object;
      };
    expect((await stats(alice.key)).totals).toMatchObject({ requests: 1, cost_usd: '0.000035' });
    expect(await stats(bob.key)).toMatchObject({
      totals: { requests: 0, cost_usd: '0.000000' },
      by_provider: {},
    });
  });

  it('cannot call with another’s provider key', async () => {
    await parts.upstream.clear();
    expect((await bob.chat({})).status).toBe(422);
    expect((await bob.chat({ model: 'openai:gpt-x' })).status).toBe(422);
    expect((await bob.chat({}, { 'x-inferbridge-override-model': 'openai:gpt-x' })).status).toBe(422);
    expect(await parts.upstream.seen()).toHaveLength(0);
  });

  it('lists no model of a provider that only another has', async () => {
    const { data } = (await (await parts.gateway.fetch('/v1/models', { key: bob.key })).json()) as {
      data: { id: string }[];
    };
    expect(data.filter(({ id }) => id.includes(':'))).toEqual([]);
  });

  it('that removes a key cannot call with it any more, at once', async () => {
    const carol = await account(parts.gateway, ['openai']);
    expect((await carol.chat({})).status).toBe(200);
    const [key] = (await (await parts.gateway.fetch('/v1/keys', { key: carol.key })).json()) as {
      id: string;
    }[];
    expect(
      (await parts.gateway.fetch(`/v1/keys/${key?.id}`, { method: 'DELETE', key: carol.key })).status,
    ).toBe(204);
    expect((await carol.chat({})).status).toBe(422);
  });
});
